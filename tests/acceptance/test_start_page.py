"""The first five minutes go as the page says: what is shown there is done there, by a real worker."""

from __future__ import annotations

import re
import shlex
from datetime import timedelta
from pathlib import Path

from tests.support.command_line import COMMAND, CommandHere, CommandLine
from tests.support.pages import DOCS, ROOT, blocks, texts
from tests.support.processes import processes
from tests.support.waiting import eventually

(SHOP,) = (text for text in texts(DOCS / "start.md", "python") if text.startswith("# shop.py\n"))
#: A command and what it prints, in the order of the page.
SESSION = [
    (shlex.split(line), output)
    for block in blocks(DOCS / "start.md")
    if not block.language
    for line, output in re.findall(r"^\$ dramaturg (.+)\n((?:(?!\$ ).*\n)*)", block.text, re.MULTILINE)
]


def test_the_first_five_minutes_go_as_they_are_shown(redis_url: str, home: Path, tmp_path: Path) -> None:
    """An order that is packed, one that is refused, one that dies, and its second life after the code was mended."""
    env = {"DRAMATURG_HOME": str(home), "REDIS_URL": redis_url, "DRAMATURG_PROBES_PORT": "0"}
    dramaturg, here = CommandLine(tmp_path, env), CommandHere(env)
    code = tmp_path / "shop.py"
    code.write_text(SHOP, "utf-8")
    packed, refused, dies, groups, retry, listed = SESSION
    with processes(tmp_path, env) as started:
        worker = [*COMMAND[:-1], "pipeline.engine.worker", "--threads", "2", "shop"]
        running = started.start(worker, cwd=tmp_path)
        assert dramaturg(*packed[0], "--timeout", "60").stdout == packed[1]
        answer = dramaturg(*refused[0], code=2)
        assert answer.stdout + answer.stderr == refused[1]
        assert "no box of that size" in dramaturg(*dies[0], "--timeout", "60", code=1).stderr
        told = here(*groups[0]).stdout
        assert shape(told) == shape(groups[1])
        running.terminate()
        assert running.wait(timedelta(seconds=30)) == 0
        code.write_text(
            SHOP.replace('    if item == "vase":\n        raise Permanent("no box of that size")\n', ""), "utf-8"
        )
        assert code.read_text("utf-8").count("vase") == 0
        started.start(worker, cwd=tmp_path)
        here(*retry[0])
        eventually(
            lambda: here(*listed[0]).stdout.count("completed") == 2,
            timedelta(seconds=30),
            every=timedelta(milliseconds=300),
        )


def test_the_readme_shows_the_same() -> None:
    """Its session, as far as it goes, is the one of the page."""
    (shown,) = (block for block in blocks(ROOT / "README.md") if "dramaturg send order.pack" in block.text)
    lines = [line for line in shown.text.splitlines() if "worker" not in line]
    page = "\n".join(block.text for block in blocks(DOCS / "start.md"))
    assert "\n".join(lines) in page


def shape(table: str) -> list[str]:
    """Give a table without what differs from day to day, and without the width of its columns."""
    return [
        re.sub(r" +", " ", re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "WHEN", line)).strip()
        for line in table.splitlines()
    ]

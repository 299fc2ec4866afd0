"""What the pages show runs, or is at least what it says it is: Python, command lines, data."""

from __future__ import annotations

import configparser
import io
import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml

from pipeline.cli.program import program
from tests.support.command_line import CommandLine
from tests.support.pages import PAGES, ROOT, Block, blocks, calls, spoken
from tests.support.redis_server import RedisServer

BLOCKS = [block for page in PAGES for block in blocks(page)]
PYTHON = [block for block in BLOCKS if block.language == "python" and block.mark != "not run"]
LINES = [(block, line) for block in BLOCKS for line in block.commands]

#: Commands that only look, or that can be taken back, and need nothing but Redis: the tests run each line of them.
RUN = {
    "backup ls", "breakers ls", "budgets ls", "campaigns ls", "database", "database migrate", "dead groups", "dead ls",
    "doctor", "leads ls", "limits ls", "metrics", "policies", "queues", "queues ls",
    "review ls", "runs ls", "schedules ls", "schedules next", "schedules show", "schedules pause", "schedules resume",
    "stats", "stats rollup", "limits set", "budgets set",
}  # fmt: skip


def ini(text: str) -> None:
    """Read a file of sections; a key may come more than once in units of systemd."""
    configparser.ConfigParser(strict=False, interpolation=None, allow_no_value=True).read_file(io.StringIO(text))


#: Built once: that takes a tenth of a second.
COMMANDS: Any = typer.main.get_command(program)

#: A word with such an end names a file; the reader is taken to have it.
FILES = (".pdf", ".md", ".json", ".docx", ".toml", ".db")

#: What the library raises for a call that it does not take.
USAGE: Any = typer.BadParameter.__base__

#: What reads a block in each language; a block in one that is not here fails the tests.
READERS: dict[str, Callable[[str], Any]] = {
    "python": lambda text: compile(text, "block", "exec"),
    "json": json.loads,
    "toml": tomllib.loads,
    "yaml": lambda text: list(yaml.safe_load_all(text)),
    "ini": ini,
}
#: Languages that nothing here reads: shells have a test of their own, the others are for people.
UNREAD = {"", "text", "sql", "console", "sh", "bash", "promql", "dockerfile", "lua", "nginx"}


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory, redis_server: RedisServer) -> dict[str, str]:
    """What failed in each block of Python, all of them run in one process with a worker and a Redis."""
    folder = tmp_path_factory.mktemp("pages")
    if not redis_server.running:
        redis_server.start()
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "DRAMATURG_HOME": str(folder / "home")}
    env |= {"REDIS_URL": redis_server.url, "DRAMATURG_NAMESPACE": "pages"}
    command = [sys.executable, "-m", "tests.support.page_runner"]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    return dict(json.loads(line) for line in done.stdout.splitlines())


@pytest.mark.parametrize("block", PYTHON, ids=str)
def test_python_in_a_page_runs(block: Block, ran: dict[str, str]) -> None:
    """With what the page says comes before it; the tests that it declares pass."""
    assert ran[str(block)] == ""


def test_a_block_that_is_not_run_says_why() -> None:
    """And a mark stands where it means something."""
    marked = [block for block in BLOCKS if block.mark]
    assert [str(block) for block in marked if block.language != "python"] == []
    assert [str(block) for block in marked if block.mark == "not run" and len(block.told.split()) < 4] == []


def test_data_in_the_pages_can_be_read() -> None:
    """Every block is in a language that is known here, and is what it says."""
    assert {block.language for block in BLOCKS} <= READERS.keys() | UNREAD
    wrong = []
    for block in BLOCKS:
        try:
            READERS.get(block.language, str)(block.text)
        except (ValueError, SyntaxError, yaml.YAMLError, configparser.Error) as error:
            wrong.append(f"{block}: {error}")
    assert not wrong, "\n".join(wrong)


def test_shell_in_the_pages_is_shell() -> None:
    """Bash reads all of it."""
    lines = [line for block, line in LINES if block.language in {"sh", "bash"}]
    read = subprocess.run(["bash", "-n"], input="\n".join(lines), capture_output=True, text=True, check=False)
    assert (read.returncode, read.stderr) == (0, "")


def test_commands_in_the_pages_are_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each call of ``dramaturg`` is one that the program takes: words, options, types, and nothing missing."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    wrong = []
    for block, line in LINES:
        for given in calls(line):
            words = [str(Path(word).expanduser()) if word.startswith("~/") else word for word in given]
            for file in {tmp_path / word for word in words if word.endswith(FILES) and "://" not in word}:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.touch()
            if mistake := refused(words):
                wrong.append(f"{block}: {line}: {mistake}")
    assert len(LINES) > 60
    assert not wrong, "\n".join(wrong)


def test_commands_in_sentences_are_there() -> None:
    """What is named in passing has its words and options, though not always all that it needs."""
    wrong = []
    for page in PAGES:
        for line in spoken(page):
            words = line.split("#")[0].split("|")[0].split()[1:]
            place = COMMANDS
            while words and words[0] in getattr(place, "commands", {}):
                place = place.commands[words.pop(0)]
            known = {option for one in place.params for option in one.opts}
            lost = {word for word in words if word.startswith("-")} - known - {"--help"}
            if lost or (words and hasattr(place, "commands") and words[0] not in {"...", "…"} | known):
                wrong.append(f"{page.name}: {line}")
    assert not wrong, "\n".join(wrong)


def test_commands_that_are_safe_and_quick_run(redis_url: str, home: Path, tmp_path: Path) -> None:
    """One after another, against an empty Redis; what they need beside it is in the settings."""
    env = {"REDIS_URL": redis_url, "DRAMATURG_HOME": str(home), "DRAMATURG_BACKUP_TO": str(tmp_path / "backups")}
    dramaturg = CommandLine(tmp_path, {**env, "DRAMATURG_MAILCHIMP_LIST_ID": "2b5f0e1a4c", "COLUMNS": "200"})
    dramaturg("database", "migrate")
    seen: set[tuple[str, ...]] = set()
    for _, line in LINES:
        for words in calls(line):
            if tuple(words) not in seen and named(words) in RUN and not any(word.isupper() for word in words):
                seen.add(tuple(words))
                dramaturg(*words)
    assert len(seen) > 15


def named(words: list[str]) -> str:
    """Give the command's own words."""
    place = COMMANDS
    found = []
    for word in words:
        if word not in getattr(place, "commands", {}):
            break
        place = place.commands[word]
        found.append(word)
    return " ".join(found)


def refused(words: list[str]) -> str:
    """Say why the program does not take a call, or nothing if it does; nothing is carried out."""
    place = COMMANDS
    above, name, rest = None, "dramaturg", list(words)
    try:
        while True:
            context = place.make_context(name, rest, parent=above)
            left = [*getattr(context, "_protected_args", []), *context.args]
            if not getattr(place, "commands", None) or not left:
                return ""
            (name, place, rest), above = place.resolve_command(context, left), context
    except typer.Exit:  # after help, or the version
        return ""
    except USAGE as error:
        return error.format_message()

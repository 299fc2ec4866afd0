"""The page on schedules: its program is the example's, and prints what the page says."""

from __future__ import annotations

import re
import subprocess
import sys
from inspect import signature

from pipeline.schedule import every
from tests.support.pages import DOCS, ROOT, texts

PAGE = DOCS / "schedules.md"
EXAMPLE = ROOT / "examples" / "schedules" / "first.py"


def test_the_first_schedule_does_what_the_page_shows() -> None:
    """Run as it stands, with a Redis of its own."""
    ran = subprocess.run(
        [sys.executable, str(EXAMPLE)], capture_output=True, text=True, timeout=60, check=False, env={"PATH": ""}
    )
    assert (ran.returncode, ran.stderr) == (0, ""), ran.stdout + ran.stderr
    (shown,) = (block for block in texts(PAGE, "console") if block.startswith("$ "))
    assert shown == f"$ python examples/schedules/first.py\n{ran.stdout}"


def test_the_program_in_the_page_is_that_of_the_example() -> None:
    """From the payload to the schedules, word for word."""
    (block,) = texts(PAGE, "python")
    declarations = block[block.index("class Place") :]
    assert declarations in EXAMPLE.read_text("utf-8")


def test_the_page_names_every_option() -> None:
    """Each parameter of ``every`` has its line."""
    rows = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \|", PAGE.read_text("utf-8"), re.MULTILINE)
    assert set(signature(every).parameters) <= set(re.findall(r"`(\w+)`", " ".join(rows)))

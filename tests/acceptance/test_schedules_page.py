"""The page on schedules: its program is the example's, and prints what the page says."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from inspect import signature

import typer.main

from pipeline.cli.program import program
from pipeline.schedule import every
from tests.support.processes import ROOT

PAGE = (ROOT / "docs" / "schedules.md").read_text("utf-8")
EXAMPLE = ROOT / "examples" / "schedules" / "first.py"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


def test_the_first_schedule_does_what_the_page_shows() -> None:
    """Run as it stands, with a Redis of its own."""
    ran = subprocess.run(
        [sys.executable, str(EXAMPLE)], capture_output=True, text=True, timeout=60, check=False, env={"PATH": ""}
    )
    assert (ran.returncode, ran.stderr) == (0, ""), ran.stdout + ran.stderr
    (shown,) = (block for block in blocks("console") if block.startswith("$ "))
    assert shown == f"$ python examples/schedules/first.py\n{ran.stdout}"


def test_the_program_in_the_page_is_that_of_the_example() -> None:
    """From the payload to the schedules, word for word."""
    (block,) = blocks("python")
    declarations = block[block.index("class Place") :]
    assert declarations in EXAMPLE.read_text("utf-8")


def test_the_page_names_every_option_and_only_commands_that_exist() -> None:
    """Each parameter of ``every`` has its line, and each command its options."""
    rows = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \|", PAGE, re.MULTILINE)
    assert set(signature(every).parameters) <= set(re.findall(r"`(\w+)`", " ".join(rows)))
    commands = [line for block in blocks("console") for line in block.splitlines() if line.startswith("dramaturg ")]
    assert len(commands) >= 8
    for command in commands:
        words = shlex.split(command, comments=True)[1:]
        place = typer.main.get_command(program)
        while words and words[0] in getattr(place, "commands", {}):
            place = place.commands[words.pop(0)]  # type: ignore[attr-defined] # a group, as it has this
        known = {option for one in place.params for option in one.opts}
        assert {word for word in words if word.startswith("-")} <= known, command

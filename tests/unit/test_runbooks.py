"""The runbooks: a reader who was woken finds what to type, and it works."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer.main

from pipeline.cli.program import program
from tests.support.processes import ROOT
from tests.support.prometheus import FOLDER, alerts

DOCS = ROOT / "docs"
PAGES = sorted((DOCS / "runbooks").glob("*.md"))
ALERTS = DOCS / "alerts.md"

PROGRAM = typer.main.get_command(program)

ALL = pytest.mark.parametrize("page", [*PAGES, ALERTS], ids=lambda page: page.stem)


def found_in(words: list[str]) -> tuple[object, list[str]]:
    """Follow words through the program's commands; the last command, and what is left."""
    place: object = PROGRAM
    while words and words[0] in getattr(place, "commands", {}):
        place = place.commands[words[0]]  # type: ignore[attr-defined] # a group, as it has this
        words = words[1:]
    return place, words


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_each_page_says_what_where_how_and_when_not(page: Path) -> None:
    """In this order, and it names its alert and how urgent that is."""
    text = page.read_text("utf-8")
    assert re.findall(r"^#+ (.*)$", text, re.MULTILINE) == [
        page.stem, "What it means", "See it", "What to do", "When it is noise",
    ]  # fmt: skip
    urgent = {rule["labels"]["severity"] for name, rule in alerts().items() if name == page.stem}
    assert ("page" in urgent) <= ("akes somebody" in text)
    assert "```console\n" in text


@ALL
def test_each_command_that_is_shown_is_one_that_the_program_takes(page: Path) -> None:
    """Words, options and values are read as the program reads them; nothing is run."""
    blocks = re.findall(r"```(?:console|bash)\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines() if line.startswith("dramaturg ")]
    assert lines or page.stem == "alerts" or "curl" in "".join(blocks)
    for line in lines:
        command, left = found_in(shlex.split(line, comments=True)[1:])
        command.make_context("dramaturg", left).close()  # type: ignore[attr-defined] # raises where it reads a mistake


@ALL
def test_each_command_that_is_named_exists(page: Path) -> None:
    """In a sentence a command may stand without its arguments, but with no option that it does not have."""
    text = re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL)
    for named in re.findall(r"`dramaturg ([^`]+)`", text):
        command, left = found_in(shlex.split(named))
        options = {option for one in command.params for option in one.opts}  # type: ignore[attr-defined] # any command
        assert {word for word in left if word.startswith("-")} <= options, named
        assert command is not PROGRAM, named


@ALL
def test_each_link_leads_somewhere(page: Path) -> None:
    """To a file, and to a heading that is in it."""
    for target in re.findall(r"\]\(([^)]+)\)", page.read_text("utf-8")):
        if target.startswith(("http://", "https://")):
            continue
        file, _, anchor = target.partition("#")
        there = (page.parent / file).resolve() if file else page
        assert there.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.*)$", there.read_text("utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", line).strip().lower().replace(" ", "-") for line in headings}, (
                target
            )


def test_the_table_of_alerts_is_that_of_the_rules() -> None:
    """Each alert once, with how long it waits, how urgent it is, and its page."""
    rows = {
        name: (wait, urgency)
        for name, wait, urgency in re.findall(
            r"^\| \[(\w+)\]\(runbooks/\1\.md\) \|.*\| ([^|]*) \| ([^|]*) \|$", ALERTS.read_text("utf-8"), re.MULTILINE
        )
    }
    assert set(rows) == set(alerts())
    for name, rule in alerts().items():
        wait, urgency = rows[name]
        assert wait == rule.get("for", "at once").replace("m", " min"), name
        assert rule["labels"]["severity"] in urgency, name


def test_the_page_names_every_threshold() -> None:
    """What a team sets is told with its meaning."""
    text = ALERTS.read_text("utf-8")
    for name in re.findall(r"record: (\S+)", (FOLDER / "rules" / "thresholds.yml").read_text("utf-8")):
        assert f"`{name}`" in text

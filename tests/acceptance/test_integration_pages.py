"""The pages on integrations and campaigns: the example is the program that is shown, and prints what the page says."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from typing import Any

import pytest
import typer.main

from actors.growth.campaigns_settings import CampaignsSettings
from actors.growth.field_mapping import FieldMapping
from pipeline.cli.program import program
from tests.support.processes import ROOT

EXAMPLE = ROOT / "examples" / "integrations" / "first.py"


def blocks(page: str, language: str) -> list[str]:
    """The blocks of a page in a language."""
    text = (ROOT / "docs" / f"{page}.md").read_text("utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def test_the_first_integration_is_the_example_and_prints_what_the_page_says() -> None:
    """Word for word."""
    assert blocks("integrations", "python") == [EXAMPLE.read_text("utf-8")]
    env = {"PYTHONPATH": str(ROOT)}
    ran = subprocess.run([sys.executable, EXAMPLE], capture_output=True, text=True, timeout=60, env=env, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert blocks("integrations", "console") == [f"$ python examples/integrations/first.py\n{ran.stdout}"]


def test_the_mapping_of_the_page_is_one() -> None:
    """What is written there can be set."""
    [block] = blocks("campaigns", "json")
    mapping = FieldMapping.model_validate({"fields": json.loads(block)})
    assert mapping.there({"visits": "7", "birthday": "12/31/2030"}) == {
        "FNAME": "",
        "BIRTHDATE": "2030-12-31",
        "VISITS": 7,
    }


def test_settings_that_the_page_names_are_there() -> None:
    """With the defaults that it tells."""
    text = (ROOT / "docs" / "campaigns.md").read_text("utf-8")
    named = set(re.findall(r"DRAMATURG_CAMPAIGNS_(\w+)", text))
    assert named <= {name.upper() for name in CampaignsSettings.model_fields}
    defaults = CampaignsSettings.model_fields
    assert (defaults["poll"].default.seconds, defaults["direct"].default) == (10, 10)
    assert (defaults["overlap"].default.seconds, defaults["results_for"].default.days) == (60, 30)
    assert defaults["batch"].default == 500


@pytest.mark.parametrize("page", ["campaigns", "integrations"])
def test_commands_and_links_of_the_page_are_there(page: str) -> None:
    """Commands with their options, and pages that are linked."""
    text = (ROOT / "docs" / f"{page}.md").read_text("utf-8")
    for link in re.findall(r"\]\(([^)#]+)\)", text):
        assert (ROOT / "docs" / link).exists(), link
    for command in re.findall(r"^\$ (dramaturg .+)$|`(dramaturg [^`]+)`", text, re.MULTILINE):
        words = shlex.split(command[0] or command[1], comments=True)[1:]
        place: Any = typer.main.get_command(program)
        while words and words[0] in getattr(place, "commands", {}):
            place = place.commands[words.pop(0)]
        known = {option for one in place.params for option in one.opts}
        assert {word for word in words if word.startswith("-")} <= known, command

"""The pages on integrations and campaigns: the example is the program that is shown, and prints what the page says."""

from __future__ import annotations

import json
import re
import subprocess
import sys

from actors.growth.campaigns_settings import CampaignsSettings
from actors.growth.field_mapping import FieldMapping
from tests.support.pages import DOCS, ROOT, texts

EXAMPLE = ROOT / "examples" / "integrations" / "first.py"


def test_the_first_integration_is_the_example_and_prints_what_the_page_says() -> None:
    """Word for word."""
    assert texts(DOCS / "integrations.md", "python") == [EXAMPLE.read_text("utf-8")]
    env = {"PYTHONPATH": str(ROOT)}
    ran = subprocess.run([sys.executable, EXAMPLE], capture_output=True, text=True, timeout=60, env=env, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert texts(DOCS / "integrations.md", "console") == [f"$ python examples/integrations/first.py\n{ran.stdout}"]


def test_the_mapping_of_the_page_is_one() -> None:
    """What is written there can be set."""
    [block] = texts(DOCS / "campaigns.md", "json")
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

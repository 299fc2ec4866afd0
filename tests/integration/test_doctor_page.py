"""The pages on the doctor and on deploys: what they list is what there is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

from pipeline.deploy_check.report import EFFECTS, Kind

ROOT = Path(__file__).parents[2]


def listed(page: str) -> set[str]:
    """The names in the first column of the tables of a page."""
    text = (ROOT / "docs" / page).read_text("utf-8")
    return {name for row in re.findall(r"^\| (`.*?) \|", text, re.MULTILINE) for name in re.findall(r"`([\w.]+)`", row)}


def test_the_page_lists_every_check() -> None:
    """Each name of a check in the code has its line, and no other does."""
    files = [
        *(ROOT / "pipeline" / "doctor").glob("*.py"),
        *(ROOT / "pipeline" / "engine").glob("server_*.py"),
        ROOT / "pipeline" / "cli" / "doctor.py",
    ]
    found: set[str] = set()
    for path in files:
        text = path.read_text("utf-8")
        found |= set(
            re.findall(
                r'"((?:redis|clock|workers|queues|runs|schedules|dead|reviews|breakers|budgets|stats|backups)\.\w+)"',
                text,
            )
        )
        found |= set(re.findall(r'(?:_of\(|check=)"(\w+)"', text))
    assert listed("doctor.md") == found


def test_the_page_lists_everything_that_a_check_of_a_deploy_finds() -> None:
    """Each kind has its line, and its effect."""
    assert listed("rolling-deploys.md") == set(get_args(Kind)) == set(EFFECTS)

"""The pages on effects and gates: their numbers are those in force. What they show is run with all other pages."""

from __future__ import annotations

from actors.study import gates
from pipeline import effect
from tests.support.pages import DOCS


def test_the_defaults_in_the_pages_are_those_in_force() -> None:
    """A number that is changed in the code is changed on the page."""
    told = (DOCS / "gates.md").read_text(encoding="utf-8")
    assert f"{gates.GOOD} is good ({gates.GOOD_EXPLANATION} for explanations" in told
    assert gates.REPAIRS == 1
    assert f"believed {effect.SETTLE.seconds} seconds after" in (DOCS / "effects.md").read_text(encoding="utf-8")

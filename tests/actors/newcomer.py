"""An actor that only workers with newer code know."""

from __future__ import annotations

from pipeline import Run, actor
from tests.actors.notes import note
from tests.actors.plain import QUICK


@actor(name="test.newcomer", queue="news", retry=QUICK)
def newcomer(text: str, run: Run) -> str:
    """Say that it was the new code."""
    note("effect")
    return f"new {text}"

"""What older code served of the newcomer's queue: the queue was there, the actor was not."""

from __future__ import annotations

from pipeline import Run, actor
from tests.actors.notes import note
from tests.actors.plain import QUICK


@actor(name="test.oldtimer", queue="news", retry=QUICK)
def oldtimer(text: str, run: Run) -> str:
    """Say that it was the old code."""
    note("effect")
    return f"old {text}"

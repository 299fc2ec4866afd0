"""Actors that keep what they make in the database."""

from __future__ import annotations

import time

from pydantic import BaseModel

from pipeline import Run, actor
from pipeline.artifacts import get_artifacts
from tests.actors.notes import note
from tests.actors.plain import QUICK


class Pages(BaseModel):
    """How many results to keep, and how long each one takes, in seconds."""

    count: int
    seconds: float = 0


def page(number: int, seconds: float, run_id: str) -> str:
    """Make one result and keep it."""
    time.sleep(seconds)
    kept = get_artifacts().save(run_id=run_id, kind=f"page {number}", body={"number": number})
    note("step", f"page[{number}]")
    return kept.id


@actor(name="test.keep", retry=QUICK)
def keep(pages: Pages, run: Run) -> list[str]:
    """Keep so many results, one a step, and give their ids."""
    note("started")
    return run.each(page, range(pages.count), pages.seconds, run.id)

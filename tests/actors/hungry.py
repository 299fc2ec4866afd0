"""Actors that take memory: a document that needs more than its reader may have."""

from __future__ import annotations

from pydantic import BaseModel

from actors.study.reading import read_document
from actors.study.reading.readers.limits import Limits
from pipeline import Run, actor
from pipeline.blobs import get_blobs
from tests.actors.notes import note
from tests.actors.plain import QUICK


class Meal(BaseModel):
    """Which document, and how many MB its reader may take."""

    blob: str
    megabytes: int


@actor(name="test.read_within", retry=QUICK)
def read_within(meal: Meal, run: Run) -> int:
    """Read a document in a child that may take so much memory, and give its number of pages."""
    note("started")
    limits = Limits(memory=meal.megabytes * 1024**2)
    return read_document(get_blobs().path(meal.blob), name="meal.txt", limits=limits).pages


@actor(name="test.swallow", queue="bulk", retry=QUICK)
def swallow(text: str, run: Run) -> int:
    """Take much in, and say how much it was."""
    return len(text)

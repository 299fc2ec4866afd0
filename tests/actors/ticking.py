"""Schedules for the fault tests: one that comes every two seconds, one every minute, with a payload each."""

from __future__ import annotations

from datetime import timedelta

from pydantic import BaseModel

from pipeline import Run, actor, every
from tests.actors.notes import note


class Beat(BaseModel):
    """What a tick carries."""

    tag: str


@actor(name="test.beat")
def beat(given: Beat, run: Run) -> str:
    """Note that it ran."""
    note(f"beat {given.tag}")
    return given.tag


EVERY_TWO = every(timedelta(seconds=2), beat, Beat(tag="two"), name="test.every-two", misfire="all")
EVERY_MINUTE = every("* * * * *", beat, Beat(tag="minute"), name="test.every-minute", misfire="all")

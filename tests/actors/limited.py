"""Actors behind limits: they write down when they begin and when they end."""

from __future__ import annotations

import time
from datetime import timedelta

from pydantic import BaseModel

from pipeline import Limit, Retry, Run, actor
from tests.actors.notes import note

#: Limits that tests set while they are in force.
RATE = "test.rate"
FEW = "test.few"

#: A kill is nobody's fault here.
OFTEN = Retry(attempts=10, base=timedelta(milliseconds=100), cap=timedelta(milliseconds=200))


class Job(BaseModel):
    """How long to take, in seconds; ``number`` says which one it is."""

    seconds: float = 0
    number: int = 0


@actor(name="test.limited", retry=OFTEN, limits=[Limit(RATE, rate=50), Limit(FEW, concurrency=5)])
def limited(job: Job, run: Run) -> int:
    """Take its time, as one of five and of fifty a second."""
    note("entered")
    time.sleep(job.seconds)
    note("left")
    return job.number


@actor(name="test.shared", retry=OFTEN, limits=[Limit("test.shared", rate=200)])
def shared(job: Job, run: Run) -> int:
    """Take its time, as one of two hundred a second whoever sent it."""
    note("entered")
    time.sleep(job.seconds)
    return job.number


@actor(name="test.unlimited", retry=OFTEN)
def unlimited(job: Job, run: Run) -> int:
    """Take its time."""
    note("entered")
    time.sleep(job.seconds)
    return job.number

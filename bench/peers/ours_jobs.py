"""The jobs on Dramaturg, with its default settings."""

from __future__ import annotations

from pydantic import BaseModel

from bench.peers import jobs
from pipeline import Priority, actor


class Job(BaseModel):
    """The same 200 bytes that the other peers carry."""

    number: int
    title: str
    language: str
    pages: list[int]
    tags: list[str]
    address: str


@actor()
def noop(job: Job) -> None:
    """Do nothing but leave a mark."""
    jobs.noop(job.number)


@actor(priority=Priority.LOW)
def low(job: Job) -> None:
    """Sleep for 10 ms."""
    jobs.low(job.number)


@actor(priority=Priority.CRITICAL)
def critical(job: Job) -> None:
    """Do nothing but leave a mark."""
    jobs.noop(job.number)


@actor()
def half(job: Job) -> None:
    """Sleep for half a second."""
    jobs.half(job.number)


@actor()
def victim(job: Job) -> None:
    """Hang until the worker is killed, the first time."""
    jobs.victim(job.number)


ACTORS = {"noop": noop, "low": low, "critical": critical, "half": half, "victim": victim}

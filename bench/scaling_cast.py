"""Actors that do next to nothing, each with one feature more than the plain one: what that costs is seen in Redis."""

from __future__ import annotations

from pydantic import BaseModel

from pipeline import Breaker, Flow, Limit, Permanent, Run, actor


class Job(BaseModel):
    """As large as what the benchmark of whole runs sends: about 200 bytes of JSON."""

    text: str = "x" * 180


class Made(BaseModel):
    """What came of it."""

    text: str


@actor(name="bench.plain")
def plain(job: Job) -> Made:
    """Do nothing."""
    return Made(text=job.text[:1])


@actor(name="bench.stepped")
def stepped(job: Job, run: Run) -> Made:
    """Keep the results of three steps."""
    return Made(text=run.step(_third, run.step(_second, run.step(_first, job.text)))[:1])


@actor(name="bench.reporting")
def reporting(job: Job, run: Run) -> Made:
    """Report once."""
    run.progress("working", 50, "half")
    return Made(text=job.text[:1])


@actor(name="bench.limited", limits=[Limit("bench.rate", rate=1_000_000), Limit("bench.few", concurrency=1_000)])
def limited(job: Job) -> Made:
    """Pass a limit of rate, and one of how many at once."""
    return Made(text=job.text[:1])


@actor(name="bench.guarded", breaker=Breaker("bench.breaker"))
def guarded(job: Job) -> Made:
    """Pass a breaker."""
    return Made(text=job.text[:1])


@actor(name="bench.failing")
def failing(job: Job) -> Made:
    """Become a dead letter."""
    raise Permanent(f"{len(job.text)} characters are too many")


@actor(name="bench.joining")
def joining(made: Made) -> Made:
    """Take what another made."""
    return made


#: Two nodes, the second of which waits for the first.
pair: Flow[Job, Made] = Flow("bench.pair", Job)
pair.add(joining, pair.add(plain, text=pair.given("text")))


def _first(text: str) -> str:
    return text[1:]


def _second(text: str) -> str:
    return text[1:]


def _third(text: str) -> str:
    return text[1:]

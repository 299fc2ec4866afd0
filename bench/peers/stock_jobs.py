"""The jobs on stock Dramatiq: its Redis broker as it comes, with its default middleware."""

from __future__ import annotations

import os
from typing import Any

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from bench.peers import jobs

dramatiq.set_broker(RedisBroker(url=os.environ["REDIS_URL"]))  # type: ignore[no-untyped-call] # Dramatiq's


@dramatiq.actor(priority=50)
def noop(number: int, _body: dict[str, Any]) -> None:
    jobs.noop(number)


@dramatiq.actor(priority=100)
def low(number: int, _body: dict[str, Any]) -> None:
    jobs.low(number)


@dramatiq.actor(priority=0)
def critical(number: int, _body: dict[str, Any]) -> None:
    jobs.noop(number)


@dramatiq.actor(priority=50)
def half(number: int, _body: dict[str, Any]) -> None:
    jobs.half(number)


@dramatiq.actor(priority=50, time_limit=7_200_000)
def victim(number: int, _body: dict[str, Any]) -> None:
    jobs.victim(number)


ACTORS = {"noop": noop, "low": low, "critical": critical, "half": half, "victim": victim}

"""The long forms of what the policies promise: cancels, limits of time and memory, deploys, effects, gates, streams."""

from __future__ import annotations

from datetime import timedelta

import actors
from tests.actors.streaming import Tale
from tests.chaos import deploys, effects, gating, interrupting, losing, pressure, skew, streams
from tests.chaos.scenario import MINUTE, SECOND, Scenario
from tests.chaos.stage import Report, Stage


def _defects(here: Stage, seed: int) -> Report:
    actors.declare()
    return gating.defects(here, copies=4, share=0.3, seed=seed, settled=4 * MINUTE)


def _readers(here: Stage, seed: int) -> Report:
    tale = Tale(words=200, pause_s=0.1)
    return streams.many_readers(
        here, seed=seed, clients=1000, runs=40, crashes=3, tale=tale, processes=2, limit=timedelta(seconds=200)
    )


POLICY_SCENARIOS = (
    Scenario(
        "R05",
        "40 documents over their reader's memory",
        lambda here, seed: pressure.hungry_document(here, documents=40, megabytes=60, growth_mb=20),
    ),
    *(
        Scenario(
            f"R07{number}{letter}",
            f"Redis refuses ({how}) {point}",
            lambda here, seed, how=how, point=point: pressure.refused(
                here, how=how, point=point, runs=12, length=8 * SECOND, settled=30 * SECOND
            ),
        )
        for number, how in enumerate(pressure.REFUSALS)
        for letter, point in zip("abcd", losing.POINTS, strict=True)
    ),
    Scenario(
        "R15",
        "64 MB filled with 10 KB payloads",
        lambda here, seed: pressure.nearly_full(here, megabytes=64, producers=4, off=0.03, drained=2 * MINUTE),
    ),
    Scenario(
        "R17",
        "1,000 runs across a rolling deploy",
        lambda here, seed: deploys.rolling(
            here, runs=800, step_s=0.3, arrival=10 * SECOND, settled=3 * MINUTE, checked=True
        ),
    ),
    Scenario(
        "R24",
        "clocks 5 minutes off, one jumps back by 60 s",
        lambda here, seed: skew.skewed(here, runs=600, window=(1, 60), late=SECOND, settled=MINUTE),
    ),
    Scenario(
        "R27",
        "cancelled at eight points",
        lambda here, seed: interrupting.cancelled(here, each=4, within=2 * SECOND),
    ),
    Scenario(
        "R27b",
        "a flow cancelled",
        lambda here, seed: interrupting.cancelled_flow(here, words=40, within=2 * SECOND),
    ),
    *(
        Scenario(
            f"R27{letter}",
            f"stuck in C: {how}",
            lambda here, seed, how=how: interrupting.stuck(here, how=how, neighbours=4, laps_each=30, freed=5 * SECOND),
        )
        for letter, how in zip("cde", ("call", "hash", "socket"), strict=True)
    ),
    Scenario("R27f", "a thread that was given up writes", lambda here, seed: interrupting.late_writer(here, seconds=5)),
    Scenario(
        "R27g", "limit and deadline", lambda here, seed: interrupting.overdue(here, deadline=2 * SECOND, late=SECOND)
    ),
    Scenario(
        "effects",
        "5,000 effects, 100 workers killed",
        lambda here, seed: effects.effects(here, count=5000, kills=100, seed=seed, settled=4 * MINUTE),
    ),
    Scenario("gates", "30 % defects of 6 kinds", _defects),
    Scenario("streams", "1,000 readers of 40 texts, 3 crashes each", _readers),
)

"""Actors that tell what they know: their correlation id, and a secret that they should not have."""

from __future__ import annotations

import os
from datetime import timedelta

from pipeline import NeedsReview, Parked, Run, Transient, actor
from tests.actors.plain import QUICK


@actor(name="test.correlated", retry=QUICK)
def correlated(run: Run) -> str:
    """Log a line, and give the correlation id it was sent with."""
    run.log.info("correlated_actor", told=run.correlation_id)
    return run.correlation_id


@actor(name="test.indiscreet", retry=QUICK)
def indiscreet(text: str, run: Run) -> None:
    """Put a secret of the environment, and one of the payload, into an error and a log line."""
    secret = os.environ["CANARY_API_KEY"]
    run.log.warning("indiscreet", api_key=secret, text=f"with {secret} in it")
    raise Transient(f"401 for {secret} at https://user:{text}@example.org/?token={text}")


@actor(name="test.blabbing", retry=QUICK)
def blabbing(how: str, run: Run) -> None:
    """Put a secret of the environment wherever an actor can put words."""
    secret = os.environ["CANARY_API_KEY"]
    run.progress("telling", 50, f"key={secret}", header=f"Authorization: Bearer {secret}")
    if how == "review":
        item = {"kind": "gate", "name": "none", "grades": [], "problem": f"it was {secret}"}
        raise NeedsReview(f"is {secret} right?", item=item)
    if how == "snooze" and run.attempt == 1:
        raise Parked(timedelta(minutes=10), f"waits for {secret}")
    raise RuntimeError(f"boom with {secret}") from ConnectionError(f"redis://user:{secret}@nowhere/0")

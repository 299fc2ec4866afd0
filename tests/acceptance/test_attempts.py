"""What becomes of attempts that fail: retried within the policy, or not at all, with everything kept (F3, F4, F17)."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import cast

import pytest

from pipeline import RunFailed
from pipeline.engine import keys
from tests.acceptance.conftest import CANARY
from tests.actors.plain import QUICK, Trouble, doze, refuse, stumble
from tests.actors.stepped import Walk, walk
from tests.actors.telling import correlated, indiscreet
from tests.chaos.stage import Stage
from tests.support.waiting import eventually

SOON = timedelta(seconds=15)


def test_a_failed_attempt_is_followed_by_another_within_the_policy(crew: Stage) -> None:
    """Neither early nor later than the backoff allows, and the result is the last attempt's."""
    handle = stumble.send(Trouble(times=2))
    assert handle.result(SOON) == 3
    started = [entry.at for entry in crew.ledger.entries(what="started", run=handle.id)]
    assert len(started) == 3
    for attempt, (before, after) in enumerate(pairwise(started), start=1):
        longest, shortest = QUICK.delay(attempt, 0), QUICK.delay(attempt, 1)
        assert shortest.total_seconds() - 0.02 <= after - before <= longest.total_seconds() + 1
    assert crew.events_of(handle.id)[1:] == ["started", "retrying", "started", "retrying", "started", "completed"]


def test_a_permanent_failure_is_not_tried_again(crew: Stage) -> None:
    """One start, and the run is dead with its reason."""
    handle = refuse.send(Trouble(saying="never"))
    with pytest.raises(RunFailed) as failure:
        handle.result(SOON)
    assert (failure.value.state, failure.value.reason) == ("dead", "permanent")
    assert len(crew.ledger.entries(what="started", run=handle.id)) == 1


def test_a_dead_run_keeps_its_input_and_the_error_and_traceback_of_every_attempt(crew: Stage) -> None:
    """Attempts exhausted; retried by hand it has all of them anew."""
    handle = stumble.send(Trouble(times=4, saying="out of luck"))
    with pytest.raises(RunFailed, match="out of luck"):
        handle.result(SOON)
    shown = crew.inspector.show(handle.id) or {}
    assert shown["payload"] == {"times": 4, "saying": "out of luck"}
    assert shown["reason"] == "attempts_exhausted: transient"
    assert [error["attempt"] for error in shown["errors"]] == [1, 2, 3]
    for error in shown["errors"]:
        assert error["type"] == "Transient"
        assert "plain.py" in error["traceback"]
        assert "raise Transient" in error["traceback"]
    assert handle.id in [row["id"] for row in crew.inspector.list_runs("dead")]
    assert crew.inspector.retry(handle.id) == 1
    eventually(lambda: len(crew.ledger.entries(what="started", run=handle.id)) == 6, SOON)


def test_a_retry_resumes_after_the_last_finished_step(crew: Stage) -> None:
    """F10: what was finished is not done again."""
    handle = walk.send(Walk(stumbles=1))
    assert handle.result(SOON) == 3
    assert [entry.step for entry in crew.ledger.entries(what="step", run=handle.id)] == ["first", "second", "third"]
    assert [(e["kind"], e["type"]) for e in (crew.inspector.show(handle.id) or {})["errors"]] == [
        ("transient", "ConnectionError")
    ]


def test_waiting_spends_no_attempt(crew: Stage) -> None:
    """F4: more waits than the policy has attempts, and the first attempt succeeds."""
    handle = doze.send(5)
    assert handle.result(SOON) == 1
    shown = crew.inspector.show(handle.id) or {}
    assert (shown["attempt"], shown["snoozes"], shown["errors"]) == (1, 5, [])


def test_the_correlation_id_is_in_every_line_of_the_run(crew: Stage) -> None:
    """F24: the actor knows it, and so does its log."""
    handle = correlated.send(correlation_id="request-4711")
    assert handle.result(SOON) == "request-4711"

    def lines() -> list[str]:
        return [line for line in crew.running.started[0].output.splitlines() if handle.id in line]

    eventually(lambda: any("attempt_ended" in line for line in lines()))
    assert any("correlated_actor" in line for line in lines())
    assert all('"correlation_id":"request-4711"' in line for line in lines())


def test_secrets_are_neither_in_stored_errors_nor_in_logs(crew: Stage) -> None:
    """F24: a key of the environment, the user of an address, a token in a query."""
    handle = indiscreet.send("hunter2-hunter2")
    with pytest.raises(RunFailed):
        handle.result(SOON)
    shown = crew.inspector.show(handle.id) or {}
    assert len(shown["errors"]) == 3
    for error in shown["errors"]:
        assert CANARY not in str(error)
        assert "hunter2" not in error["message"]
    output = crew.running.started[0].output
    assert "indiscreet" in output
    assert CANARY not in output
    assert "hunter2" not in output
    dump = cast("bytes", crew.store.client.dump(keys.errors(crew.store.namespace, handle.id)))
    assert CANARY.encode() not in dump

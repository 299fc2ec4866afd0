"""The breaker of an integration: what fails in it stops the others, and they spend nothing on it (F6)."""

from __future__ import annotations

from datetime import timedelta

from tests.actors.integrating import sync
from tests.chaos.stage import Stage
from tests.support.gate_state import GateState
from tests.support.waiting import eventually

SOON = timedelta(seconds=30)
MODULES = ("tests.actors.integrating",)


def _state(here: Stage) -> str:
    [row] = GateState(here.store).breakers(["customers"])
    return str(row["state"])


def test_runs_wait_while_it_is_down_and_come_back_by_themselves(here: Stage) -> None:
    """A few find out, one at a time probes, the rest has not begun when it is mended; all complete."""
    here.worker(threads=4, modules=MODULES)
    runs = sync.send_many([f"{number}" for number in range(40)])
    eventually(lambda: _state(here) == "open", SOON)
    before = here.ledger.count("started")
    assert before <= 16, "threads go on until the fourth failure is committed"
    eventually(lambda: here.ledger.count("started") >= before + 2, SOON)  # two probes: they find it down
    held = [shown for run in runs if "waits_at" in (shown := here.inspector.show(run.id) or {})]
    assert {shown["waits_at"] for shown in held} == {"b:customers"}
    assert all(shown.get("attempt", 0) <= 1 for shown in held)
    here.ledger.record("mended", "-")
    attempts = [run.result(SOON) for run in runs]
    assert attempts.count(1) > 40 - before - 6, "but those that found out, and those that probed"
    eventually(lambda: _state(here) in {"recovering", "closed"}, SOON)


def test_what_says_nothing_of_its_health_does_not_open_it(here: Stage) -> None:
    """Its own users' mistakes are not its failures."""
    here.worker(threads=4, modules=MODULES)
    runs = sync.send_many(["wrong"] * 12)
    eventually(lambda: all(run.state() == "dead" for run in runs), SOON)
    assert _state(here) == "closed"

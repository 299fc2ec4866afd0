"""Which runs a send makes, and whose turn it is: keys, priorities, groups (F9, F12, F14)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from pipeline import Priority, RunFailed, Send
from tests.actors.plain import Nap, Trouble, echo, nap, refuse
from tests.chaos.stage import Stage
from tests.support.waiting import eventually

SOON = timedelta(seconds=20)


def test_the_same_key_sent_by_eight_threads_at_once_is_one_run(here: Stage) -> None:
    """F9: all of them hold the same run, before and after it ended."""
    with ThreadPoolExecutor(8) as pool:
        handles = list(pool.map(lambda n: echo.send(f"{n}", key="once"), range(64)))
    assert len({handle.id for handle in handles}) == 1
    here.worker(threads=4)
    assert len({handle.result(SOON) for handle in handles}) == 1
    assert echo.send("later", key="once").id == handles[0].id
    assert here.ledger.count("effect") == 1
    assert echo.send("other", key="twice").id != handles[0].id


def test_a_dead_or_cancelled_run_frees_its_key(here: Stage) -> None:
    """F9: what came to nothing is not served for ever."""
    cancelled = echo.send("a", key="k")
    assert cancelled.cancel() == "cancelled"
    second = echo.send("b", key="k")
    assert second.id != cancelled.id
    dead = refuse.send(Trouble(), key="k")
    here.worker(threads=2)
    with pytest.raises(RunFailed):
        dead.result(SOON)
    assert refuse.send(Trouble(), key="k").id != dead.id
    assert second.result(SOON) == "b"


def test_a_critical_run_behind_five_hundred_low_ones_starts_next(here: Stage) -> None:
    """F12: as soon as the only thread is free."""
    here.worker(threads=1)
    low = nap.send_many([Send(payload=Nap(seconds=0.03), priority=Priority.LOW) for _ in range(500)])
    eventually(lambda: here.ledger.count("started") >= 10, SOON)
    urgent = nap.send(Nap(tag="urgent"), priority=Priority.CRITICAL)
    before = here.ledger.count("started")
    assert urgent.result(SOON) == "urgent"
    started = [entry.run for entry in here.ledger.entries(what="started")]
    assert started.index(urgent.id) <= before + 2
    assert low[-1].state() == "queued"


def test_inside_a_tier_the_lower_number_goes_first_then_the_older(here: Stage) -> None:
    """F12: and a tier outweighs every number."""
    sent = [
        echo.send("low", priority=Priority.LOW.at(-1000)),
        echo.send("normal 5", priority=Priority.NORMAL.at(5)),
        echo.send("normal old"),
        echo.send("normal young"),
        echo.send("normal -5", priority=Priority.NORMAL.at(-5)),
        echo.send("high 1000", priority=Priority.HIGH.at(1000)),
    ]
    here.worker(threads=1)
    here.settle([handle.id for handle in sent], SOON)
    order = [entry.run for entry in here.ledger.entries(what="effect")]
    assert order == [sent[n].id for n in (5, 4, 2, 3, 1, 0)]


def test_groups_take_turns_by_their_weight(here: Stage) -> None:
    """F14: a tenant with many runs does not keep another's waiting, and a weight of three is three turns."""
    here.store.client.hset("{dramaturg}:weight", "heavy", 3)
    crowd = echo.send_many([Send(payload="c", group="crowd") for _ in range(80)])
    heavy = echo.send_many([Send(payload="h", group="heavy") for _ in range(80)])
    few = echo.send_many([Send(payload="f", group="few") for _ in range(10)])
    here.worker(threads=1)
    here.settle([handle.id for handle in (*crowd, *heavy, *few)], SOON)
    order = [entry.run for entry in here.ledger.entries(what="effect")]
    members = {handle.id: name for name, group in (("c", crowd), ("h", heavy), ("f", few)) for handle in group}
    story = [members[run] for run in order]
    assert len(story) == 170
    first = story[:50]
    assert abs(first.count("c") - 10) <= 2
    assert abs(first.count("f") - 10) <= 2
    assert abs(first.count("h") - 30) <= 4
    assert max(story.index(member, at) - at for at in range(40) for member in "cf") <= 12

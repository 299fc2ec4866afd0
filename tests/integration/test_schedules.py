"""Schedules against a real Redis: a run a tick, whatever was missed, lost, paused, asked for twice or fired by two."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from pipeline import actor
from pipeline.actor import bound
from pipeline.blobs import Blobs
from pipeline.declaration import DECLARED, bind
from pipeline.engine.broker import PipelineBroker
from pipeline.engine.connection import connect
from pipeline.engine.firing import Firing
from pipeline.engine.scheduler import Scheduler
from pipeline.engine.schedules import Schedules
from pipeline.engine.store import Store
from pipeline.engine.values import Values
from pipeline.errors import InvalidInput
from pipeline.misfire import Misfire
from pipeline.schedule import SCHEDULES, Schedule, cron, every, offer
from pipeline.testing import StillClock
from pipeline.timetable import Timetable
from tests.support.clockwork import instant
from tests.support.redis_server import RedisServer
from tests.support.schedules import no_schedules, queued, runs_by_tick
from tests.support.waiting import eventually


class Request(BaseModel):
    """A payload."""

    folder: str = "/backup"


@actor(name="test.backup")
def backup(request: Request) -> str:
    """Stand for a nightly job."""
    return request.folder


@pytest.fixture
def broker(redis_url: str, tmp_path: Path) -> Iterator[PipelineBroker]:
    """A broker at an empty Redis, with no schedule declared."""
    before = list(bound)
    made = PipelineBroker(Store(connect(redis_url)), Values(Blobs(tmp_path)))
    with no_schedules():
        bind(made)
        yield made
    made.close()
    bound[:] = before


def scheduler(broker: PipelineBroker, clock: StillClock, *schedules: Schedule) -> Scheduler:
    """A scheduler that leads, at a clock that stands still."""
    made = Scheduler(broker, schedules or list(SCHEDULES.values()), clock=clock.now)
    made.step()
    assert made.leads
    return made


def settle(made: Scheduler) -> None:
    """Let it fire until it owes nothing."""
    for _ in range(100):
        if made.step() > timedelta(0):
            return
    raise AssertionError("it never came to an end")


@pytest.mark.parametrize(("misfire", "ran", "missed"), [("skip", 0, 3), ("last", 1, 2), ("all", 3, 0)])
def test_what_was_missed_in_three_hours_is_what_the_policy_makes_of_it(
    broker: PipelineBroker, misfire: Misfire, ran: int, missed: int
) -> None:
    """None, the last one, or every one; and the next tick comes as ever."""
    clock = StillClock(instant("2026-05-05T09:10"))
    hourly = every("0 * * * *", backup, Request(), name="hourly", misfire=misfire)
    settle(scheduler(broker, clock, hourly))
    clock.forward(timedelta(hours=3))
    settle(scheduler(broker, clock, hourly))

    state = Schedules(broker.store).state("hourly")
    assert len(queued(broker.store)) == ran
    assert state.get("missed", 0) == missed
    clock.forward(timedelta(minutes=50, seconds=1))
    settle(scheduler(broker, clock, hourly))
    ticks = sorted(runs_by_tick(broker.store, "hourly"))
    assert len(ticks) == ran + 1
    assert ticks[-1] == instant("2026-05-05T13:00")


def test_a_daily_job_that_came_due_while_nobody_was_there_runs_once(broker: PipelineBroker) -> None:
    """At 03:00 nobody was there; at 06:00 it runs, and however often the scheduler starts over, once."""
    clock = StillClock(instant("2026-05-05T00:00"))
    every("0 3 * * *", backup, Request(), name="backup.daily", timezone="Europe/Paris")
    settle(scheduler(broker, clock))
    clock.forward(timedelta(hours=6))
    for _ in range(3):
        settle(scheduler(broker, clock))
    (run,) = queued(broker.store)
    assert run["args"] == [{"folder": "/backup"}]
    assert run["tick"] == "2026-05-05T01:00:00Z"


def test_a_window_bounds_what_is_made_up_for(broker: PipelineBroker) -> None:
    """Of a day of missed hours the last six run; of a job missed two days ago nothing is left after one."""
    clock = StillClock(instant("2026-05-05T00:30"))
    every("0 * * * *", backup, Request(), name="six", misfire="all", window=timedelta(hours=6))
    every("0 3 5 5 *", backup, Request(), name="none", window=timedelta(days=1))
    settle(scheduler(broker, clock))
    clock.forward(timedelta(days=2))
    settle(scheduler(broker, clock))
    assert len(runs_by_tick(broker.store, "six")) == 6
    assert runs_by_tick(broker.store, "none") == {}
    assert Schedules(broker.store).state("none")["missed"] == 1


def test_ten_thousand_missed_ticks_are_settled_in_portions(broker: PipelineBroker) -> None:
    """No call holds up Redis, and none of the last minutes is lost."""
    clock = StillClock(instant("2026-05-05T00:00"))
    every(timedelta(seconds=10), backup, Request(), name="often", misfire="all", window=timedelta(minutes=20))
    settle(scheduler(broker, clock))
    clock.forward(timedelta(days=2))
    settle(scheduler(broker, clock))
    assert len(runs_by_tick(broker.store, "often")) == 120 + 1
    assert Schedules(broker.store).state("often")["missed"] == 2 * 8640 - 121


def test_a_late_run_waits_in_its_queue_and_is_never_dropped(broker: PipelineBroker) -> None:
    """It has no deadline and no age at which it is skipped: the message says when it was due, and that is all."""
    clock = StillClock(instant("2026-05-05T02:59"))
    every("0 3 * * *", backup, Request(), name="backup.daily")
    settle(scheduler(broker, clock))
    clock.forward(timedelta(seconds=90))
    settle(scheduler(broker, clock))
    (run,) = queued(broker.store)
    record = broker.store.client.hgetall(f"{{dramaturg}}:run:{run['id']}")
    assert b"deadline_ms" not in record
    assert record[b"key"] == b"backup.daily@2026-05-05T03:00:00Z"


def test_two_that_both_believe_they_lead_give_one_run_a_tick(broker: PipelineBroker) -> None:
    """A frozen leader that goes on with what it knew is too late with every tick."""
    often = every(timedelta(seconds=2), backup, Request(), name="often", misfire="all")
    start = instant("2026-05-05T00:00")
    old, new = Firing(Schedules(broker.store), [often]), Firing(Schedules(broker.store), [often])
    old.declare(start)
    new.declare(start)
    for seconds in (2, 5, 9, 10):
        now = start + timedelta(seconds=seconds)
        for firing in (old, new, old):
            for due in firing.due(now):
                firing.fire(due, now)
    assert len(queued(broker.store)) == len(runs_by_tick(broker.store, "often")) == 5


def test_a_lost_answer_is_followed_by_the_same_call_and_one_run(broker: PipelineBroker) -> None:
    """Fired from the same place again, as after an answer that never came: nothing happens twice."""
    hourly = every("0 * * * *", backup, Request(), name="hourly")
    start, tick = instant("2026-05-05T00:30"), instant("2026-05-05T01:00")
    known = Schedules(broker.store)
    known.declare([hourly], start, anew=True)
    first = known.fire("hourly", start, tick, 0, [(tick, hourly.run(tick))])
    again = known.fire("hourly", start, tick, 0, [(tick, hourly.run(tick))])
    assert (first.outcome, again.outcome) == ("done", "moved")
    assert again.cursor == tick
    assert len(queued(broker.store)) == 1


def test_a_schedule_that_is_new_makes_up_for_nothing_and_one_whose_times_change_begins_anew(
    broker: PipelineBroker,
) -> None:
    """Three days after a daily job became hourly, with all to be made up for, the past stays as it is."""
    clock = StillClock(instant("2026-05-05T00:30"))
    every("0 3 * * *", backup, Request(), name="job", misfire="all", window=timedelta(days=9))
    settle(scheduler(broker, clock))
    assert queued(broker.store) == []
    SCHEDULES.clear()
    every("0 * * * *", backup, Request(), name="job", misfire="all", window=timedelta(days=9))
    clock.forward(timedelta(days=3))
    settle(scheduler(broker, clock))
    assert queued(broker.store) == []
    clock.forward(timedelta(minutes=30))
    settle(scheduler(broker, clock))
    assert len(queued(broker.store)) == 1


def test_what_redis_forgot_goes_on_where_the_leader_knows_it_was(broker: PipelineBroker) -> None:
    """A Redis that comes back empty gets the tick that it lost."""
    clock = StillClock(instant("2026-05-05T02:30"))
    every("0 3 * * *", backup, Request(), name="daily")
    leader = scheduler(broker, clock)
    broker.store.client.flushall()
    clock.forward(timedelta(hours=1))
    settle(leader)
    settle(leader)
    assert len(queued(broker.store)) == 1


def test_a_schedule_that_cannot_fire_does_not_hold_up_the_others(broker: PipelineBroker) -> None:
    """Its payload no longer fits its actor; the other one runs."""

    @actor(name="test.fickle")
    def fickle(request: Request) -> None:
        pass

    clock = StillClock(instant("2026-05-05T00:30"))
    every("0 * * * *", fickle, Request(), name="a-fickle")
    every("0 * * * *", backup, Request(), name="b-steady")
    leader = scheduler(broker, clock)
    broker.payload_limit = 330  # the message of the first is longer by what comes next
    every("0 * * * *", fickle, Request(folder="x" * 300), name="a-long")
    leader = scheduler(broker, clock)
    clock.forward(timedelta(minutes=30))
    settle(leader)
    assert {run["schedule"] for run in queued(broker.store)} == {"a-fickle", "b-steady"}
    del DECLARED["test.fickle"]


def test_what_passes_while_a_schedule_is_paused_is_passed_over(broker: PipelineBroker) -> None:
    """Also when nobody was there to see it pass; after it is resumed the next tick runs."""
    clock = StillClock(datetime.now(UTC).replace(minute=30, second=0, microsecond=0) - timedelta(hours=5))
    every("0 * * * *", backup, Request(), name="hourly", misfire="all")
    leader = scheduler(broker, clock)
    table = Timetable(broker)
    assert table.pause("hourly")
    assert not table.pause("hourly")
    clock.forward(timedelta(hours=2))
    settle(leader)
    assert queued(broker.store) == []
    assert table.rows()[0]["passed_over"] == 2
    assert table.resume("hourly")
    assert not table.resume("hourly")
    settle(scheduler(broker, clock))
    assert queued(broker.store) == []
    clock.forward(timedelta(hours=4))
    settle(scheduler(broker, clock))
    assert len(queued(broker.store)) == 1


def test_a_span_is_made_up_for_once(broker: PipelineBroker) -> None:
    """Ticks that ran stay as they are; those that did not run get a run; a second time nothing happens."""
    clock = StillClock(instant("2026-05-05T00:30"))
    every("0 * * * *", backup, Request(), name="hourly", misfire="skip")
    leader = scheduler(broker, clock)
    clock.forward(timedelta(minutes=30))
    settle(leader)
    clock.forward(timedelta(hours=3, minutes=30))
    settle(leader)
    table, span = Timetable(broker), (instant("2026-05-04T22:00"), instant("2026-05-05T04:00"))
    assert table.backfill("hourly", *span, rehearse=True).ticks == 6
    done = table.backfill("hourly", *span)
    assert (len(done.new), done.known, done.forgotten) == (5, 1, 0)
    again = table.backfill("hourly", *span)
    assert (len(again.new), again.known) == (0, 6)
    assert len(queued(broker.store)) == 6
    history = table.show("hourly")["history"]
    assert [entry["how"] for entry in history] == ["backfill"] * 5 + ["clock", "clock"]
    assert {entry["state"] for entry in history if "run" in entry} == {"queued"}
    for start, end in ((span[1], span[0]), (span[0], datetime.now(UTC) + timedelta(days=1))):
        with pytest.raises(InvalidInput):
            table.backfill("hourly", start, end)
    with pytest.raises(InvalidInput, match="10,000"):
        table.backfill("hourly", instant("2020-01-01"), instant("2026-05-05"))


def test_a_schedule_runs_now_beside_its_ticks(broker: PipelineBroker) -> None:
    """Each time it is asked to; its ticks come as ever."""
    every("0 0 1 1 *", backup, Request(folder="now"), name="yearly", group="acme")
    table = Timetable(broker)
    assert table.run("yearly") != table.run("yearly")
    assert [run["args"] for run in queued(broker.store)] == [[{"folder": "now"}]] * 2
    assert {entry["how"] for entry in table.show("yearly")["history"]} == {"manual"}
    with pytest.raises(InvalidInput, match="there are yearly"):
        table.run("weekly")
    SCHEDULES.clear()  # as in a command that was given no module
    assert table.rows()[0]["schedule"] == "yearly"
    with pytest.raises(InvalidInput, match="its code is not here"):
        table.run("yearly")


def test_what_is_remembered_of_ticks_is_bounded_and_none_runs_twice(broker: PipelineBroker) -> None:
    """The oldest are forgotten beyond ten thousand; a backfill leaves them alone and says so."""
    often = every(timedelta(seconds=1), backup, Request(), name="often", misfire="all", window=timedelta(hours=1))
    store, start = Schedules(broker.store), instant("2026-05-05T00:00")
    store.declare([often], start, anew=True)
    key = "{dramaturg}:schedule:often"
    ticks = {int(start.timestamp() * 1000) + n * 1000: "x" for n in range(1, 10_001)}
    broker.store.client.hset(f"{key}:runs", mapping={str(tick): run for tick, run in ticks.items()})
    broker.store.client.zadd(f"{key}:ticks", {str(tick): 1 for tick in ticks})
    cursor = start + timedelta(seconds=10_000)
    broker.store.client.hset(key, "last_ms", int(cursor.timestamp() * 1000))
    tick = cursor + timedelta(seconds=1)
    assert store.fire("often", cursor, tick, 0, [(tick, often.run(tick))]).outcome == "done"
    assert broker.store.client.zcard(f"{key}:ticks") <= 10_000
    assert broker.store.client.hlen(f"{key}:runs") == broker.store.client.zcard(f"{key}:ticks")
    done = Timetable(broker).backfill("often", start + timedelta(seconds=1), start + timedelta(seconds=31))
    assert (len(done.new), done.forgotten, done.known) == (0, 20, 10)


def test_declarations_are_checked_when_they_are_made(broker: PipelineBroker) -> None:
    """Spec, zone, name, policy, payload; and two may not have one name."""
    mistakes: list[tuple[dict[str, Any], str]] = [
        ({"when": "0 25 * * *"}, "test.backup.*hour 25"),
        ({"timezone": "Mars/Olympus"}, "time zone"),
        ({"name": "a b"}, "name"),
        ({"misfire": "maybe"}, "misfire"),
        ({"window": timedelta(0)}, "window"),
        ({"when": timedelta(milliseconds=500)}, "whole seconds"),
    ]
    for wrong, message in mistakes:
        with pytest.raises(ValueError, match=message):
            every(**{"when": "0 3 * * *", "actor": backup, "payload": Request(), **wrong})
    with pytest.raises(InvalidInput, match="folder"):
        every("0 3 * * *", backup, {"folder": 3})  # type: ignore[misc]
    assert SCHEDULES == {}
    every("0 3 * * *", backup, Request())
    every("0 3 * * *", backup, Request())
    with pytest.raises(ValueError, match="two schedules"):
        every("0 4 * * *", backup, Request())


def test_an_actor_may_be_periodic_as_with_periodiq(broker: PipelineBroker) -> None:
    """By our own spec or by periodiq's, which counts as it is written."""
    import periodiq

    @actor(name="test.sunday", periodic=periodiq.cron("0 3 * * sun"))
    def sunday() -> None:
        pass

    @actor(name="test.noon", periodic=cron("0 12 * * *", "Asia/Kolkata"))
    def noon() -> None:
        pass

    assert SCHEDULES["test.noon"].calendar.after(instant("2026-01-01")) == instant("2026-01-01T06:30")
    spec = broker.actors["test.sunday"].options["periodic"]
    assert isinstance(spec, periodiq.CronSpec)
    assert str(spec) == "0 3 * * sun"
    assert spec.validate(instant("2026-05-03T03:00"))
    with pytest.raises(InvalidInput, match=r"test\.paid"):

        @actor(name="test.paid", periodic=cron("@daily"))
        def paid(request: Request) -> None:
            pass

    for name in ("test.sunday", "test.noon", "test.paid"):
        DECLARED.pop(name, None)


def test_periodiq_finds_specs_that_are_right(broker: PipelineBroker) -> None:
    """Its own scheduler's questions, over the days on which its own answers are wrong."""
    import pendulum

    every("30 2 * * *", backup, Request(), name="a", timezone="Europe/Paris")
    every("@weekly", backup, Request(folder="b"), name="b")
    offer(broker, ["test.backup"])
    spec = broker.actors["test.backup"].options["periodic"]
    at, found = pendulum.datetime(2026, 3, 28, tz="Europe/Paris"), []
    while (at := spec.next_valid_date(at)) < pendulum.datetime(2026, 3, 31, tz="Europe/Paris"):
        assert spec.validate(at)
        found.append(at.strftime("%d %H:%M"))
    assert found == ["28 02:30", "29 01:00", "29 03:00", "30 02:30"]
    assert not spec.validate(at.add(minutes=1))


def test_periodiq_and_several_schedulers_give_one_run_a_tick_with_its_payload(broker: PipelineBroker) -> None:
    """What periodiq does at a tick, done by two of them, beside our own scheduler, all in one minute."""
    from periodiq import Scheduler as TheirScheduler

    every("* * * * *", backup, Request(folder="minutely"), name="minutely")
    offer(broker, ["test.backup"])
    now = Timetable(broker).now()
    theirs = [broker.actors["test.backup"]]
    TheirScheduler(actors=theirs).send_actors(theirs, now)
    TheirScheduler(actors=theirs).send_actors(theirs, now + timedelta(milliseconds=100))
    settle(scheduler(broker, StillClock(now)))
    minute = now.replace(second=0, microsecond=0)
    assert [run["args"] for run in queued(broker.store)] == [[{"folder": "minutely"}]]
    assert list(runs_by_tick(broker.store, "minutely")) == [minute]


def test_periodiq_survives_a_redis_that_is_away_and_sends_what_it_owes(
    broker: PipelineBroker, redis_server: RedisServer
) -> None:
    """Its own send ends the process; here the tick stays owed until the next minute."""
    every("0 * * * *", backup, Request(), name="hourly")
    offer(broker, ["test.backup"])
    spec = broker.actors["test.backup"].options["periodic"]
    now = Timetable(broker).now()
    Schedules(broker.store).declare(list(SCHEDULES.values()), now - timedelta(hours=2), anew=True)
    redis_server.stop()
    spec.fire(broker, now.isoformat())
    odd_minute = instant("2026-05-05T00:17")
    assert spec.validate(odd_minute)
    redis_server.start()
    spec.fire(broker, now.isoformat())
    assert not spec.validate(odd_minute)
    assert len(queued(broker.store)) == 1


def test_the_periodiq_command_runs_the_project(redis_url: str, tmp_path: Path) -> None:
    """It starts, lists our actors with their specs, and is told to stop."""
    (tmp_path / "night_jobs.py").write_text(
        "from pipeline import actor\nfrom pipeline.schedule import every\n"
        '@actor(name="night.sweep")\ndef sweep(floor: int) -> None: ...\n'
        'every("* * * * *", sweep, 3, timezone="Europe/Paris")\n'
    )
    command = [str(Path(sys.executable).with_name("periodiq")), "pipeline.app", "night_jobs"]
    env = {"REDIS_URL": redis_url, "DRAMATURG_HOME": str(tmp_path / "home"), "PATH": "", "PYTHONPATH": str(tmp_path)}
    running = subprocess.Popen(command, env=env, cwd=Path.cwd(), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
    try:
        store = Store(connect(redis_url))
        (tick,) = eventually(lambda: runs_by_tick(store, "night.sweep"), timedelta(seconds=20))
        assert tick.second == 0
        (run,) = queued(store)
        assert run["args"] == [3]
    finally:
        running.terminate()
        running.communicate(timeout=10)


def test_a_scheduler_waits_for_redis_at_a_tick_and_catches_up(
    broker: PipelineBroker, redis_server: RedisServer
) -> None:
    """Redis is away for three ticks; the scheduler does not end, and each of them runs."""
    every(timedelta(seconds=1), backup, Request(), name="often", misfire="all")
    made, stop = Scheduler(broker, list(SCHEDULES.values())), threading.Event()
    thread = threading.Thread(target=made.run, args=(stop,))
    thread.start()
    try:
        eventually(lambda: len(runs_by_tick(broker.store, "often")) >= 1)
        redis_server.stop()
        threading.Event().wait(3)
        redis_server.start()
        before = datetime.now(UTC)
        eventually(lambda: max(runs_by_tick(broker.store, "often")) > before)
    finally:
        stop.set()
        thread.join(10)
    ticks = sorted(runs_by_tick(broker.store, "often"))
    assert ticks == [ticks[0] + timedelta(seconds=n) for n in range(len(ticks))]
    assert Schedules(broker.store).leaders() == []

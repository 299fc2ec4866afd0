"""The simulation: what is sent and scheduled runs at its time, by the policies that are in force, in no time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pipeline import Limit, Permanent, RateLimited, Retry, Run, Snooze, Transient, actor
from pipeline.errors import InvalidInput
from pipeline.schedule import SCHEDULES, every
from pipeline.testing import Simulation, StillClock

S = timedelta(seconds=1)
H = timedelta(hours=1)
START = datetime(2030, 1, 1, tzinfo=UTC)
SEEN: list[tuple[str, datetime]] = []


@pytest.fixture(autouse=True)
def seen() -> list[tuple[str, datetime]]:
    """What the actors wrote down, empty."""
    SEEN.clear()
    return SEEN


@actor(name="simulated.note")
def note(text: str, run: Run) -> str:
    SEEN.append((text, run.now))
    return text


@actor(name="simulated.wobble", retry=Retry(attempts=3, base=10 * S, cap=60 * S, jitter=0))
def wobble(fails: int, run: Run) -> int:
    SEEN.append((f"{run.attempt}", run.now))
    if run.attempt <= fails:
        raise Transient("not yet")
    return run.attempt


@actor(name="simulated.sleep")
def sleep(hours: int, run: Run) -> datetime:
    began = run.step(first_look, run)
    if run.now < began + hours * H:
        raise Snooze(began + hours * H - run.now)
    return run.now


def first_look(run: Run) -> datetime:
    return run.now


@actor(name="simulated.parent")
def parent(texts: list[str], run: Run) -> list[str]:
    return [outcome.value or outcome.message for outcome in run.gather(note, texts)] + [
        str(outcome.value or outcome.state) for outcome in run.gather(wobble, [9])
    ]


@actor(name="simulated.ask")
def ask(text: str, run: Run) -> str:
    return run.effect(call_out, text, key="call")


def call_out(text: str) -> str:
    SEEN.append((text, START))
    raise TimeoutError("nobody knows")


@actor(name="simulated.limited", limits=[Limit("simulated", rate=2, per=S, burst=1)])
def limited(text: str, run: Run) -> None:
    SEEN.append((text, run.now))


@actor(name="simulated.throttled")
def throttled(run: Run) -> None:
    SEEN.append(("asked", run.now))
    if len(SEEN) < 3:
        raise RateLimited("later", retry_after=30 * S)


@actor(name="simulated.refuse")
def refuse() -> None:
    raise Permanent("never")


@actor(name="simulated.steps")
def steps(count: int, run: Run) -> int:
    return len(run.each(one_step, range(count)))


def one_step(number: int) -> int:
    SEEN.append((f"{number}", START))
    return number


def test_what_fails_comes_back_as_its_policy_says_and_dies_when_it_is_used_up() -> None:
    """The waits are those of the actor's own Retry, and the time of each attempt is exact."""
    here = Simulation()
    good, bad = here.send(wobble, 2), here.send(wobble, 3)
    here.run()
    assert (good.state, good.result, good.attempts) == ("completed", 3, 3)
    assert (bad.state, bad.reason, bad.errors) == ("dead", "attempts_exhausted: transient", ["not yet"] * 3)
    assert [at - START for text, at in SEEN[::2]] == [0 * S, 10 * S, 30 * S]


def test_waiting_spends_no_attempt_and_steps_are_remembered() -> None:
    """A snooze of days takes no time; a provider that asks for a wait gets it."""
    here = Simulation()
    asleep, again = here.send(sleep, 20), here.send(throttled)
    here.run(19 * H)
    assert (asleep.state, asleep.due, asleep.attempts) == ("snoozed", START + 20 * H, 0)
    assert [at - START for _, at in SEEN] == [0 * S, 30 * S, 60 * S]
    assert (again.state, again.snoozes, again.attempts) == ("completed", 2, 1)
    here.run()
    assert asleep.result == here.clock.now() == START + 20 * H


def test_children_are_runs_and_their_parent_hears_what_became_of_them() -> None:
    """The parent waits for those that are tried again, too."""
    here = Simulation()
    run = here.send(parent, ["a", "b"])
    here.run()
    assert run.result == ["a", "b", "dead"]
    assert [child.state for child in here.of(note)] == ["completed", "completed"]
    assert here.clock.now() == START + 30 * S


def test_schedules_fire_at_their_times_and_once_a_tick() -> None:
    """By the calendar that the scheduler uses, also where clocks are changed."""
    try:
        one = every("30 2 * * *", note, "tick", timezone="Europe/Berlin", name="simulated")
        here = Simulation(StillClock(datetime(2026, 3, 28, tzinfo=UTC)))
        here.schedule(one)
        here.run(timedelta(days=3))
    finally:
        SCHEDULES.pop("simulated", None)
    assert [at.strftime("%d %H:%M") for _, at in SEEN] == ["28 01:30", "29 01:00", "30 00:30"]


def test_an_uncertain_effect_waits_for_a_person_and_heeds_the_answer() -> None:
    """Nothing is called again before somebody said that it did not happen."""
    here = Simulation()
    run, other = here.send(ask, "hello"), here.send(ask, "again")
    here.run()
    assert [one.state for one in here.reviews] == ["review", "review"]
    here.answer(run.id, "done", "it came")
    here.answer(other.id, "undone")
    here.run()
    assert (run.state, run.result, other.state) == ("completed", "it came", "review")
    assert [text for text, _ in SEEN] == ["hello", "again", "again"]
    here.answer(other.id, "reject")
    assert other.state == "dead"
    with pytest.raises(InvalidInput, match="does not wait"):
        here.answer(run.id, "done")


def test_the_rate_of_a_limit_is_kept_in_order_of_turns() -> None:
    """Two a second: each waits for its turn, and for nothing else."""
    here = Simulation()
    for number in range(4):
        here.send(limited, str(number))
    here.run()
    assert [(text, (at - START) / S) for text, at in SEEN] == [("0", 0), ("1", 0.5), ("2", 1), ("3", 1.5)]


def test_a_key_makes_the_same_job_one_run_and_cancelling_reaches_children() -> None:
    """As with a worker."""
    here = Simulation()
    first = here.send(note, "a", key="k", delay=H)
    assert here.send(note, "b", key="k") is first
    assert here.cancel(first.id) == "cancelled"
    assert here.send(note, "b", key="k") is not first
    family = here.send(parent, ["c"])
    here.at(START + 5 * S, lambda: here.cancel(family.id))
    here.run()
    assert [run.state for run in here.of(wobble)] == ["cancelled"]
    assert ([text for text, _ in SEEN], here.cancel("nobody")) == (["b", "c", "1"], None)


def test_workers_that_die_lose_no_step_and_the_same_seed_gives_the_same_course() -> None:
    """A step that was kept is not done again; what was on its way may be."""

    def course(seed: int) -> tuple[list[str], int, datetime]:
        SEEN.clear()
        here = Simulation(seed=seed, deaths=0.2)
        run = here.send(steps, 20)
        here.run()
        assert run.result == 20
        return [text for text, _ in SEEN], here.died, here.clock.now()

    assert course(5) == course(5)
    done, died, _ = course(5)
    assert died
    assert done == sorted(done, key=int)
    assert 20 < len(done) <= 20 + died


def test_time_does_not_run_backwards() -> None:
    """A time that has passed is a mistake, and says so."""
    here = Simulation()
    here.run(H)
    with pytest.raises(ValueError, match="has passed"):
        here.run(START)


def test_who_waits_longer_than_the_policy_allows_is_dead_and_so_is_what_cannot_be_mended() -> None:
    """The waiting budget is kept, and permanent failures end a run at once; a wrong payload is refused."""
    here = Simulation()
    long, hopeless = here.send(sleep, 25), here.send(refuse)
    here.run()
    assert (long.state, long.reason) == ("dead", "waited_too_long: snoozed")
    assert (hopeless.state, hopeless.reason, hopeless.starts) == ("dead", "permanent", 1)
    with pytest.raises(InvalidInput):
        here.send(wobble, "many")  # type: ignore[misc] # what is shown

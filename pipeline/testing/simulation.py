"""Simulation: days of runs, schedules and waits in seconds, by a still clock and the policies that are in force."""

from __future__ import annotations

import hashlib
import heapq
import itertools
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import orjson

from pipeline.classification import classify
from pipeline.declaration import DECLARED
from pipeline.errors import Failure, InvalidInput, NeedsReview
from pipeline.models import Models
from pipeline.run import Run
from pipeline.sending import Send
from pipeline.testing.clock import StillClock
from pipeline.testing.inline import attempt_here
from pipeline.testing.journal import Ending
from pipeline.testing.simulated_run import SimulatedJournal, SimulatedRun, WorkerDied
from pipeline.verdict import Verdict, decide

if TYPE_CHECKING:
    from pipeline.actor import Actor
    from pipeline.engine.records import NewRun
    from pipeline.schedule import Schedule

In = TypeVar("In")

#: After so long somebody else takes up the run of a worker that died.
_LEASE = timedelta(seconds=10)

_NO_TIME = timedelta(0)


class Simulation:
    """Runs what is sent and what is scheduled, one attempt after another, each at its time by ``clock``.

    An attempt takes no time. What it raises is classified and decided upon as in a worker, with the actor's own
    ``Retry``: retries, snoozes, waits for children and reviews are what they are there, and the clock goes on to
    whatever is due next. Rates of limits are kept; concurrency needs no limit where one thing happens at a time, and
    breakers and budgets let everything through. The same ``seed`` gives the same course. ``deaths`` is which part of
    the checkpoints a worker dies before, and after: its run is taken up again ten seconds later.
    """

    def __init__(
        self,
        clock: StillClock | None = None,
        *,
        seed: int = 0,
        model: str | Sequence[str] = "offline",
        deaths: float = 0.0,
    ) -> None:
        self.clock = clock or StillClock()
        #: Every run, by its id, in the order of their coming.
        self.runs: dict[str, SimulatedRun] = {}
        #: How many workers died.
        self.died = 0
        self._models = Models(*([model] if isinstance(model, str) else model))
        self._seed = seed
        self._dice = random.Random(seed)  # noqa: S311 - to be repeatable
        self._deaths = deaths
        self._agenda: list[tuple[datetime, int, Callable[[], object]]] = []
        self._order = itertools.count()
        self._keys: dict[tuple[str, str], str] = {}
        self._permits: dict[str, datetime] = {}

    def send(
        self, actor: Actor[In, Any], payload: In | None = None, *, key: str = "", delay: timedelta = _NO_TIME
    ) -> SimulatedRun:
        """Send a payload, checked as ``actor.send`` does; a ``key`` makes the same job one run, unless it failed."""
        new = actor.new_run(Send(payload=payload, key=key, delay=delay), run_id=self._new_id())
        return self._accept(new)

    def schedule(self, *schedules: Schedule) -> None:
        """Have schedules fire from now on."""
        for one in schedules:
            self._plan_tick(one, self.clock.now())

    def at(self, when: datetime, fn: Callable[[], object]) -> None:
        """Call a function at a time: what people and other systems do meanwhile."""
        heapq.heappush(self._agenda, (max(when, self.clock.now()), next(self._order), fn))

    def run(self, until: datetime | timedelta | None = None) -> None:
        """Let time pass ``until`` a time, or for so long; without one, until nothing is left to do.

        Raises ``ValueError`` for a time that has passed.
        """
        end = self.clock.now() + until if isinstance(until, timedelta) else until
        if end is not None and end < self.clock.now():
            raise ValueError(f"{end} has passed: it is {self.clock.now()}")
        while self._agenda and (end is None or self._agenda[0][0] <= end):
            when, _, act = heapq.heappop(self._agenda)
            self.clock.forward(max(_NO_TIME, when - self.clock.now()))
            act()
        if end is not None:
            self.clock.forward(end - self.clock.now())

    def of(self, actor: Actor[Any, Any], state: str = "") -> list[SimulatedRun]:
        """Give the runs of an actor, of one state if it is given."""
        return [run for run in self.runs.values() if run.actor is actor and state in {"", run.state}]

    @property
    def reviews(self) -> list[SimulatedRun]:
        """The runs that wait for a person."""
        return [run for run in self.runs.values() if run.state == "review"]

    def answer(self, run_id: str, says: str, value: Any = None) -> None:
        """Be the person a run waits for: ``done`` with what came of it, ``undone``, ``approve``, ``edit``, ``reject``.

        Raises ``InvalidInput`` if the run does not wait for one.
        """
        run = self.runs[run_id]
        if run.state != "review":
            raise InvalidInput(f"run {run_id} does not wait for a person: it is {run.state}")
        if says == "reject":
            run.review = None
            self._end(run, "dead", "rejected")
            return
        run.answer(says, value)
        self._queue(run, "queued", self.clock.now())

    def cancel(self, run_id: str) -> str | None:
        """Stop a run and its children, and give its state; none if there is no such run."""
        run = self.runs.get(run_id)
        if run is None:
            return None
        if not run.ended:
            self._end(run, "cancelled", "asked")
            for child in [one for one in self.runs.values() if one.parent == run_id]:
                self.cancel(child.id)
        return run.state

    def _plan_tick(self, schedule: Schedule, since: datetime) -> None:
        tick = schedule.calendar.after(since)

        def fire() -> None:
            self._accept(replace(schedule.run(tick), id=self._new_id()))
            self._plan_tick(schedule, tick)

        self.at(tick, fire)

    def _accept(self, new: NewRun, parent: str = "") -> SimulatedRun:
        known = self.runs.get(new.id) or self.runs.get(self._keys.get((new.actor, new.key), "") if new.key else "")
        if known is not None and (known.id == new.id or known.state not in {"dead", "cancelled"}):
            return known
        actor = DECLARED[new.actor]
        args = orjson.loads(new.message)["args"]
        journal = SimulatedJournal(
            clock=self.clock,
            run_id=new.id,
            start=lambda children: self._spawn(new.id, children),
            look_up=self._outcomes,
            dies=lambda: self._dice.random() < self._deaths,
        )
        run = SimulatedRun(new.id, actor, args[0] if args else None, journal, gates=new.gates, parent=parent)
        self.runs[new.id] = run
        if new.key:
            self._keys[new.actor, new.key] = new.id
        self._queue(run, "queued", self.clock.now() + timedelta(milliseconds=new.delay_ms))
        return run

    def _spawn(self, parent: str, children: Iterable[NewRun]) -> None:
        for child in children:
            self._accept(child, parent)

    def _outcomes(self, run_ids: Sequence[str]) -> list[Ending]:
        found = [self.runs.get(one) for one in run_ids]
        return [("", None, "", "") if run is None else run.ending() for run in found]

    def _queue(self, run: SimulatedRun, state: str, due: datetime) -> None:
        run.state, run.due = state, due
        run.turn += 1
        turn = run.turn
        self.at(due, lambda: self._start(run) if run.turn == turn and not run.ended else None)

    def _start(self, run: SimulatedRun) -> None:
        if not run.admitted:
            slot = self._slot(run)
            run.admitted = True
            if slot > self.clock.now():
                self._queue(run, run.state, slot)  # it has its turn, and waits for it
                return
        run.admitted = False
        run.starts += 1
        run.state, run.due = "running", None
        attempt = Run(
            run.journal,
            run_id=run.id,
            actor=run.actor.actor_name,
            queue=run.actor.queue_name,
            attempt=run.attempts + 1,
            models=self._models,
        )
        try:
            run.result = attempt_here(run.actor, run.payload, attempt)
        except WorkerDied:
            self.died += 1
            self._queue(run, "queued", self.clock.now() + _LEASE)
        except Exception as error:  # noqa: BLE001 - as a worker does: whatever it is, it has a kind
            self._failed(run, error)
        else:
            run.attempts += 1
            self._end(run, "completed", "")

    def _failed(self, run: SimulatedRun, error: Exception) -> None:
        found = classify(error, run.actor.rules, now=self.clock.now())
        verdict = decide(
            found.kind,
            attempt=run.attempts + 1,
            retry=run.actor.retry,
            why=found.why,
            snoozes=run.snoozes,
            waited=run.waited,
            wait=found.retry_after,
            chance=self._dice.random(),
        )
        run.attempts += verdict.spends
        run.reason = verdict.reason
        if verdict.spends:
            run.errors.append(str(error) if isinstance(error, Failure) else f"{type(error).__name__}: {error}")
        self._heed(run, verdict, error)

    def _heed(self, run: SimulatedRun, verdict: Verdict, error: Exception) -> None:
        now = self.clock.now()
        if verdict.state in {"dead", "cancelled"}:
            self._end(run, verdict.state, verdict.reason)
        elif verdict.state == "review":
            run.state = "review"
            run.review = error.item if isinstance(error, NeedsReview) else {}
        elif verdict.state == "waiting":
            run.state = "waiting"
            self._wake(run.id)
        else:
            if verdict.state == "snoozed":
                run.snoozes += 1
                run.waited += verdict.delay
            self._queue(run, verdict.state, now + verdict.delay)

    def _end(self, run: SimulatedRun, state: str, reason: str) -> None:
        run.state, run.reason, run.due = state, reason, None
        if run.parent:
            self._wake(run.parent)

    def _wake(self, run_id: str) -> None:
        run = self.runs[run_id]
        if run.state == "waiting" and all(self.runs[child].ended for child in run.journal.children):
            self._queue(run, "queued", self.clock.now())

    def _slot(self, run: SimulatedRun) -> datetime:
        """Give when a run may start by the rates of its limits, and take its turn in each."""
        now = self.clock.now()
        declared = {limit.name: limit for limit in run.actor.limits if limit.rate is not None and limit.on == "start"}
        paced: dict[str, tuple[timedelta, timedelta]] = {}
        for token in run.gates.split():
            limit = declared.get(token.removeprefix("l:").partition("=")[0]) if token.startswith("l:") else None
            if limit is not None and limit.rate is not None:
                each = limit.per / limit.rate
                paced[token] = (each, each * (limit.config()["burst"] - 1))
        slot: datetime = max([now, *(self._permits.get(token, now) - ahead for token, (_, ahead) in paced.items())])
        for token, (each, _) in paced.items():
            self._permits[token] = max(slot, self._permits.get(token, slot)) + each
        return slot

    def _new_id(self) -> str:
        told = f"{self._seed}/{len(self.runs)}"
        return hashlib.blake2b(told.encode(), digest_size=16).hexdigest()

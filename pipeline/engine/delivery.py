"""A claimed run on its way through a worker process."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, TypeVar

import dramatiq
import orjson
import structlog
from dramatiq.broker import MessageProxy

from pipeline import ids, metrics
from pipeline.engine.gates import Asking, Gates, Refused, Reserved, Settling
from pipeline.engine.records import CRASH_LIMIT, Commit, Lease, NewRun
from pipeline.engine.texts import Texts
from pipeline.errors import Interrupted, Kind, LeaseLost, Unavailable
from pipeline.health import Health
from pipeline.journal import Billed, Refusal

if TYPE_CHECKING:
    from pipeline.call import Call
    from pipeline.engine.interrupts import Guard
    from pipeline.engine.store import Store
    from pipeline.engine.values import Values
    from pipeline.run import Run
    from pipeline.tracing.spans import OpenSpan
    from pipeline.verdict import Verdict

T = TypeVar("T")

#: Pause between tries while Redis does not answer.
_PAUSE_S = 0.25

#: Results that are read in one call.
_AT_ONCE = 500

log = structlog.get_logger(__name__)


class Delivery(MessageProxy):
    """Dramatiq's view of a claimed run, and the run's own journal.

    The middleware of an attempt meet here: the run scope sets ``run`` and ``call``, the classifier ``kind``, the
    outcome ``verdict`` and ``commit``. Without a ``commit`` the run stays leased and is taken up again.
    """

    # What most attempts never change stands here: setting it anew for each costs more than all else that is done here.
    run: Run | None = None
    call: Call | None = None
    kind: Kind | None = None
    #: More closely than the kind, and how long the failure asked to wait: the classifier's word.
    why: str = ""
    retry_after: timedelta | None = None
    verdict: Verdict | None = None
    commit: Commit | None = None
    #: Whether every model of the chain has failed the run.
    exhausted: bool = False
    #: What the attempt counts for in its group's share, above the one that every run counts.
    cost: float = 0.0
    #: What bounds the time of its actor, once it has begun.
    guard: Guard | None = None
    #: What it says of the breaker before it: ok, fail, none, or nothing if there is none.
    health: str = ""
    stopping: bool = False
    lost: bool = False
    handed_back: bool = False
    started_at: float = 0.0
    #: The span of the attempt, while somebody collects traces.
    span: OpenSpan | None = None

    def __init__(self, message: dramatiq.Message[object], lease: Lease, store: Store, values: Values) -> None:
        super().__init__(message)
        # The base looks each of these up in the message anew; they are read a dozen times an attempt.
        self.queue_name = message.queue_name
        self.actor_name = message.actor_name
        self.message_id = message.message_id
        self.options = message.options
        self.lease = lease
        self.args = message.args
        self.kwargs = message.kwargs
        self.cancelled = lease.cancelled
        #: Whether the run is stopped as a crash loop if its worker dies now.
        self.suspect = lease.starts >= CRASH_LIMIT
        self.held_until = lease.held_until
        self.claimed_at = time.monotonic()
        self._store = store
        self._values = values
        self._ticket = [True]

    @cached_property
    def _calls(self) -> dict[str, tuple[Asking, Reserved]]:
        return {}

    @property
    def memo(self) -> dict[str, Any]:
        """What few runs have: left_ms until the deadline, waited_ms, timeouts, flow."""
        return orjson.loads(self.lease.memo) if self.lease.memo else {}

    @property
    def deadline_left(self) -> timedelta | None:
        """How much time the run has left, as of its claim; none if it has no deadline."""
        left = self.memo.get("left_ms")
        return None if left is None else timedelta(milliseconds=max(0, left))

    def begin(self) -> bool:
        """Take the only ticket to this delivery: whoever asks second does not have it."""
        try:
            self._ticket.pop()
        except IndexError:
            return False
        return True

    def confirm(self) -> None:
        """Make sure that the run is still this worker's if its lease may have ended: the process may have stalled.

        Raises ``LeaseLost`` if it is another's, so that nothing is begun in vain.
        """
        if time.monotonic() < self.held_until:
            return
        if not self._persist(lambda: self._store.holds(self.lease.run_id, self.lease.fence)):
            self.lost = True
            raise LeaseLost(f"run {self.lease.run_id} was taken over by another worker")

    def now(self) -> datetime:
        """Give the time by the clock of Redis, which all workers share; it is asked once an attempt."""
        return self._clock[0] + timedelta(seconds=time.monotonic() - self._clock[1])

    @cached_property
    def _clock(self) -> tuple[datetime, float]:
        seconds, micros = self._persist(lambda: self._store.read("time"))
        return datetime.fromtimestamp(seconds, UTC) + timedelta(microseconds=micros), time.monotonic()

    def load_steps(self) -> dict[str, bytes]:
        """Give the steps that finished in earlier attempts."""
        if not self.lease.has_steps:
            return {}
        found = self._persist(lambda: self._store.load_checkpoints(self.lease.run_id))
        return {name: self._values.unpack(value) for name, value in found.items()}

    def save_step(self, name: str, value: bytes, *, replace: bool = False) -> None:
        """Remember a finished step for good; raises ``LeaseLost`` if the run is another worker's now."""
        packed = self._values.pack(value)
        save = self._store.save_checkpoint
        code = self._persist(lambda: save(self.lease.run_id, self.lease.fence, name, packed, replace=replace))
        self._heed(code, name)
        self.suspect = False

    def append_text(self, stream: str, offset: int, text: str) -> int:
        """Publish a piece of text; raises ``LeaseLost`` if the run is another worker's now."""
        code = Texts(self._store).append(self.lease.run_id, self.lease.fence, stream, offset, text)
        self._heed(code, stream)
        return code

    def spawn(self, children: Sequence[NewRun]) -> None:
        """Start runs that feed this one; raises ``LeaseLost`` if the run is another worker's now."""
        if children:
            me, name = self.lease.run_id, children[0].actor
            expect = self._store.expect_children
            self._heed(self._persist(lambda: expect(me, self.lease.fence, name, len(children))), "children")
            mine = [replace(child, parent=me, feeds=f"{me}:0") for child in children]
            self._persist(lambda: self._store.enqueue(mine))

    def outcomes(self, run_ids: Sequence[str]) -> list[tuple[str, bytes | None, str, str]]:
        """Give state, result as JSON, reason and last error of each child."""
        rows: list[tuple[str, bytes | None, str, str]] = []
        for at in range(0, len(run_ids), _AT_ONCE):
            portion = run_ids[at : at + _AT_ONCE]
            rows += self._persist(partial(self._store.results, portion))
        return [
            (state, None if stored is None else self._values.unpack(stored), reason, message)
            for state, stored, reason, message in rows
        ]

    def waits(self, models: Sequence[str]) -> list[timedelta]:
        """Say for how long each model cannot be asked by this run."""
        waits_ms = self._persist(lambda: Gates(self._store).waits_ms(self.lease.run_id, models))
        return [timedelta(milliseconds=wait_ms) for wait_ms in waits_ms]

    def reserve(self, model: str, tokens: int, micros: int | None) -> str | Refusal:
        """Ask for one call of a model; raises ``LeaseLost`` if the run is another worker's now."""
        asking = Asking(
            run_id=self.lease.run_id,
            fence=self.lease.fence,
            call_id=ids.new(),
            model=model,
            tokens=tokens,
            micros=-1 if micros is None else micros,
            group=self.run.group if self.run else "",
            flow=self.memo.get("flow") or "",
            actor=self.actor_name,
        )
        answer = self._persist(lambda: Gates(self._store).reserve(asking))
        if answer is None:
            self._heed(-1, model)
        if isinstance(answer, Refused):
            metrics.refused(answer.gate, answer.wait_ms)
            return Refusal(answer.gate, timedelta(milliseconds=answer.wait_ms), answer.then)
        assert answer is not None
        self._calls[asking.call_id] = (asking, answer)
        return asking.call_id

    def settle(self, reserved: str, billed: Billed, health: Health, wait: timedelta) -> None:
        """End a call of a model: charge what it took, and tell the breakers."""
        asking, got = self._calls.pop(reserved)
        metrics.called(self.actor_name, billed)
        tokens = billed.tokens_in + billed.tokens_out
        self.cost += tokens / 1000
        settling = Settling(
            asked=asking,
            reserved=got,
            health=health,
            ms=int(wait.total_seconds() * 1000),
            seconds=billed.seconds,
            tokens=tokens,
            micros=billed.micros,
            record=asdict(billed) | {"at_ms": time.time_ns() // 1_000_000},
        )
        for name, state in self._persist(lambda: Gates(self._store).settle(settling)).items():
            log.warning("breaker_changed", breaker=name, state=state, reason=billed.outcome)

    def report(self, progress: bytes) -> None:
        """Publish a report; raises ``LeaseLost`` if the run is another worker's now."""
        self._heed(self._store.report_progress(self.lease.run_id, self.lease.fence, progress), "progress")

    def _persist(self, call: Callable[[], T]) -> T:
        """Make an idempotent call until Redis answers: finished work is not thrown away because Redis is away.

        It ends with the attempt's time limit, or when the worker stops.
        """
        while True:
            try:
                return call()
            except Unavailable as error:
                if self.stopping:
                    raise Interrupted("worker is stopping while Redis does not answer") from error
                log.warning("step_delayed", error=str(error))
                time.sleep(_PAUSE_S)

    def _heed(self, code: int, what: str) -> None:
        if code < 0:
            metrics.count("dramaturg_fenced_writes_total", self.actor_name)
            self.lost = True
            raise LeaseLost(f"run {self.lease.run_id} was taken over by another worker; {what!r} was refused")
        if code == 2:  # noqa: PLR2004 - "asked to stop", see the scripts' signatures
            self.cancelled = True

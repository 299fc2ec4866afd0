"""The scheduler: of any number of processes one leads, and fires what comes due.

That one leads saves work and nothing else: a tick is recorded and its run accepted in one call, so that two that both
believe they lead still give one run a tick.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from pipeline import metrics
from pipeline.engine.firing import Firing
from pipeline.engine.schedules import Schedules
from pipeline.errors import Unavailable

if TYPE_CHECKING:
    from pipeline.engine.broker import PipelineBroker
    from pipeline.schedule import Schedule

#: How long the lead lasts unless it is renewed: another takes it over after so long.
LEASE = timedelta(seconds=3)

#: How often what is declared is written down anew.
_DECLARE = timedelta(hours=1)

_HELD_UP_S = 60.0  # how long a schedule whose run cannot be made is left alone
_REST = timedelta(seconds=1)  # longest rest of one that does not lead: it looks up to see whether it is to stop
_SHORTEST = timedelta(milliseconds=10)
_PAUSES_S = (0.1, 0.3, 1.0)  # after calls that Redis did not answer

log = structlog.get_logger(__name__)


class Scheduler:
    """Leads if nobody else does, and fires what comes due; ``run`` does that until it is told to stop.

    Time is that of Redis; ``clock`` takes its place where another is given.
    """

    def __init__(
        self,
        broker: PipelineBroker,
        schedules: Sequence[Schedule],
        *,
        lease: timedelta = LEASE,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        self._store = broker.store
        self._who = broker.worker_id
        self._schedules = tuple(schedules)
        self._redis = Schedules(broker.store)
        self._firing = Firing(self._redis, self._schedules)
        self._lease = lease
        self._clock = clock
        names = "\n".join(sorted(schedule.name for schedule in self._schedules))
        #: Those who know the same schedules have one leader.
        self._group = hashlib.sha256(names.encode()).hexdigest()[:12]
        self.leads = False
        self._asked = 0.0
        self._left = timedelta(0)
        self._now: datetime | None = None
        self._told = 0.0
        self._declared: float | None = None
        self._held_up: dict[str, float] = {}

    def run(self, stop: threading.Event, *, on_turn: Callable[[], object] = lambda: None) -> None:
        """Lead and fire, or wait for the lead, until ``stop`` is set; then give the lead up.

        A Redis that does not answer is waited for. ``on_turn`` is called about once a second.
        """
        metrics.keep()
        log.info("scheduler_started", scheduler=self._who, schedules=[schedule.name for schedule in self._schedules])
        failed = 0
        while not stop.is_set():
            on_turn()
            try:
                rest = self.step()
                if failed:
                    log.info("scheduler_goes_on", scheduler=self._who)
                failed = 0
                self._wait(stop, rest)
            except Unavailable as error:
                if not failed:
                    log.warning("scheduler_waits", scheduler=self._who, why=str(error))
                stop.wait(_PAUSES_S[min(failed, len(_PAUSES_S) - 1)])
                failed += 1
        self._give_up()

    def step(self) -> timedelta:
        """Renew the lead if it is time, fire a portion of what is due, and give how long there is nothing to do.

        Raises ``Unavailable`` if Redis does not answer; nothing is lost by that.
        """
        if time.monotonic() >= self._asked + self._left.total_seconds() / (3 if self.leads else 1):
            self._lead()
        if not self.leads:
            return max(timedelta(0), self._left - timedelta(seconds=time.monotonic() - self._asked))
        for schedule in self._firing.due(self.now()):
            if self._held_up.get(schedule.name, 0) <= time.monotonic():
                self._fire(schedule)
        return self._rest()

    def now(self) -> datetime:
        """Give the time by the clock of Redis, as it was told last and has gone on since."""
        if self._clock is not None:
            return self._clock()
        if self._now is None:
            raise RuntimeError("the time is known once Redis was asked")
        return self._now + timedelta(seconds=time.monotonic() - self._told)

    def _lead(self) -> None:
        asked = time.monotonic()
        led, self.leads, self._left = self.leads, False, timedelta(0)  # until what follows has come to its end
        lead = self._redis.lead(self._group, self._who, self._lease)
        self._now, self._told = lead.now, time.monotonic()  # never ahead of Redis: the answer is older than this
        if lead.leads and (not led or self._declared is None or asked - self._declared > _DECLARE.total_seconds()):
            self._firing.declare(self.now())
            self._declared = asked
        self._asked, self._left, self.leads = asked, lead.left, lead.leads
        metrics.leads(lead.leads)
        if lead.leads and not led:
            log.info("scheduler_leads", scheduler=self._who, lease_s=self._lease.total_seconds())
        elif led and not lead.leads:
            log.warning("scheduler_lost_the_lead", scheduler=self._who, leader=lead.leader)

    def _fire(self, schedule: Schedule) -> None:
        try:
            self._firing.fire(schedule, self.now())
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001 - what is wrong with one schedule does not hold up the others
            log.error("tick_failed", schedule=schedule.name, error=f"{type(error).__name__}: {error}")  # noqa: TRY400 - the message says it all
            self._held_up[schedule.name] = time.monotonic() + _HELD_UP_S
        else:
            self._held_up.pop(schedule.name, None)

    def _rest(self) -> timedelta:
        renewal = timedelta(seconds=self._asked + self._left.total_seconds() / 3 - time.monotonic())
        due = self._firing.next()
        rest = renewal if due is None or self._held_up else min(renewal, due - self.now())
        return max(timedelta(0), rest)

    def _wait(self, stop: threading.Event, rest: timedelta) -> None:
        if self.leads:
            stop.wait(rest.total_seconds())
        elif rest > timedelta(0) and self._store.wait([f"schedules:{self._group}"], max(min(rest, _REST), _SHORTEST)):
            self._left = timedelta(0)  # whoever gives the lead up wakes one of those who wait

    def _give_up(self) -> None:
        if self.leads:
            self.leads = False
            metrics.leads(False)
            try:
                self._redis.lead(self._group, self._who, timedelta(0))
            except Unavailable as error:
                log.warning("lead_not_given_up", scheduler=self._who, why=str(error))
        log.info("scheduler_stopped", scheduler=self._who)

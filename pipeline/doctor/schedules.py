"""Looks at what starts by itself: whether somebody fires it, and in time."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from pipeline.calendar import Cron, Interval
from pipeline.doctor.words import a_few, long
from pipeline.duration import read
from pipeline.engine.schedules import Schedules, from_ms, to_ms
from pipeline.engine.store import Store
from pipeline.finding import Finding

#: A tick may be settled so long after its time.
LATE_MS = 120_000

#: A pause is forgotten, as a rule, after so long.
PAUSED_MS = 7 * 86_400_000


def check_schedules(store: Store, now_ms: int) -> Iterator[Finding]:
    """Say whether schedules have a leader and keep their times; raises ``Unavailable``."""
    schedules = Schedules(store)
    known = {name: state for name, state in schedules.known().items() if "times" in state}
    if not known:
        return
    leaders = schedules.leaders()
    late = {name: due for name, state in known.items() if (due := _late_ms(state, now_ms)) > LATE_MS}
    if not leaders:
        level = "error" if late else "warning"
        what = f"No scheduler leads, and {len(known)} schedules are declared: nothing starts by itself."
        yield Finding(level, what, "Start one: dramaturg scheduler.", "schedules.leader")  # type: ignore[arg-type] # one of the levels
    else:
        yield Finding("ok", f"{a_few(leaders)} fires {len(known)} schedules.", check="schedules.leader")
        for name, due_ms in sorted(late.items())[:5]:
            what = f"The schedule {name} was due {long(due_ms)} ago and was not fired."
            mend = f"See the log of the scheduler; if its code is gone: dramaturg schedules pause {name}."
            yield Finding("warning", what, mend, "schedules.late")
    for name, state in sorted(known.items()):
        if (paused := state.get("paused_ms")) is not None and now_ms - paused > PAUSED_MS:
            what = f"The schedule {name} has been paused for {long(now_ms - paused)}."
            mend = f"When that is over: dramaturg schedules resume {name}."
            yield Finding("warning", what, mend, "schedules.paused")


def _late_ms(state: dict[str, Any], now_ms: int) -> int:
    """Say how long ago the first tick was due that is not settled; 0 if none is."""
    if state.get("paused_ms") is not None or "last_ms" not in state:
        return 0
    try:
        times = str(state["times"])
        calendar = (
            Interval(read(times.removeprefix("every ")))
            if times.startswith("every ")
            else Cron(times, str(state["timezone"]))
        )
    except (ValueError, KeyError):
        return 0  # of a version that spells it otherwise
    due = next(islice(calendar.ticks(from_ms(state["last_ms"])), 1), None)
    return 0 if due is None else max(0, now_ms - to_ms(due))

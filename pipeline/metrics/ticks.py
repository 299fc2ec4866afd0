"""What is measured of schedules: their ticks, and how late they fire."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from pipeline.metrics.tally import count, keeps, observe

#: A tick that fires so long after its time was caught up on: nobody led at its time.
LATE = timedelta(minutes=1)


def fired(schedule: str, now: datetime, ticks: Sequence[datetime], became: Iterable[str], missed: int) -> None:
    """Count the ticks of a schedule that were settled in one call, and those that are passed over for good."""
    if not keeps():
        return
    name = "dramaturg_schedule_fires_total"
    for tick, what in zip(ticks, became, strict=False):
        if what != "new":
            count(name, schedule, "duplicate_suppressed")
            continue
        late = now - tick
        count(name, schedule, "caught_up" if late > LATE else "sent")
        observe("dramaturg_schedule_lateness_seconds", max(0.0, late.total_seconds()), schedule)
    count(name, schedule, "missed", by=missed)

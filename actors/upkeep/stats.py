"""``stats.rollup``: what runs came to, by actor, queue, model and tenant, an hour and a day at a time."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from pydantic import BaseModel, ConfigDict

from actors.upkeep.rollup import RolledUp, roll_up
from actors.upkeep.tallies import day_of, utc_day
from pipeline import InvalidInput, Retry, Run, actor
from pipeline.database import get_database
from pipeline.ended import StatsSettings, get_ended_runs

#: How many days are made anew by one run, at most.
_MOST_DAYS = 366


class RollupRequest(BaseModel):
    """What to count: everything that ended since the last time; and days to be made anew from the figures by hour."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rebuild_since: date | None = None
    #: With this day; that of ``rebuild_since`` alone if there is none.
    rebuild_until: date | None = None


@actor(
    name="stats.rollup",
    queue="upkeep",
    retry=Retry(attempts=5, base=timedelta(seconds=5), cap=timedelta(minutes=5)),
    timeout=timedelta(minutes=30),
)
def rollup_stats(request: RollupRequest, run: Run) -> RolledUp:
    """Count the runs that ended since the last time in their hours and days, once however often this is run."""
    from actors.upkeep.stores.stats import History

    history = History(get_database())
    kept_since = run.now - timedelta(days=StatsSettings.current().keep_hours_days)
    wanted = _days(request, kept_since)

    def tell(done: int, total: int) -> None:
        run.progress("counting", min(90, 90 * done / max(1, total)), f"{done:,} runs", runs=done)
        run.check_cancelled()

    rolled = roll_up(get_ended_runs(), history, tell)
    for day in wanted:
        run.check_cancelled()
        history.rebuild(day)
    removed = history.prune(kept_since)
    run.progress("complete", 100, f"{rolled.runs:,} runs")
    if rolled.cut:
        run.log.warning("statistics_lost", runs=rolled.cut, why="the feed was full before it was rolled up")
    return rolled.model_copy(update={"removed": removed, "rebuilt": len(wanted)})


def _days(request: RollupRequest, kept_since: datetime) -> list[datetime]:
    first = request.rebuild_since
    if first is None:
        if request.rebuild_until is not None:
            raise InvalidInput("rebuild_until goes with rebuild_since", field="rebuild_until")
        return []
    last = request.rebuild_until or first
    if not first <= last or (last - first).days >= _MOST_DAYS:
        raise InvalidInput(f"rebuild_until: from 0 to {_MOST_DAYS - 1} days after rebuild_since", field="rebuild_until")
    if utc_day(first) < day_of(kept_since) + timedelta(days=1):
        raise InvalidInput(f"the hours of {first} are not kept any more", field="rebuild_since")
    return [utc_day(first + timedelta(days=n)) for n in range((last - first).days + 1)]

"""``stats``: what runs came to, an hour or a day at a time, from the history in the database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.asking import Actor, AsJson, Queue
from pipeline.cli.exits import usage

if TYPE_CHECKING:
    from actors.upkeep.figures import By, Span
    from actors.upkeep.stores.stats import FeedRow
    from actors.upkeep.tallies import Tallies

_STATS = """\
[bold]Examples[/bold]

  dramaturg stats
  dramaturg stats --by model --days 30
  dramaturg stats --actor graph.generate --hours 48 --plot
  dramaturg stats --since 2026-11-01 --by tenant --json
  dramaturg stats rollup

Hours and days are those of UTC. What ended since the last roll-up is not
counted yet; it is rolled up once an hour, or by dramaturg stats rollup.

[bold]With --json[/bold]: {"by", "grain", "since", "until", "rolled_up_at",
"rows": [{name, runs, completed, dead, cancelled, success_rate, retries,
wait_ms, duration_ms, calls, tokens_in, tokens_out, micros, reasons}],
"times": the same of each hour or day, with starts_at in place of the name,
"total": the same of all, "cut": [{runs, since, until}] what was lost}. Times
are {p50, p95, p99}, within 1 %; micros are millionths of a dollar.
"""

_ROLLUP = """\
[bold]Examples[/bold]

  dramaturg stats rollup
  dramaturg stats rollup --json

Counts what ended until now, as stats.rollup does once an hour. Both at once
count nothing twice.

[bold]With --json[/bold]: {"runs", "portions", "first_hour", "last_hour", "cut",
"removed", "rebuilt"}.
"""

#: Spans longer than this are shown by day.
_LONGEST_BY_HOUR = timedelta(hours=72)

stats = typer.Typer(
    name="stats",
    invoke_without_command=True,
    rich_markup_mode="rich",
    epilog=_STATS,
    help="Show what runs came to: outcomes, waits, durations, retries, tokens and money.",
)


@stats.callback()
def show(
    context: typer.Context,
    *,
    by: Annotated[str, typer.Option(metavar="actor|queue|model|tenant", help="What to tell apart.")] = "actor",
    hours: Annotated[
        int | None, typer.Option(min=1, max=24 * 90, metavar="N", help="The last N hours.", show_default="24")
    ] = None,
    days: Annotated[
        int | None, typer.Option(min=1, max=36_500, metavar="N", help="The last N days.", show_default=False)
    ] = None,
    since: Annotated[
        str, typer.Option(metavar="TIME", help="From this date, or date and time.", show_default=False)
    ] = "",
    actor: Actor = "",
    queue: Queue = "",
    model: Annotated[str, typer.Option(metavar="NAME", help="Only what this model did.")] = "",
    tenant: Annotated[str, typer.Option(metavar="NAME", help="Only runs of this group.")] = "",
    plot: Annotated[bool, typer.Option("--plot", help="Draw each hour or day as well.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show what runs came to: outcomes, waits, durations, retries, tokens and money."""
    if context.invoked_subcommand is not None:
        return
    from actors.upkeep.figures import only
    from pipeline.cli.output import print_json
    from pipeline.cli.stats_view import Shown, print_plot, print_stats

    wanted = {"actor": actor, "queue": queue, "model": model, "tenant": tenant}
    wanted = {name: value for name, value in wanted.items() if value}
    grouped, span = _by(by), _span(hours, days, since)
    tallies, feeds = _read(span)
    shown = Shown(grouped, span, only(tallies, wanted), feeds)
    if as_json:
        print_json(shown.json())
        return
    print_stats(shown)
    if plot:
        print_plot(shown)


@stats.command("rollup", epilog=_ROLLUP)
def rollup(*, as_json: AsJson = False) -> None:
    """Count what ended until now, at once and in this process."""
    from actors.upkeep.rollup import roll_up
    from actors.upkeep.stores.stats import History
    from pipeline.cli.opening import reading_ended_runs
    from pipeline.cli.output import print_json, say, tell

    with reading_ended_runs() as (feed, database):
        rolled = roll_up(feed, History(database))
    if rolled.cut:
        tell(f"{rolled.cut:,} runs were dropped before this: the feed was full and nothing rolled it up.", "yellow")
    if as_json:
        print_json(rolled.model_dump(mode="json"))
    else:
        say(f"{rolled.runs:,} runs counted")


def _read(span: Span) -> tuple[Tallies, list[FeedRow]]:
    from actors.upkeep.stores.stats import History
    from pipeline.database import Database
    from pipeline.settings import Settings

    database = Database(Settings.load().database.get_secret_value())
    if not database.is_there():
        return {}, []
    try:
        database.migrate()
        history = History(database)
        return history.figures(span.grain, span.since, span.until), history.feeds()
    finally:
        database.close()


def _by(name: str) -> By:
    if name not in {"actor", "queue", "model", "tenant"}:
        raise usage(f"--by {name}: one of actor, queue, model, tenant")
    return name  # type: ignore[return-value] # just looked at


def _span(hours: int | None, days: int | None, since: str) -> Span:
    from actors.upkeep.figures import Span, floor

    if sum(given not in {None, ""} for given in (hours, days, since)) > 1:
        raise usage("Give one of --hours, --days and --since.")
    now = datetime.now(UTC)
    if days is not None:
        return Span.of(now, days, timedelta(days=1))
    if not since:
        return Span.of(now, hours or 24, timedelta(hours=1))
    try:
        begin = datetime.fromisoformat(since)
    except ValueError:
        raise usage(f"--since {since}: is no date, as 2026-11-01 or 2026-11-01T08:00") from None
    begin = (begin if begin.tzinfo else begin.replace(tzinfo=UTC)).astimezone(UTC)
    if begin > now:
        raise usage(f"--since {since}: lies in the future")
    step = timedelta(hours=1) if now - begin <= _LONGEST_BY_HOUR else timedelta(days=1)
    return Span(floor(begin, step), floor(now, step) + step, step)

"""``schedules pause``, ``resume``, ``run`` and ``backfill``: what people do about schedules."""

from __future__ import annotations

from typing import Annotated

import typer

from pipeline.cli.asking import AsJson
from pipeline.cli.schedules import Modules, Name, moment, schedules, timetable

__all__ = ["schedules"]

_PAUSE = """\
[bold]Examples[/bold]

  dramaturg schedules pause backup.daily

Its ticks pass by until it is resumed; what was started goes on.

[bold]With --json[/bold]: {"schedule", "outcome"}; outcome is paused, or was paused.
"""

_RESUME = """\
[bold]Examples[/bold]

  dramaturg schedules resume backup.daily

The next tick starts it again; those that passed by are left to backfill.

[bold]With --json[/bold]: {"schedule", "outcome"}; outcome is resumed, or was not paused.
"""

_RUN = """\
[bold]Examples[/bold]

  dramaturg schedules run stats.rollup
  dramaturg schedules run report.weekly -m my_app.jobs

A run beside its ticks, also while it is paused.

[bold]With --json[/bold]: {"schedule", "run"}.
"""

_BACKFILL = """\
[bold]Examples[/bold]

  dramaturg schedules backfill stats.rollup --from 2026-10-01 --to 2026-10-05
  dramaturg schedules backfill stats.rollup --from 2026-10-01 --dry-run

Each tick of the span that has no run gets one; a second time it does nothing.
The end is not included, and is now if none is said. Times without a zone are
read on the clocks of the schedule.

[bold]With --json[/bold]: {"schedule", "ticks", "new": [run], "known", "forgotten"};
forgotten are ticks so long ago that nobody knows whether they ran: those
do not run.
"""


@schedules.command("pause", epilog=_PAUSE)
def pause(name: Name, *, modules: Modules = None, as_json: AsJson = False) -> None:
    """Let the ticks of a schedule pass."""
    with timetable(modules) as table:
        new = table.pause(name)
    _told(name, "paused" if new else "was paused", as_json=as_json)


@schedules.command("resume", epilog=_RESUME)
def resume(name: Name, *, modules: Modules = None, as_json: AsJson = False) -> None:
    """Let a schedule start runs again."""
    with timetable(modules) as table:
        changed = table.resume(name)
    _told(name, "resumed" if changed else "was not paused", as_json=as_json)


@schedules.command("run", epilog=_RUN)
def run(name: Name, *, modules: Modules = None, as_json: AsJson = False) -> None:
    """Start it now."""
    from pipeline.cli.output import print_json, say

    with timetable(modules) as table:
        run_id = table.run(name)
    if as_json:
        print_json({"schedule": name, "run": run_id})
    else:
        say(f"{name}: run {run_id}")


@schedules.command("backfill", epilog=_BACKFILL)
def backfill(
    name: Name,
    *,
    since: Annotated[str, typer.Option("--from", metavar="TIME", help="The first time.", show_default=False)],
    until: Annotated[str, typer.Option("--to", metavar="TIME", help="The end, not included.", show_default="now")] = "",
    rehearse: Annotated[bool, typer.Option("--dry-run", help="Count the ticks, and run none.")] = False,
    modules: Modules = None,
    as_json: AsJson = False,
) -> None:
    """Run the ticks of a span of time that have no run."""
    from pipeline.cli.output import print_json, say

    with timetable(modules) as table:
        zone = table.show(name, history=1)["timezone"]
        end = moment("--to", until, zone) if until else table.now()
        done = table.backfill(name, moment("--from", since, zone), end, rehearse=rehearse)
    if as_json:
        counts = {"ticks": done.ticks, "new": done.new, "known": done.known, "forgotten": done.forgotten}
        print_json({"schedule": name, **counts})
    elif rehearse:
        say(f"{name}: {done.ticks:,} ticks; those that have no run would get one")
    else:
        say(f"{name}: {len(done.new):,} runs for {done.ticks:,} ticks; {done.known:,} had one")
        if done.forgotten:
            say(
                f"{done.forgotten:,} ticks are so long ago that nobody knows whether they ran: they did not run now.",
                "yellow",
            )


def _told(name: str, outcome: str, *, as_json: bool) -> None:
    from pipeline.cli.output import print_json, say

    if as_json:
        print_json({"schedule": name, "outcome": outcome})
    else:
        say(f"{name}: {outcome}")

"""``schedules``: what starts by itself and when; ``schedule_acts`` has the commands that change that."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.cli.asking import AsJson
from pipeline.cli.exits import usage

if TYPE_CHECKING:
    from pipeline.calendar import Tick
    from pipeline.timetable import Timetable

schedules = typer.Typer(
    name="schedules",
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="Show what starts by itself; pause it, run it now, make up for it.",
)

_LS = """\
[bold]Examples[/bold]

  dramaturg schedules ls
  dramaturg schedules ls -m my_app.jobs
  dramaturg schedules ls --json | jq '.schedules[] | select(.paused_ms)'

[bold]With --json[/bold]: {"schedules": [{schedule, actor, queue, times, timezone,
words, misfire, window_s, group, here, paused_ms, last_ms, fired, missed,
passed_over, next: [{at, note}]}], "leaders"}; here is whether this command
has its code, passed_over counts ticks that came while it was paused.
"""

_SHOW = """\
[bold]Examples[/bold]

  dramaturg schedules show stats.rollup
  dramaturg schedules show stats.rollup --json | jq .history

[bold]With --json[/bold]: one schedule as in ls, and history: [{at_ms, how, tick_ms,
run, state, missed}], the newest first; how is clock, backfill or manual.
"""

_NEXT = """\
[bold]Examples[/bold]

  dramaturg schedules next stats.rollup
  dramaturg schedules next stats.rollup --count 20 --from 2026-10-24
  dramaturg schedules next "30 2 * * sun" --timezone Europe/Paris

A time with a spec needs no Redis.

[bold]With --json[/bold]: {"schedule", "words", "next": [{at, note}]}; note says what
a change of the clock did to that time.
"""

Name = Annotated[str, typer.Argument(metavar="NAME", help="A schedule.", show_default=False)]
Modules = Annotated[
    list[str] | None,
    typer.Option("--module", "-m", metavar="MODULE", help="Import a module that declares schedules; may be repeated."),
]


@schedules.command("ls", epilog=_LS)
def ls(*, modules: Modules = None, as_json: AsJson = False) -> None:
    """List schedules: when they start what, and the next time."""
    from pipeline.cli.output import clock, print_json, print_table, say

    with timetable(modules) as table:
        rows, leaders = table.rows(), table.leaders()
    if as_json:
        print_json({"schedules": rows, "leaders": leaders})
        return
    print_table(
        ("schedule", "actor", "when", "state", ">runs", ">missed", "last tick", "next"),
        (
            (
                row["schedule"],
                row["actor"],
                row["words"],
                "paused" if row["paused_ms"] else "on" if row["last_ms"] else "not begun",
                row["fired"],
                row["missed"],
                clock(row["last_ms"]),
                _spell(row["next"][0]),
            )
            for row in rows
        ),
        empty="There are no schedules: none is declared here, or by a scheduler.",
    )
    if rows and not leaders:
        say("No scheduler is running: nothing starts. See: dramaturg scheduler --help", "yellow")


@schedules.command("show", epilog=_SHOW)
def show(name: Name, *, modules: Modules = None, as_json: AsJson = False) -> None:
    """Show one schedule, its next five times, and what it did last."""
    from pipeline.cli.output import clock, print_json, print_table, say

    with timetable(modules) as table:
        row = table.show(name)
    if as_json:
        print_json(row)
        return
    say(f"{row['schedule']} starts {row['actor']} {row['words']}", "bold")
    say(f"spec {row['times']}, misfire {row['misfire']}, {row['fired']:,} runs, {row['missed']:,} ticks missed")
    if row["paused_ms"]:
        say(f"paused since {clock(row['paused_ms'])}", "yellow")
    for tick in row["next"]:
        say(f"  next {_spell(tick)}")
    print_table(
        ("at", "tick", "how", "!run", "state"),
        (
            (
                clock(entry["at_ms"]),
                clock(entry.get("tick_ms")),
                f"{entry['missed']:,} missed" if "missed" in entry else entry["how"],
                entry.get("run", "-"),
                entry.get("state", "-"),
            )
            for entry in row["history"]
        ),
        empty="It has not fired yet.",
    )


@schedules.command("next", epilog=_NEXT)
def next_(
    name: Annotated[str, typer.Argument(metavar="NAME|SPEC", help="A schedule, or a cron spec.", show_default=False)],
    *,
    count: Annotated[int, typer.Option(min=1, max=1000, metavar="N", help="So many times.")] = 5,
    since: Annotated[
        str, typer.Option("--from", metavar="TIME", help="Times after this one.", show_default="now")
    ] = "",
    timezone: Annotated[str, typer.Option(metavar="ZONE", help="With a spec: its time zone.")] = "UTC",
    modules: Modules = None,
    as_json: AsJson = False,
) -> None:
    """Tell the next times of a schedule, or of a spec."""
    from pipeline.cli.output import print_json, say

    if " " in name or name.startswith("@"):
        words, ticks = _of_spec(name, timezone, count, since)
    else:
        with timetable(modules) as table:
            row = table.show(name, history=1)
            words = row["words"]
            ticks = table.next(name, count, moment("--from", since, row["timezone"]) if since else None)
    told = [{"at": tick.at.isoformat(), "note": tick.note} for tick in ticks]
    if as_json:
        print_json({"schedule": name, "words": words, "next": told})
        return
    say(words, "bold")
    for tick in told:
        say(_spell(tick))


def _of_spec(spec: str, timezone: str, count: int, since: str) -> tuple[str, list[Tick]]:
    from datetime import UTC

    from pipeline.calendar import Cron
    from pipeline.timetable import upcoming

    try:
        calendar = Cron(spec, timezone)
    except ValueError as error:
        raise usage(str(error)) from None
    begin = moment("--from", since, timezone) if since else datetime.now(UTC)
    return calendar.words, upcoming(calendar, begin, count)


@contextmanager
def timetable(modules: list[str] | None) -> Iterator[Timetable]:
    """Give the schedules of the project, of ``modules`` and of Redis, for as long as one command runs."""
    from pipeline.cli.opening import opened
    from pipeline.timetable import Timetable

    with opened(modules or ()) as project:
        yield Timetable(project.broker)


def moment(option: str, text: str, timezone: str) -> datetime:
    """Read a time of ISO 8601, by the clocks of a zone unless it names one; raises ``Stop`` for anything else."""
    from pipeline.calendar import reached, zone

    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise usage(
            f"{option} {text!r} is no time; write 2026-10-25, 2026-10-25T03:00 or 2026-10-25T03:00+02:00"
        ) from None
    return found if found.tzinfo else reached(found, zone(timezone))


def _spell(tick: dict[str, Any]) -> str:
    at = datetime.fromisoformat(tick["at"])
    return f"{at:%a %Y-%m-%d %H:%M:%S %z}" + (f"  ({tick['note']})" if tick["note"] else "")

"""``deploy-check``: could this code go on with everything that waits in Redis? Asked before it goes live."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.asking import AsJson
from pipeline.cli.exits import Exit

if TYPE_CHECKING:
    from pipeline.deploy_check import Group, Report

EXAMPLES = """\
[bold]Examples[/bold]

  dramaturg deploy-check                     the actors of the project
  dramaturg deploy-check my_app.jobs         those of your modules too
  dramaturg deploy-check --json | jq '.findings[] | {actor, field, count}'

Run it with the new code, and with REDIS_URL of the live system, before the
new code goes live. It reads what waits, runs, is parked, in review or dead,
and changes nothing. What a payload holds is never printed.

The exit code is 0 if nothing was found, 1 if something was, 2 if a module
cannot be imported, 5 if Redis does not answer.

[bold]With --json[/bold]: {"ok", "checked", "states": {state: count}, "took_s",
"findings": [{kind, actor, version, field, why, effect, count, states,
examples}], "notes": [{what, count}]}; kind is unknown_actor, newer_version,
queue, message, option, version, upgrade, payload, input, step, blob or
schedule; examples are ids of runs, or names of schedules.
"""


def deploy_check(
    modules: Annotated[
        list[str] | None,
        typer.Argument(metavar="[MODULE]...", help="Importable modules that declare actors.", show_default=False),
    ] = None,
    *,
    dead: Annotated[bool, typer.Option(help="Look at dead runs too: somebody may retry them.")] = True,
    as_json: AsJson = False,
) -> None:
    """Say which runs in Redis this code cannot go on with, and why, before it goes live."""
    from pipeline.cli.opening import opened
    from pipeline.cli.output import print_json
    from pipeline.deploy_check import check_deploy
    from pipeline.engine.payload_reader import PLACES

    places = [place for place in PLACES if dead or place != "dead"]
    with opened(modules or ()) as project:
        there = project.settings.blobs_folder.is_dir()
        report = check_deploy(project.broker, places=places, blobs=there)
    if not there:
        report.notes[f"{project.settings.blobs_folder} is not here: what lies in the blob store was not looked at"] += 1
    if as_json:
        print_json(report.told())
    else:
        _print(report)
    raise typer.Exit(Exit.COMPLETED if report.clear else Exit.FAILED)


def _print(report: Report) -> None:
    from pipeline.cli.output import say

    for group in report.findings():
        _print_group(group)
    for note, count in report.notes.most_common():
        say(f"note     {note}" + (f" ({count:,} runs)" if count > 1 else ""), "dim")
    looked = f"{report.checked:,} runs were looked at in {report.took_s:.1f} s"
    if report.clear:
        say(f"{looked}; this code can go on with all of them.", "green")
    else:
        say(f"{looked}; this code cannot go on with all of them.", "yellow")


def _print_group(group: Group) -> None:
    from pipeline.cli.output import say

    trouble = group.trouble
    where = " ".join(part for part in (trouble.field, trouble.why and f"({trouble.why})") if part)
    said = f"{trouble.kind:<14}{trouble.actor}, version {trouble.version}" + (f": {where}" if where else "")
    say(said, "bold red")
    states = ", ".join(f"{count:,} {state}" for state, count in group.states.most_common())
    say(f"{'':<14}{states}; {group.effect}")
    say(f"{'':<14}{' '.join(group.examples)}", "dim")

"""``dead``: runs that were given up; their input and every error are kept until somebody decides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.asking import Actor, AsJson, Everything, Ids, Limit, Queue, Yes, confirm, select, unknown
from pipeline.cli.exits import Exit, Stop

if TYPE_CHECKING:
    from pipeline.inspector import Inspector

dead = typer.Typer(
    name="dead", no_args_is_help=True, rich_markup_mode="rich", help="Look at dead runs, retry or discard them."
)

_LS = """\
[bold]Examples[/bold]

  dramaturg dead ls
  dramaturg dead ls --actor document.extract --json

[bold]With --json[/bold]: {"runs": [...]}, as in runs ls.
"""

_SHOW = """\
[bold]Example[/bold]

  dramaturg dead show 1a200195b3c2f76c958bbe638

[bold]With --json[/bold]: one object, as in runs show.
"""

_RETRY = """\
[bold]Examples[/bold]

  dramaturg dead retry 1a200195b3c2f76c958bbe638
  dramaturg dead retry --all --actor graph.generate
  dramaturg dead retry --all --yes --json

[bold]With --json[/bold]: {"runs": [{"id", "outcome"}]}; outcome is queued.
"""

_DISCARD = """\
[bold]Examples[/bold]

  dramaturg dead discard 1a200195b3c2f76c958bbe638
  dramaturg dead discard --all --queue documents --yes

[bold]With --json[/bold]: {"runs": [{"id", "outcome"}]}; outcome is discarded.
"""


@dead.command("ls", epilog=_LS)
def ls(*, queue: Queue = "", actor: Actor = "", limit: Limit = 50, as_json: AsJson = False) -> None:
    """List dead runs, newest first, each with its last error."""
    from pipeline.cli.opening import inspecting
    from pipeline.cli.output import clock, print_json, print_table
    from pipeline.cli.telling import row_as_json

    with inspecting() as inspector:
        rows = inspector.list_runs("dead", queue=queue, actor=actor, limit=limit)
        errors = {row["id"]: (inspector.show(row["id"]) or {}).get("errors", []) for row in rows}
    if as_json:
        print_json({"runs": [row_as_json(row) | {"error": (errors[row["id"]] or [None])[-1]} for row in rows]})
        return
    print_table(
        ("!id", "actor", ">attempts", "died", "reason", "*last error"),
        (
            (
                row["id"],
                row["actor"],
                row.get("attempt", 0),
                clock(row.get("finished_ms")),
                row.get("reason", ""),
                errors[row["id"]][-1]["message"] if errors[row["id"]] else "",
            )
            for row in rows
        ),
        empty="There are no dead runs." if not (queue or actor) else "There is no such dead run.",
    )


@dead.command("show", epilog=_SHOW)
def show(
    run_id: Annotated[str, typer.Argument(metavar="ID", help="Id of a dead run.", show_default=False)],
    *,
    as_json: AsJson = False,
) -> None:
    """Show a dead run: its input, and the error and traceback of every attempt."""
    from pipeline.cli.runs import show_run

    show_run(run_id, as_json=as_json, state="dead")


@dead.command("retry", epilog=_RETRY)
def retry(
    ids: Ids = None,
    *,
    everything: Everything = False,
    queue: Queue = "",
    actor: Actor = "",
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Queue dead runs again, with their finished steps kept; many only after asking."""
    from pipeline.cli.opening import inspecting

    with inspecting() as inspector:
        chosen = select(inspector, "dead", ids, everything=everything, actor=actor, queue=queue)
        if everything and chosen:
            confirm(f"Queue {_counted(chosen)} again?", yes=yes)
        retry_all(inspector, chosen, as_json=as_json)


@dead.command("discard", epilog=_DISCARD)
def discard(
    ids: Ids = None,
    *,
    everything: Everything = False,
    queue: Queue = "",
    actor: Actor = "",
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Remove dead runs for good; many only after asking."""
    from pipeline.cli.opening import inspecting
    from pipeline.cli.runs import print_outcomes

    with inspecting() as inspector:
        chosen = select(inspector, "dead", ids, everything=everything, actor=actor, queue=queue)
        if everything and chosen:
            confirm(f"Remove {_counted(chosen)} for good, input and errors included?", yes=yes)
        _require_dead(inspector, chosen)
        for run_id in chosen:
            inspector.discard(run_id)
    print_outcomes(dict.fromkeys(chosen, "discarded"), as_json=as_json)


def retry_all(inspector: Inspector, ids: list[str], *, as_json: bool) -> None:
    """Queue runs again and print that; raises ``Stop``, before any is queued, if one of them is not dead."""
    from pipeline.cli.runs import print_outcomes

    _require_dead(inspector, ids)
    for run_id in ids:
        inspector.retry(run_id)
    print_outcomes(dict.fromkeys(ids, "queued"), as_json=as_json)


def _require_dead(inspector: Inspector, ids: list[str]) -> None:
    states = {run_id: inspector.state(run_id) for run_id in ids}
    for run_id, state in states.items():
        if state is None:
            raise unknown(run_id)
    others = [f"{run_id} is {state}" for run_id, state in states.items() if state != "dead"]
    if others:
        raise Stop(f"Only dead runs can be retried or discarded: {', '.join(others)}.", Exit.FAILED)


def _counted(ids: list[str]) -> str:
    return "1 dead run" if len(ids) == 1 else f"{len(ids):,} dead runs"

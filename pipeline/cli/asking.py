"""Options that several commands share, and the questions they ask back."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.cli.exits import Exit, Stop, usage

if TYPE_CHECKING:
    from pipeline.inspector import Inspector

#: More runs than are kept of one state: what a command calls all of them.
ALL = 10_000

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, as described below.")]
Actor = Annotated[str, typer.Option(metavar="NAME", help="Only runs of this actor.")]
Queue = Annotated[str, typer.Option(metavar="NAME", help="Only runs of this queue.")]
Limit = Annotated[int, typer.Option(min=1, max=ALL, metavar="N", help="At most so many, the newest.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Everything = Annotated[bool, typer.Option("--all", help="All of them, or all that the filters leave.")]
Ids = Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Ids of runs.", show_default=False)]


def confirm(question: str, *, yes: bool) -> None:
    """Ask before something happens to many runs; raises ``Stop`` when the answer is no, or nobody can answer."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise usage(f"{question} Nobody can be asked here: pass --yes.")
    if not typer.confirm(question, err=True):
        raise Stop("Nothing was done.", Exit.CANCELLED)


def found(inspector: Inspector, run_id: str) -> dict[str, Any]:
    """Give what is known of a run; raises ``Stop`` if that is nothing."""
    record = inspector.show(run_id)
    if record is None:
        raise unknown(run_id)
    return record


def unknown(run_id: str) -> Stop:
    """Give what to raise for a run that is not there."""
    return usage(f"There is no run {run_id}: the id is wrong, or the run ended so long ago that it was removed.")

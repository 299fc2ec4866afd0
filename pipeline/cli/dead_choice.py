"""Which dead runs a command is for, and whether that is meant."""

from __future__ import annotations

import re
import sys
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.asking import confirm, unknown
from pipeline.cli.exits import Exit, Stop, usage

if TYPE_CHECKING:
    from pipeline.dead_letters import DeadLetters, DeadRun, Wanted

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)([smhdw])")

#: Groups that a preview names; the rest is counted.
_NAMED = 5

Text = Annotated[str, typer.Option(metavar="TEXT", help="Only runs with this in payload, error, reason or id.")]
Kind = Annotated[str, typer.Option(metavar="KIND", help="Only runs whose last failure was of this kind.")]
Group = Annotated[str, typer.Option(metavar="GROUP", help="Only runs of this group; see: dramaturg dead groups")]
Since = Annotated[str, typer.Option(metavar="TIME", help="Only runs that died since then: 30m, 12h, 7d.")]
Count = Annotated[int | None, typer.Option(metavar="N", help="How many you expect; needed for all without a filter.")]


def wanted(*, text: str, actor: str, queue: str, kind: str, group: str, since: str) -> Wanted:
    """Give the filters as a value; raises ``Stop`` for a time that is none."""
    from pipeline.dead_letters import Wanted

    ago: timedelta | None = None
    if since:
        found = _DURATION.fullmatch(since)
        if found is None:
            raise usage(f"--since {since}: a number and s, m, h, d or w, as in 30m or 7d")
        ago = timedelta(seconds=float(found[1]) * _UNITS[found[2]])
    return Wanted(text=text, actor=actor, queue=queue, kind=kind, group=group, since=ago)


def choose(  # noqa: PLR0917 - what was asked for
    letters: DeadLetters, ids: list[str] | None, wanted: Wanted, question: str, everything: bool, again: bool
) -> list[DeadRun]:
    """Give the runs a command is for: those that were named, or all that the filters leave.

    With ``again`` runs that were edited and sent again are left out of the latter. ``question`` is the command in
    words, for messages.
    """
    if bool(ids) == everything:
        raise usage(f"{question}: name the runs by their ids, or pass --all (with filters if you like), not both.")
    if not ids:
        return [run for run in letters.find(wanted) if not (again and run.retried_as)]
    if not wanted.everything:
        raise usage("Filters go with --all.")
    return [_named(letters, run_id) for run_id in dict.fromkeys(ids)]


def approve(runs: list[DeadRun], wanted: Wanted, question: str, *, yes: bool, count: int | None) -> None:
    """Tell how many runs of which causes it is about, and ask; raises ``Stop`` unless the answer is yes.

    Without a filter the number itself has to be typed, or passed as ``count``: all is more than one thinks.
    """
    from pipeline.cli.output import tell

    if not runs:
        return
    causes = Counter((run.fingerprint, run.pattern) for run in runs)
    for (name, pattern), number in causes.most_common(_NAMED):
        tell(f"  {number:>6,}  {name}  {pattern}")
    if len(causes) > _NAMED:
        tell(f"          and {len(causes) - _NAMED} other groups")
    if count is not None and count != len(runs):
        raise usage(f"It is about {counted(len(runs))}, not {count:,}. Nothing was done.")
    if count is not None or not wanted.everything:
        confirm(question, yes=yes or count is not None)
        return
    if not sys.stdin.isatty():
        raise usage(f"{question} Without a filter, pass --count {len(runs)} to say that all of them are meant.")
    if typer.prompt(f"{question} Type their number", default="", show_default=False, err=True) != str(len(runs)):
        raise Stop("Nothing was done.", Exit.CANCELLED)


def counted(number: int) -> str:
    """Give a number of dead runs in words."""
    return "1 dead run" if number == 1 else f"{number:,} dead runs"


def _named(letters: DeadLetters, run_id: str) -> DeadRun:
    from pipeline.dead_letters import NotDead

    try:
        return letters.get(run_id)
    except KeyError:
        raise unknown(run_id) from None
    except NotDead as error:
        raise Stop(f"Only dead runs can be retried, edited or discarded: {error}", Exit.FAILED) from None

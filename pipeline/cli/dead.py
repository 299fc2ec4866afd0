"""``dead``: runs that were given up; their input and every error are kept until somebody decides."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.cli.asking import Actor, AsJson, Everything, Ids, Limit, Queue, Yes
from pipeline.cli.dead_choice import Count, Group, Kind, Since, Text, approve, choose, counted, wanted
from pipeline.cli.exits import Exit, Stop

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.dead_letters import DeadLetters, DeadRun
    from pipeline.inspector import Inspector

dead = typer.Typer(
    name="dead", no_args_is_help=True, rich_markup_mode="rich", help="Look at dead runs, retry, edit or discard them."
)

_LS = """\
[bold]Examples[/bold]

  dramaturg dead ls
  dramaturg dead ls --text "chapter 3" --since 12h
  dramaturg dead ls --actor document.extract --kind timeout --json

[bold]With --json[/bold]: {"runs": [...]}, as in runs ls, and with it error (the
last one), cause (its group) and pattern.
"""

_GROUPS = """\
[bold]Examples[/bold]

  dramaturg dead groups
  dramaturg dead groups --since 1d --json
  dramaturg dead retry --all --group 5f0c11aa

A group are the runs whose last errors are the same but for numbers and ids.

[bold]With --json[/bold]: {"groups": [{group, pattern, kind, count, actors, first_ms,
last_ms, examples}]}; examples are ids of runs.
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
  dramaturg dead retry --all --group 5f0c11aa --canary 5 --yes
  dramaturg dead retry --all --count 312 --json

With --canary some go first, and the others follow unless more than half of
them fail again; a worker has to run.

[bold]With --json[/bold]: {"runs": [{"id", "outcome"}]}; outcome is queued, or how
a canary ended.
"""

_DISCARD = """\
[bold]Examples[/bold]

  dramaturg dead discard 1a200195b3c2f76c958bbe638
  dramaturg dead discard --all --queue documents --yes

[bold]With --json[/bold]: {"runs": [{"id", "outcome"}]}; outcome is discarded.
"""

#: Seconds that canaries may take, unless it is said otherwise.
_CANARY_S = 600.0

Canary = Annotated[int, typer.Option(min=0, metavar="N", help="So many first; stop if more than half fail again.")]
Wait = Annotated[float, typer.Option("--timeout", min=0.001, metavar="SECONDS", help="How long canaries may take.")]


@dead.command("ls", epilog=_LS)
def ls(
    *,
    text: Text = "",
    queue: Queue = "",
    actor: Actor = "",
    kind: Kind = "",
    group: Group = "",
    since: Since = "",
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """List dead runs, newest first, each with its last error."""
    from pipeline.cli.output import clock, print_json, print_table
    from pipeline.cli.telling import row_as_json

    which = wanted(text=text, actor=actor, queue=queue, kind=kind, group=group, since=since)
    with _letters() as (letters, inspector):
        runs = letters.find(which, limit=limit)
        if as_json:
            rows = [row_as_json(inspector.show(run.id) or {}) for run in runs]
            told = [{"error": run.error, "cause": run.fingerprint, "pattern": run.pattern} for run in runs]
            print_json({"runs": [_as_listed(row) | more for row, more in zip(rows, told, strict=True)]})
            return
    print_table(
        ("!id", "actor", ">attempts", "died", "reason", "group", "*last error"),
        ((r.id, r.actor, r.attempts, clock(r.died_ms), r.reason, r.fingerprint, _last_error(r)) for r in runs),
        empty="There are no dead runs." if which.everything else "There is no such dead run.",
    )


@dead.command("groups", epilog=_GROUPS)
def groups(
    *,
    text: Text = "",
    queue: Queue = "",
    actor: Actor = "",
    kind: Kind = "",
    since: Since = "",
    as_json: AsJson = False,
) -> None:
    """Group dead runs by what they died of, the largest group first."""
    from pipeline.cli.output import clock, print_json, print_table

    with _letters() as (letters, _):
        found = letters.groups(wanted(text=text, actor=actor, queue=queue, kind=kind, group="", since=since))
    if as_json:
        told = [
            {"group": g.fingerprint, "pattern": g.pattern, "kind": g.kind, "count": g.count, "actors": sorted(g.actors)}
            | {"first_ms": g.first_ms, "last_ms": g.last_ms, "examples": g.examples}
            for g in found
        ]
        print_json({"groups": told})
        return
    print_table(
        ("group", ">runs", "kind", "last", "*actors", "*pattern"),
        ((g.fingerprint, g.count, g.kind, clock(g.last_ms), ", ".join(sorted(g.actors)), g.pattern) for g in found),
        empty="There are no dead runs." if not (text or queue or actor or kind or since) else "There is no such run.",
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
    text: Text = "",
    queue: Queue = "",
    actor: Actor = "",
    kind: Kind = "",
    group: Group = "",
    since: Since = "",
    canary: Canary = 0,
    timeout: Wait = _CANARY_S,
    yes: Yes = False,
    count: Count = None,
    as_json: AsJson = False,
) -> None:
    """Queue dead runs again, with their finished steps kept; many only after asking."""
    from pipeline.cli.runs import print_outcomes

    which = wanted(text=text, actor=actor, queue=queue, kind=kind, group=group, since=since)
    with _letters() as (letters, _):
        runs = choose(letters, ids, which, "retry", everything, True)
        if everything:
            approve(runs, which, f"Queue {counted(len(runs))} again?", yes=yes, count=count)
        ended = go_first(letters, runs[:canary], letters.retry, timeout, left=len(runs[canary:])) if canary else {}
        outcomes = dict(ended.values())
        outcomes |= {letters.retry(run.id): "queued" for run in runs[canary:]}
    print_outcomes(outcomes, as_json=as_json)


@dead.command("discard", epilog=_DISCARD)
def discard(
    ids: Ids = None,
    *,
    everything: Everything = False,
    text: Text = "",
    queue: Queue = "",
    actor: Actor = "",
    kind: Kind = "",
    group: Group = "",
    since: Since = "",
    yes: Yes = False,
    count: Count = None,
    as_json: AsJson = False,
) -> None:
    """Remove dead runs for good; many only after asking."""
    from pipeline.cli.runs import print_outcomes

    which = wanted(text=text, actor=actor, queue=queue, kind=kind, group=group, since=since)
    with _letters() as (letters, _):
        runs = choose(letters, ids, which, "discard", everything, False)
        if everything:
            question = f"Remove {counted(len(runs))} for good, input and errors included?"
            approve(runs, which, question, yes=yes, count=count)
        outcomes = {letters.discard(run.id): "discarded" for run in runs}
    print_outcomes(outcomes, as_json=as_json)


def retry_all(inspector: Inspector, ids: list[str], *, as_json: bool) -> None:
    """Queue runs again and print that; raises ``Stop``, before any is queued, if one of them is not dead."""
    from pipeline.cli.runs import print_outcomes
    from pipeline.dead_letters import DeadLetters, Wanted

    letters = DeadLetters(inspector)
    runs = choose(letters, ids, Wanted(), "retry", False, True)
    print_outcomes({letters.retry(run.id): "queued" for run in runs}, as_json=as_json)


def go_first(
    letters: DeadLetters, runs: list[DeadRun], again: Callable[[str], str], timeout: float, *, left: int
) -> dict[str, tuple[str, str]]:
    """Send the canaries again, wait for them, and give for each the run it became and that one's state.

    Raises ``Stop`` if more than half of them failed again: the others are left as they are.
    """
    from pipeline.cli.output import tell

    sent = {run.id: again(run.id) for run in runs}
    states = letters.outcomes(list(sent.values()), timedelta(seconds=timeout))
    failed = sum(state != "completed" for state in states.values())
    tell(f"  {len(runs) - failed} of {len(runs)} canaries completed")
    if failed * 2 > len(runs):
        raise Stop(f"{failed} of {len(runs)} failed again; {counted(left)} left as before.", Exit.FAILED)
    return {old: (new, states[new]) for old, new in sent.items()}


@contextmanager
def _letters() -> Iterator[tuple[DeadLetters, Inspector]]:
    from pipeline.cli.opening import inspecting
    from pipeline.dead_letters import DeadLetters

    with inspecting() as inspector:
        yield DeadLetters(inspector), inspector


def _as_listed(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in {"errors", "steps"}}


def _last_error(run: DeadRun) -> str:
    message = str((run.error or {}).get("message", ""))
    return f"(sent again as {run.retried_as}) {message}" if run.retried_as else message

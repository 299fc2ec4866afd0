"""``runs``: look at runs, watch them, and act on them."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer

from pipeline.cli.asking import Actor, AsJson, Limit, Queue, found, unknown
from pipeline.cli.exits import Exit, Stop, usage
from pipeline.events import STATES

runs = typer.Typer(name="runs", no_args_is_help=True, rich_markup_mode="rich", help="Look at runs and act on them.")

#: What a list may be asked for; *delayed* is everything that waits for its time.
LISTED = (*STATES, "delayed")

_LS = """\
[bold]Examples[/bold]

  dramaturg runs ls
  dramaturg runs ls --state running --queue ai
  dramaturg runs ls --state dead --json | jq -r '.runs[].id'

[bold]With --json[/bold]: {"runs": [...]}; each with id, actor, queue, state, tier,
number, attempt, queued_ms, and what else is known (group, key, flow, node,
started_ms, finished_ms, reason, progress ...), without payload and result.
"""

_SHOW = """\
[bold]Examples[/bold]

  dramaturg runs show 1a200195b3c2f76c958bbe638
  dramaturg runs show 1a200195b3c2f76c958bbe638 --json | jq .errors

[bold]With --json[/bold]: one object as in ls, and with it payload, result, steps
(names), errors (attempt, kind, why, type, message, field, traceback, at_ms,
next, model), calls of models (asked, model, reason, outcome, tokens_in,
tokens_out, tokens_cached, micros of a dollar, seconds, at_ms), grades by
gate, children (their number), and of a run held up waits_at and next_try_ms.
"""

_WATCH = """\
[bold]Examples[/bold]

  dramaturg runs watch 1a200195b3c2f76c958bbe638
  dramaturg runs watch 1a200195b3c2f76c958bbe638 --json --timeout 60

Ends with the run, and with its exit code: 0 completed, 1 dead, 3 cancelled;
4 after --timeout. Ctrl-C ends only the watching.

[bold]With --json[/bold]: one object a line, as it happens: id, run, event, at_ms,
data.
"""

_CANCEL = """\
[bold]Example[/bold]

  dramaturg runs cancel 1a200195b3c2f76c958bbe638

A run that waits is cancelled at once; one that runs is asked to, and hears of
it within two seconds, in the middle of a step too. Of a flow, every node is
cancelled.

[bold]With --json[/bold]: {"runs": [{"id", "outcome"}]}; outcome is cancelled, asked,
or the state it had ended in before.
"""

_RETRY = """\
[bold]Example[/bold]

  dramaturg runs retry 1a200195b3c2f76c958bbe638

Only a dead run can be retried; its finished steps are kept.
See also: dramaturg dead retry --all

[bold]With --json[/bold]: {"runs": [{"id", "outcome"}]}; outcome is queued.
"""

_REGENERATE = """\
[bold]Example[/bold]

  dramaturg runs regenerate 1a200195b3c2f76c958bbe638

What the offline generator made because no model of the chain could be asked
is marked as degraded. This makes it again with the models alone, waiting for
them if they are away; in a flow it makes again what was made from it too. The
id may be that of a run or of a flow.

[bold]With --json[/bold]: {"runs": [{"id", "outcome"}]}; outcome is queued.
"""

RunId = Annotated[str, typer.Argument(metavar="ID", help="Id of a run.", show_default=False)]
RunIds = Annotated[list[str], typer.Argument(metavar="ID...", help="Ids of runs.", show_default=False)]

_CODES = {"completed": Exit.COMPLETED, "dead": Exit.FAILED, "cancelled": Exit.CANCELLED}


@runs.command("ls", epilog=_LS)
def ls(
    *,
    state: Annotated[str, typer.Option(metavar="STATE", help=f"One of {', '.join(LISTED)}.")] = "",
    queue: Queue = "",
    actor: Actor = "",
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """List runs: the running ones, then those that wait, then those that ended."""
    from pipeline.cli.opening import inspecting
    from pipeline.cli.output import print_json
    from pipeline.cli.telling import print_rows, row_as_json

    if state and state not in LISTED:
        raise usage(f"--state {state}: there is no such state; there are {', '.join(LISTED)}")
    with inspecting() as inspector:
        rows = inspector.list_runs(state, queue=queue, actor=actor, limit=limit)
        now_ms = inspector.now_ms()
    if as_json:
        print_json({"runs": [row_as_json(row) for row in rows]})
    else:
        print_rows(
            rows, now_ms=now_ms, empty="There is no such run." if state or queue or actor else "There are no runs."
        )


@runs.command("show", epilog=_SHOW)
def show(run_id: RunId, *, as_json: AsJson = False) -> None:
    """Show everything about a run: record, payload, result, steps, and every attempt's error."""
    show_run(run_id, as_json=as_json)


@runs.command("watch", epilog=_WATCH)
def watch(
    run_id: RunId,
    *,
    timeout: Annotated[float | None, typer.Option(min=0.001, metavar="SECONDS", help="Stop watching then.")] = None,
    as_json: AsJson = False,
) -> None:
    """Print what happens to a run, from its beginning, until it ends."""
    from pipeline.cli.opening import inspecting
    from pipeline.cli.output import print_json, say, tell
    from pipeline.cli.telling import event_as_json, told

    with inspecting() as inspector:
        if inspector.state(run_id) is None:
            raise unknown(run_id)
        limit = None if timeout is None else timedelta(seconds=timeout)
        for event in inspector.events(run_id, timeout=limit):
            if as_json:
                print_json(event_as_json(event))
            else:
                say(told(event))
        record = found(inspector, run_id)
        if record["state"] == "dead" and record["errors"] and not as_json:
            tell(record["errors"][-1]["message"], "red")
    raise typer.Exit(_CODES.get(record["state"], Exit.FAILED))


@runs.command("cancel", epilog=_CANCEL)
def cancel(ids: RunIds, *, as_json: AsJson = False) -> None:
    """Ask runs to stop; a flow's id stands for all of its nodes."""
    from pipeline.cli.opening import inspecting

    with inspecting() as inspector:
        outcomes = {}
        for run_id in dict.fromkeys(ids):
            outcome = inspector.cancel(run_id)
            if outcome is None:
                raise unknown(run_id)
            outcomes[run_id] = outcome
    print_outcomes(outcomes, as_json=as_json)
    late = [run_id for run_id, outcome in outcomes.items() if outcome not in {"cancelled", "asked"}]
    if late:
        raise Stop(f"Too late for {', '.join(late)}: ended already.", Exit.FAILED)


@runs.command("retry", epilog=_RETRY)
def retry(ids: RunIds, *, as_json: AsJson = False) -> None:
    """Queue dead runs again, with their finished steps kept."""
    from pipeline.cli.dead import retry_all
    from pipeline.cli.opening import inspecting

    with inspecting() as inspector:
        retry_all(inspector, list(dict.fromkeys(ids)), as_json=as_json)


@runs.command("regenerate", epilog=_REGENERATE)
def regenerate(run_id: RunId, *, as_json: AsJson = False) -> None:
    """Make degraded results again, with models in place of the offline generator."""
    from pipeline.cli.opening import opened
    from pipeline.errors import InvalidInput
    from pipeline.regeneration import regenerate as begin

    with opened() as project:
        try:
            again = begin(project.broker, run_id)
        except KeyError:
            raise unknown(run_id) from None
        except InvalidInput as error:
            raise Stop(str(error), Exit.FAILED) from None
    if not again:
        raise Stop(f"Nothing of {run_id} is degraded.", Exit.FAILED)
    print_outcomes(dict.fromkeys(again, "queued"), as_json=as_json)


def show_run(run_id: str, *, as_json: bool, state: str = "") -> None:
    """Print everything about a run, which must have ``state`` if one is given."""
    from pipeline.cli.opening import inspecting
    from pipeline.cli.output import print_json
    from pipeline.cli.telling import print_record, record_as_json

    with inspecting() as inspector:
        record = found(inspector, run_id)
    if state and record["state"] != state:
        raise usage(f"The run {run_id} is not {state}, it is {record['state']}; see: dramaturg runs show {run_id}")
    if as_json:
        print_json(record_as_json(record))
    else:
        print_record(record)


def print_outcomes(outcomes: dict[str, str], *, as_json: bool) -> None:
    """Print what became of each run that a command acted on."""
    from pipeline.cli.output import print_json, say

    if as_json:
        print_json({"runs": [{"id": run_id, "outcome": outcome} for run_id, outcome in outcomes.items()]})
        return
    for run_id, outcome in outcomes.items():
        say(f"{run_id}  {outcome}")

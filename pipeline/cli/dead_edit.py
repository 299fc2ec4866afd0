"""``dead edit``: a dead run is sent again with another payload, as a run of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import typer

from pipeline.cli.asking import Actor, Everything, Ids, Queue, Yes
from pipeline.cli.dead import Canary, Wait, go_first
from pipeline.cli.dead_choice import Count, Group, Kind, Since, Text, approve, choose, counted, wanted
from pipeline.cli.exits import usage
from pipeline.cli.send import Modules

EXAMPLES = """\
[bold]Examples[/bold]

  dramaturg dead edit ID -m my_app.jobs --set to=a@b.c
  dramaturg dead edit ID -m my_app.jobs --json '{"to": "a@b.c"}' --discard
  dramaturg dead edit --all --group 5f0c11aa -m my_app.jobs --set page=1

The new run is linked with the old one (retry_of, retried_as). Its payload is
checked if the actor's module is known; a mistake names the field, and nothing
is sent. It is a run of its own, also where the old one belonged to a flow.
With --canary some go first, as in dead retry.

[bold]stdout[/bold] gets one JSON object: {"runs": [{"id", "outcome", "run"}]}; run is
the new one's id, outcome is edited, or how a canary ended.
"""


def edit(
    ids: Ids = None,
    *,
    payload: Annotated[str | None, typer.Option("--json", metavar="JSON", help="The whole payload.")] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FIELD=VALUE", help="A field, by its path; JSON or text. May be repeated."),
    ] = None,
    modules: Modules = None,
    keep_steps: Annotated[bool, typer.Option("--keep-steps", help="Go on after the finished steps.")] = False,
    discarding: Annotated[bool, typer.Option("--discard", help="Remove the old run.")] = False,
    everything: Everything = False,
    text: Text = "",
    queue: Queue = "",
    actor: Actor = "",
    kind: Kind = "",
    group: Group = "",
    since: Since = "",
    canary: Canary = 0,
    timeout: Wait = 600.0,
    yes: Yes = False,
    count: Count = None,
) -> None:
    """Send dead runs again with another payload, as new runs; many only after asking."""
    from pipeline.cli.opening import opened
    from pipeline.cli.output import print_json
    from pipeline.dead_letters import DeadLetters

    change = _change(payload, changes or [])
    which = wanted(text=text, actor=actor, queue=queue, kind=kind, group=group, since=since)
    with opened(modules or []) as here:
        letters = DeadLetters(here.inspector)
        runs = choose(letters, ids, which, "edit", everything, True)
        if payload is not None and len(runs) > 1:
            raise usage("--json is one run's payload; use --set for several.")
        letters.check(runs, change)
        if everything:
            approve(runs, which, f"Send {counted(len(runs))} again, changed?", yes=yes, count=count)

        def again(run_id: str) -> str:
            return letters.edit(run_id, change, keep_steps=keep_steps)

        ended = go_first(letters, runs[:canary], again, timeout, left=len(runs[canary:])) if canary else {}
        ended |= {run.id: (again(run.id), "edited") for run in runs[canary:]}
        if discarding:
            for run_id in ended:
                letters.discard(run_id)
    print_json({"runs": [{"id": old, "outcome": state, "run": new} for old, (new, state) in ended.items()]})


def _change(payload: str | None, changes: list[str]) -> Callable[[Any], Any]:
    import orjson

    from pipeline.payload_change import changed

    if (payload is None) == (not changes):
        raise usage("Say what to change: --json with the whole payload, or --set FIELD=VALUE, not both.")
    if payload is not None:
        try:
            whole = orjson.loads(payload)
        except orjson.JSONDecodeError as error:
            raise usage(f"--json is not JSON: {error}") from None
        return lambda _: whole
    fields: dict[str, Any] = {}
    for text in changes:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise usage(f"--set {text}: FIELD=VALUE, as in --set language=en")
        try:
            fields[name] = orjson.loads(value)
        except orjson.JSONDecodeError:
            fields[name] = value
    return lambda old: changed(old, fields)

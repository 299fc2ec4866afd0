"""``policies``: what is in force for each actor, and where that comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.cli.asking import AsJson
from pipeline.cli.exits import usage

if TYPE_CHECKING:
    from pipeline.policies import Setting

EXAMPLES = """\
[bold]Examples[/bold]

  dramaturg policies
  dramaturg policies graph.generate
  dramaturg policies -m my_app.jobs mail.send --json
  dramaturg policies --errors

DRAMATURG_POLICIES names the policy file. What it gets wrong is told, all of
it, with section and option; the exit code is 2 then.

[bold]With --json[/bold]: {"file", "actors": [{actor, settings: [{option, value, from}]}]};
from is default, code, file, by hand (limits set, budgets set) or elsewhere (a
worker that reads another file). With --errors: {"errors": [{kind, why, when,
spends}]}, in the order in which they are asked.
"""

Modules = Annotated[
    list[str] | None,
    typer.Option("--module", "-m", metavar="MODULE", help="Import a module that declares actors; may be repeated."),
]


def policies(
    actor: Annotated[str, typer.Argument(metavar="[ACTOR]", help="Only this one, in full.", show_default=False)] = "",
    *,
    modules: Modules = None,
    errors: Annotated[bool, typer.Option("--errors", help="Show what each failure counts as.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show what is in force for each actor, and from where."""
    if errors:
        _errors(as_json=as_json)
        return
    from inspect import signature

    from middleware import stack
    from pipeline.actor import Actor
    from pipeline.cli.opening import opened
    from pipeline.cli.output import print_json, say
    from pipeline.engine.gates import Gates

    with opened(modules or (), whole=True) as project:
        in_force = project.broker.policies
        assert in_force is not None
        gates = Gates(project.broker.store)
        in_redis = {kind: gates.policies(kind) for kind in ("limits", "breakers", "budgets")}
        declared = {name: one for name, one in sorted(project.broker.actors.items()) if isinstance(one, Actor)}
        if actor and actor not in declared:
            there = ", ".join(declared)
            raise usage(f"There is no actor {actor!r}; there are {there}. Its module: --module my_app.jobs")
        rows = {
            name: in_force.of(one, in_redis, timeout=signature(stack).parameters["timeout"].default)
            for name, one in declared.items()
            if actor in {"", name}
        }
    file = None if in_force.file is None else str(in_force.file.path)
    if as_json:
        print_json({"file": file, "actors": [_as_json(name, settings) for name, settings in rows.items()]})
        return
    if actor:
        _one(rows[actor])
    else:
        _all(rows)
    say(f"Policy file: {file}" if file else "There is no policy file: DRAMATURG_POLICIES is not set.", "dim")


def _errors(*, as_json: bool) -> None:
    from pipeline.classification import table
    from pipeline.cli.output import print_json, print_table

    rows = table()
    if as_json:
        print_json({"errors": rows})
        return
    print_table(
        ("kind", "why", "attempt", "*when"),
        ((row["kind"], row["why"], "spent" if row["spends"] else "free", row["when"]) for row in rows),
        empty="",
    )


def _as_json(name: str, settings: list[Setting]) -> dict[str, Any]:
    told = [{"option": one.option, "value": one.value, "from": one.origin} for one in settings]
    return {"actor": name, "settings": told}


def _one(settings: list[Setting]) -> None:
    from pipeline.cli.output import print_table

    print_table(
        ("option", "from", "*value"), ((one.option, one.origin, _spelled(one.value)) for one in settings), empty=""
    )


def _all(rows: dict[str, list[Setting]]) -> None:
    from pipeline.cli.output import print_table

    def line(name: str, settings: list[Setting]) -> tuple[object, ...]:
        found = {one.option: one for one in settings}
        shown = ("queue", "retry.attempts", "timeout", "models", "limits", "breaker")
        changed = [one.option for one in settings if one.origin not in {"default", "code"}]
        return (name, *(_spelled(found[option].value) for option in shown), ", ".join(changed) or "-")

    print_table(
        ("actor", "queue", ">attempts", ">timeout", "models", "limits", "breaker", "*changed by file or by hand"),
        (line(name, settings) for name, settings in rows.items()),
        empty="No actor is declared.",
    )


def _spelled(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_number(one)}" for name, one in value.items() if one != "")
    if isinstance(value, list):
        return ", ".join(value) or "-"
    return "-" if value is None else _number(value)


def _number(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)

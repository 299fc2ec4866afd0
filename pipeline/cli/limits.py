"""``limits``: what may start or be called in a time and at once; changed here, it is in force at once everywhere."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from pipeline.cli.asking import AsJson
from pipeline.cli.controlling import controlling, nothing_asked, span, take_back
from pipeline.cli.exits import usage

limits = typer.Typer(
    name="limits", no_args_is_help=True, rich_markup_mode="rich", help="Show limits and change them while workers run."
)

_LS = """\
[bold]Examples[/bold]

  dramaturg limits ls
  dramaturg limits ls uploads=acme
  dramaturg limits ls --json | jq '.limits[] | select(.lanes > 0)'

[bold]With --json[/bold]: {"limits": [{limit, settings, by_hand, out, free_in_ms,
lanes, next_ms}]}; out is how many permits are in use, lanes how many lines of
runs wait, next_ms when they are looked at again.
"""

_SET = """\
[bold]Examples[/bold]

  dramaturg limits set ai --rate 10 --per 1s
  dramaturg limits set ai --concurrency 4
  dramaturg limits set uploads=acme --rate 100 --per 1m
  dramaturg limits set gpt --on call --by model --tokens 90000 --per 1m

What is not said stays as it is; 0 takes a part of the limit away. It is in
force with the next start or call, over what code and policy file say, until
limits unset.

[bold]With --json[/bold]: one limit as in limits ls.
"""

_UNSET = """\
[bold]Examples[/bold]

  dramaturg limits unset ai
  dramaturg limits unset uploads=acme

What code and policy file say is in force again at once.

[bold]With --json[/bold]: {"limit", "outcome"}; outcome is unset.
"""

Name = Annotated[str, typer.Argument(metavar="NAME[=KEY]", help="A limit, or one of its keys.", show_default=False)]
Names = Annotated[list[str] | None, typer.Argument(metavar="[NAME[=KEY]]...", help="Only these.", show_default=False)]
Burst = Annotated[int | None, typer.Option(min=0, metavar="N", help="How many may come at once.", show_default=False)]
AtOnce = Annotated[int | None, typer.Option(min=0, metavar="N", help="How many at the same time.", show_default=False)]
Tokens = Annotated[int | None, typer.Option(min=0, metavar="N", help="Tokens in a time, of calls.", show_default=False)]


@limits.command("ls", epilog=_LS)
def ls(names: Names = None, *, as_json: AsJson = False) -> None:
    """List limits: what they are, what is in use, and what waits."""
    from pipeline.cli.output import print_json

    with controlling() as here:
        rows, now_ms = here.controls.limits(*(names or ())), here.now_ms
    if as_json:
        print_json({"limits": rows})
    else:
        _print(rows, now_ms)


@limits.command("set", epilog=_SET)
def set_(
    name: Name,
    *,
    rate: Annotated[
        float | None, typer.Option(min=0, metavar="N", help="Starts, or calls, in a time.", show_default=False)
    ] = None,
    per: Annotated[str | None, typer.Option(metavar="TIME", help="The time, as 1s or 5m.", show_default=False)] = None,
    burst: Burst = None,
    concurrency: AtOnce = None,
    tokens: Tokens = None,
    by: Annotated[
        str | None, typer.Option(metavar="PLACE", help="Count for each one separately.", show_default=False)
    ] = None,
    on: Annotated[str | None, typer.Option(metavar="start|call", show_default=False)] = None,
    as_json: AsJson = False,
) -> None:
    """Set a limit by hand, or for one of its keys; it is in force at once."""
    from pipeline.cli.output import print_json, tell

    given: dict[str, Any] = {"rate": rate, "per": span("--per", per), "burst": burst, "by": by, "on": on}
    given |= {"concurrency": concurrency, "tokens": tokens}
    asked = {option: value for option, value in given.items() if value is not None}
    if not asked:
        raise nothing_asked("limits set")
    with controlling() as here:
        (before,) = here.controls.limits(name)
        config = _changed(name, before["settings"], asked)
        here.gates.put("limits", name, config)
        rows, now_ms = here.controls.limits(name), here.now_ms
        named = f"declared:{name.partition('=')[0]}" in here.gates.policies("limits")
    if as_json:
        print_json(rows[0])
    else:
        _print(rows, now_ms)
    if not named and config["on"] == "start":
        tell(f"No worker knows an actor with the limit {name.partition('=')[0]}: it limits nothing yet.", "yellow")


@limits.command("unset", epilog=_UNSET)
def unset(name: Name, *, as_json: AsJson = False) -> None:
    """Take back what was set by hand."""
    from pipeline.cli.output import print_json, say

    with controlling() as here:
        take_back(here.gates, "limits", name)
    if as_json:
        print_json({"limit": name, "outcome": "unset"})
    else:
        say(f"{name}: what code and policy file say is in force again")


def _changed(name: str, before: dict[str, Any] | None, asked: dict[str, Any]) -> dict[str, Any]:
    from datetime import timedelta

    from pipeline.limit import Limit

    plain, equals, _ = name.partition("=")
    said: dict[str, Any] = {}
    if before is not None:
        said = {key: before[key] for key in ("rate", "concurrency", "tokens", "by", "on") if key in before}
        said["per"] = timedelta(milliseconds=before["per_ms"])
        if "rate" not in asked and "burst" in before:
            said["burst"] = before["burst"]
    said = {key: value for key, value in (said | asked).items() if value != 0}
    if equals and not said.get("by"):
        raise usage(f"{plain} counts nothing separately, so {name} is no limit; set {plain}, or give it --by")
    try:
        return Limit(plain, **said).config()
    except ValueError as error:
        raise usage(str(error)) from None


def _print(rows: list[dict[str, Any]], now_ms: int) -> None:
    from pipeline.cli.output import print_table, took

    print_table(
        ("limit", "rate", ">burst", ">at once", ">in use", "tokens", "counts", "by", "set", ">free in", ">waiting"),
        (
            (
                row["limit"],
                _per(row["settings"], "rate"),
                row["settings"].get("burst", "-"),
                row["settings"].get("concurrency", "-"),
                row["out"],
                _per(row["settings"], "tokens"),
                {"start": "starts", "call": "calls"}[row["settings"]["on"]],
                row["settings"]["by"] or "-",
                "by hand" if row["by_hand"] else "declared",
                took(row["free_in_ms"] / 1000) if row["free_in_ms"] else "-",
                f"{row['lanes']}, next in {took(max(0, row['next_ms'] - now_ms) / 1000)}" if row["next_ms"] else "-",
            )
            for row in rows
            if row["settings"]
        ),
        empty="There are no limits: none was declared by a worker, or set by hand.",
    )


def _per(settings: dict[str, Any], what: str) -> str:
    from datetime import timedelta

    from pipeline.duration import spell

    if what not in settings:
        return "-"
    return f"{settings[what]:g} per {spell(timedelta(milliseconds=settings['per_ms']))}"

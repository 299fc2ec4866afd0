"""``budgets``: what the calls of language models may cost, what they did, and what is reserved."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from pipeline.cli.asking import AsJson
from pipeline.cli.controlling import controlling, nothing_asked, take_back
from pipeline.cli.exits import usage

budgets = typer.Typer(
    name="budgets",
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="Show budgets and change them while workers run.",
)

_LS = """\
[bold]Examples[/bold]

  dramaturg budgets ls
  dramaturg budgets ls tenants=acme
  dramaturg budgets ls --json | jq '.budgets[] | select(.left.micros == 0)'

Of a budget for each tenant, flow, actor or model those are shown that were
used in this period.

[bold]With --json[/bold]: {"budgets": [{budget, settings, by_hand, used, reserved,
left, until_ms}]}; amounts are micros, millionths of a dollar, and tokens.
"""

_SET = """\
[bold]Examples[/bold]

  dramaturg budgets set day --usd 25
  dramaturg budgets set tenants --by group --tokens 2000000 --per 1d
  dramaturg budgets set tenants=acme --usd 5 --then stop

What is not said stays as it is. It is in force with the next call of a model,
over what code and policy file say, until budgets unset.

[bold]With --json[/bold]: one budget as in budgets ls.
"""

_UNSET = """\
[bold]Examples[/bold]

  dramaturg budgets unset day
  dramaturg budgets unset tenants=acme

What the policy file says is in force again at once.

[bold]With --json[/bold]: {"budget", "outcome"}; outcome is unset.
"""

Name = Annotated[str, typer.Argument(metavar="NAME[=KEY]", help="A budget, or one of its keys.", show_default=False)]
Names = Annotated[list[str] | None, typer.Argument(metavar="[NAME[=KEY]]...", help="Only these.", show_default=False)]


@budgets.command("ls", epilog=_LS)
def ls(names: Names = None, *, as_json: AsJson = False) -> None:
    """List budgets: what is used, reserved and left."""
    from pipeline.cli.output import print_json

    with controlling() as here:
        rows, now_ms = here.controls.budgets(*(names or ())), here.now_ms
    if as_json:
        print_json({"budgets": rows})
    else:
        _print(rows, now_ms)


@budgets.command("set", epilog=_SET)
def set_(
    name: Name,
    *,
    usd: Annotated[str | None, typer.Option(metavar="DOLLARS", show_default=False)] = None,
    tokens: Annotated[int | None, typer.Option(min=0, metavar="N", show_default=False)] = None,
    per: Annotated[
        str | None, typer.Option(metavar="TIME", help="Begins anew so often; never: not.", show_default="1d")
    ] = None,
    by: Annotated[str | None, typer.Option(metavar="group|flow|actor|model", show_default=False)] = None,
    then: Annotated[str | None, typer.Option(metavar="wait|stop", show_default="wait")] = None,
    as_json: AsJson = False,
) -> None:
    """Set a budget by hand, or for one of its keys; it is in force at once."""
    from pipeline.cli.output import print_json

    given = {"usd": usd, "tokens": tokens, "per": per, "by": by, "then": then}
    asked = {option: value for option, value in given.items() if value is not None}
    if not asked:
        raise nothing_asked("budgets set")
    with controlling() as here:
        known = here.controls.budgets(name)
        here.gates.put("budgets", name, _changed(name, known[0]["settings"] if known else None, asked))
        rows, now_ms = here.controls.budgets(name), here.now_ms
    if as_json:
        print_json(rows[0])
    else:
        _print(rows, now_ms)


@budgets.command("unset", epilog=_UNSET)
def unset(name: Name, *, as_json: AsJson = False) -> None:
    """Take back what was set by hand."""
    from pipeline.cli.output import print_json, say

    with controlling() as here:
        take_back(here.gates, "budgets", name)
    if as_json:
        print_json({"budget": name, "outcome": "unset"})
    else:
        say(f"{name}: what the policy file says is in force again")


def _changed(name: str, before: dict[str, Any] | None, asked: dict[str, Any]) -> dict[str, Any]:
    """Have the policy file's own checks look at what was asked, as at a section of it."""
    from decimal import Decimal, InvalidOperation
    from pathlib import Path

    from pipeline.policy_file import PolicyFile, PolicyFileError

    plain, equals, _ = name.partition("=")
    said: dict[str, Any] = {}
    if before is not None:
        said = {key: before[key] for key in ("tokens", "by", "then") if key in before}
        said["per"] = "never" if not before["per_ms"] else f"{before['per_ms']}ms"
        if "micros" in before:
            said["usd"] = Decimal(before["micros"]) / 1_000_000
    try:
        said |= asked | ({"usd": Decimal(asked["usd"])} if "usd" in asked else {})
        if equals and not said.get("by"):
            raise usage(f"{plain} is one budget for all, so {name} is none; set {plain}, or give it --by")
        return PolicyFile(Path(), {"budgets": {plain: said}}).budgets[plain].config()
    except InvalidOperation:
        raise usage(f"--usd {asked['usd']}: is no amount of dollars") from None
    except PolicyFileError as error:
        raise usage("\n".join(error.mistakes)) from None


def _print(rows: list[dict[str, Any]], now_ms: int) -> None:
    from pipeline.cli.output import print_table, took

    table = []
    for row in rows:
        for unit in ("micros", "tokens"):
            if unit in row["settings"]:
                amounts = (row["settings"], row["used"], row["reserved"], row["left"])
                ends = "never" if row["until_ms"] is None else took((row["until_ms"] - now_ms) / 1000)
                whose = "by hand" if row["by_hand"] else "declared"
                table.append(
                    (
                        row["budget"],
                        *(_amount(one[unit], unit) for one in amounts),
                        ends,
                        row["settings"]["then"],
                        whose,
                    )
                )
    print_table(
        ("budget", ">allowed", ">used", ">reserved", ">left", ">anew in", "then", "set"),
        table,
        empty="There are no budgets: none is in a policy file, and none was set by hand.",
    )


def _amount(value: int, unit: str) -> str:
    return f"${value / 1_000_000:,.4f}" if unit == "micros" else f"{value:,} tokens"

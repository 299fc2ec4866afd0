"""``breakers``: which providers and integrations are down, and who says so."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from pipeline.cli.asking import AsJson
from pipeline.cli.controlling import Control, controlling, span
from pipeline.cli.exits import usage

breakers = typer.Typer(
    name="breakers", no_args_is_help=True, rich_markup_mode="rich", help="Show circuit breakers, open and close them."
)

_LS = """\
[bold]Examples[/bold]

  dramaturg breakers ls
  dramaturg breakers ls --json | jq '.breakers[] | select(.state == "open")'

Shown are those that are declared, and those of providers and models that were
called in the last day.

[bold]With --json[/bold]: {"breakers": [{breaker, state, since_ms, until_ms, reason,
probe, calls, failures, lanes, settings}]}; calls and failures are those of
the window, lanes how many lines of runs wait.
"""

_OPEN = """\
[bold]Examples[/bold]

  dramaturg breakers open openai --for 10m --reason "their status page is red"
  dramaturg breakers open anthropic:claude-opus-4-1

Runs wait, or move on to the next model of their chain; then one call probes.

[bold]With --json[/bold]: one breaker as in breakers ls.
"""

_CLOSE = """\
[bold]Example[/bold]

  dramaturg breakers close openai

Everything may be called again at once; its failures so far are forgotten.

[bold]With --json[/bold]: one breaker as in breakers ls.
"""

Name = Annotated[str, typer.Argument(metavar="NAME", help="A provider, a model, or a breaker.", show_default=False)]


@breakers.command("ls", epilog=_LS)
def ls(*, as_json: AsJson = False) -> None:
    """List breakers, their states, and the calls of their windows."""
    from pipeline.cli.output import print_json

    with controlling() as here:
        rows, now_ms = here.controls.breakers(), here.now_ms
    if as_json:
        print_json({"breakers": rows})
    else:
        _print(rows, now_ms)


@breakers.command("open", epilog=_OPEN)
def open_(
    name: Name,
    *,
    period: Annotated[str | None, typer.Option("--for", metavar="TIME", help="How long.", show_default="5m")] = None,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; it is shown.")] = "by hand",
    as_json: AsJson = False,
) -> None:
    """Let nothing through for a time."""
    from datetime import timedelta

    length = span("--for", period) or timedelta(minutes=5)
    with controlling() as here:
        here.gates.open_breaker(_checked(name), int(length.total_seconds() * 1000), reason[:200])
        _show(here, name, as_json=as_json)


@breakers.command("close", epilog=_CLOSE)
def close(name: Name, *, as_json: AsJson = False) -> None:
    """Let everything through again."""
    with controlling() as here:
        here.gates.close_breaker(_checked(name))
        _show(here, name, as_json=as_json)


def _checked(name: str) -> str:
    from pipeline.breaker import Breaker

    if name == "*":
        raise usage("* is the setting of all breakers, and none itself: name one")
    try:
        return Breaker(name).name
    except ValueError as error:
        raise usage(str(error)) from None


def _show(here: Control, name: str, *, as_json: bool) -> None:
    from pipeline.cli.output import print_json

    rows = here.controls.breakers(name)
    if as_json:
        print_json(rows[0])
    else:
        _print(rows, here.now_ms)


def _print(rows: list[dict[str, Any]], now_ms: int) -> None:
    from pipeline.cli.output import ago, print_table, took

    def left(until_ms: int | None) -> str:
        return "-" if until_ms is None else took(max(0, until_ms - now_ms) / 1000)

    print_table(
        ("breaker", "state", ">for", ">probe in", ">calls", ">failures", ">waiting", "settings", "*reason"),
        (
            (
                row["breaker"],
                row["state"],
                ago(row["since_ms"], now_ms),
                left(row["until_ms"]) if row["state"] in {"open", "limited", "broken"} else "-",
                row["calls"],
                row["failures"],
                row["lanes"] or "-",
                row["settings"],
                row["reason"],
            )
            for row in rows
        ),
        empty="There are no breakers: none was declared, and no model was called in the last day.",
    )

"""``queues``: what waits, what runs, and who works; and what is to wait for a while."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Annotated, Literal

import typer

from pipeline.cli.asking import AsJson
from pipeline.cli.controlling import Control, controlling, span
from pipeline.cli.exits import Exit, Stop, usage

_LS = """\
[bold]Examples[/bold]

  dramaturg queues
  dramaturg queues --json | jq '.queues[] | select(.oldest_s > 60)'
  dramaturg queues pause ai

[bold]With --json[/bold]: {"queues": [{queue, ready, tiers, running, delayed,
oldest_s}], "workers": [{worker, seen_s}], "paused": [{what, since_ms}]}; what
is queue:NAME, actor:NAME or group:NAME.
"""

_PAUSE = """\
[bold]Examples[/bold]

  dramaturg queues pause ai
  dramaturg queues pause --actor graph.generate
  dramaturg queues pause --group acme

Nothing more of it starts, in no worker; what runs goes on.

[bold]With --json[/bold]: {"what", "outcome"}; outcome is paused, or was paused.
"""

_RESUME = """\
[bold]Examples[/bold]

  dramaturg queues resume ai
  dramaturg queues resume --group acme

[bold]With --json[/bold]: {"what", "outcome"}; outcome is resumed, or was not paused.
"""

_DRAIN = """\
[bold]Examples[/bold]

  dramaturg queues drain ai
  dramaturg queues drain --actor mail.send --timeout 2m

It is paused, and the command ends when nothing of it runs any more; it stays
paused. With a timeout that is over before, the exit code is 4.

[bold]With --json[/bold]: {"what", "outcome", "running"}; outcome is drained.
"""

_WEIGHT = """\
[bold]Examples[/bold]

  dramaturg queues weight acme 3
  dramaturg queues weight acme 1

A group of weight 3 gets three turns for each one of the others; 1 is usual.

[bold]With --json[/bold]: {"group", "weight"}.
"""

#: How often drain looks whether something runs.
_LOOK_S = 0.2

queues = typer.Typer(
    name="queues",
    invoke_without_command=True,
    rich_markup_mode="rich",
    epilog=_LS,
    help="Show queues and workers; pause, drain and weigh what waits.",
)

Queue = Annotated[str, typer.Argument(metavar="[QUEUE]", show_default=False)]
OfActor = Annotated[str, typer.Option("--actor", metavar="NAME", help="Runs of this actor, in all queues.")]
OfGroup = Annotated[str, typer.Option("--group", metavar="NAME", help="Runs of this group, in all queues.")]


@queues.callback()
def show(ctx: typer.Context, *, as_json: AsJson = False) -> None:
    """Show every queue, how long its oldest run has waited, and the workers that are alive."""
    from pipeline.cli.output import ago, print_json, print_table, say, took
    from pipeline.priority import TIERS

    if ctx.invoked_subcommand is not None:
        return
    with controlling() as here:
        rows, workers, paused, now_ms = (
            here.inspector.queues(),
            here.inspector.workers(),
            here.gates.paused(),
            here.now_ms,
        )
    if as_json:
        stopped = [{"what": what, "since_ms": since} for what, since in paused.items()]
        print_json({"queues": rows, "workers": workers, "paused": stopped})
        return
    print_table(
        ("queue", ">ready", *(f">{tier}" for tier in TIERS), ">running", ">delayed", ">oldest waits"),
        (
            (
                row["queue"],
                row["ready"],
                *(row["tiers"][tier] for tier in TIERS),
                row["running"],
                row["delayed"],
                took(row["oldest_s"]),
            )
            for row in rows
        ),
        empty="There are no queues: nothing was ever sent.",
    )
    for what, since in paused.items():
        say(f"Paused for {ago(since, now_ms)}: {what.replace(':', ' ', 1)}", "yellow")
    say(f"{len(workers)} worker processes" if workers else "No worker is running.", "" if workers else "yellow")


@queues.command("pause", epilog=_PAUSE)
def pause(queue: Queue = "", *, actor: OfActor = "", group: OfGroup = "", as_json: AsJson = False) -> None:
    """Start nothing more of a queue, an actor or a group."""
    kind, name = _one_of(queue, actor, group)
    with controlling() as here:
        _require_known(here, kind, name)
        new = here.gates.pause(f"{kind}:{name}")
    _told(f"{kind}:{name}", "paused" if new else "was paused", as_json=as_json)


@queues.command("resume", epilog=_RESUME)
def resume(queue: Queue = "", *, actor: OfActor = "", group: OfGroup = "", as_json: AsJson = False) -> None:
    """Start it again."""
    kind, name = _one_of(queue, actor, group)
    with controlling() as here:
        changed = here.gates.resume(f"{kind}:{name}")
    _told(f"{kind}:{name}", "resumed" if changed else "was not paused", as_json=as_json)


@queues.command("drain", epilog=_DRAIN)
def drain(
    queue: Queue = "",
    *,
    actor: OfActor = "",
    group: OfGroup = "",
    timeout: Annotated[str | None, typer.Option(metavar="TIME", help="Wait no longer.", show_default=False)] = None,
    as_json: AsJson = False,
) -> None:
    """Pause, and wait until nothing of it runs."""
    from pipeline.cli.output import tell

    kind, name = _one_of(queue, actor, group)
    limit = span("--timeout", timeout)
    with controlling() as here:
        _require_known(here, kind, name)
        here.gates.pause(f"{kind}:{name}")
        began, said = time.monotonic(), 0
        while running := here.controls.running(kind, name):
            if limit is not None and timedelta(seconds=time.monotonic() - began) > limit:
                raise Stop(f"{kind} {name} is paused, but {_runs(running)} after {timeout}.", Exit.TIMED_OUT)
            if running != said:
                tell(f"{kind} {name} is paused; {_runs(running)}", "dim")
                said = running
            time.sleep(_LOOK_S)
    _told(f"{kind}:{name}", "drained", as_json=as_json, running=0)


@queues.command("weight", epilog=_WEIGHT)
def weight(
    group: Annotated[str, typer.Argument(metavar="GROUP", show_default=False)],
    share: Annotated[float, typer.Argument(metavar="N", min=0.01, max=1000, show_default=False)],
    *,
    as_json: AsJson = False,
) -> None:
    """Give a group more turns, or fewer."""
    from pipeline.cli.output import print_json, say

    with controlling() as here:
        here.controls.weigh(group, share)
    if as_json:
        print_json({"group": group, "weight": share})
    else:
        say(f"{group}: {share:g} turns for each one of a group of weight 1")


def _one_of(queue: str, actor: str, group: str) -> tuple[Literal["queue", "actor", "group"], str]:
    named: list[tuple[Literal["queue", "actor", "group"], str]] = [
        ("queue", queue),
        ("actor", actor),
        ("group", group),
    ]
    given = [one for one in named if one[1]]
    if len(given) != 1:
        raise usage("Name one: a queue, or an actor with --actor, or a group with --group.")
    return given[0]


def _require_known(here: Control, kind: str, name: str) -> None:
    if kind == "queue":
        known = [row["queue"] for row in here.inspector.queues()]
        if name not in known:
            there = f"there are {', '.join(known)}" if known else "nothing was ever sent"
            raise usage(f"There is no queue {name!r}; {there}.")


def _runs(count: int) -> str:
    return "1 run still runs" if count == 1 else f"{count:,} runs still run"


def _told(what: str, outcome: str, *, as_json: bool, **more: int) -> None:
    from pipeline.cli.output import print_json, say

    if as_json:
        print_json({"what": what, "outcome": outcome, **more})
    else:
        say(f"{what.replace(':', ' ', 1)}: {outcome}")

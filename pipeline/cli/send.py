"""``send``: one job for any actor, and its result if somebody waits for it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from pipeline.cli.exits import Exit, Stop, usage

if TYPE_CHECKING:
    from pipeline.actor import Actor
    from pipeline.cli.opening import Opened
    from pipeline.handle import RunHandle
    from pipeline.priority import Priority

EXAMPLES = """\
[bold]Examples[/bold]

  dramaturg send mail.welcome -m my_app.jobs --json '{"to": "a@b.c"}'
  dramaturg send mail.welcome -m my_app.jobs --file payload.json --wait
  cat payload.json | dramaturg send mail.welcome -m my_app.jobs --file -
  dramaturg send report.build -m my_app.jobs --priority high:5 --delay 60
  dramaturg send report.build -m my_app.jobs --key monday --group acme

The payload is checked before anything is sent; a mistake names the field.

[bold]stdout[/bold] gets one JSON object: id, actor, queue, state. With --wait it gets
the result, as JSON and nothing else; a run that is dead or cancelled gives
none, says why on stderr, and ends the command with its exit code.
"""

Modules = Annotated[
    list[str] | None,
    typer.Option("--module", "-m", metavar="MODULE", help="Import a module that declares actors; may be repeated."),
]


def send(
    actor: Annotated[str, typer.Argument(metavar="ACTOR", help="Name of an actor, on the wire.", show_default=False)],
    *,
    payload: Annotated[str | None, typer.Option("--json", metavar="JSON", help="The payload.")] = None,
    file: Annotated[str | None, typer.Option(metavar="FILE", help="A file with the payload; - is stdin.")] = None,
    modules: Modules = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for the result and print it.")] = False,
    timeout: Annotated[
        float | None, typer.Option(min=0.001, metavar="SECONDS", help="With --wait: stop waiting; the run goes on.")
    ] = None,
    priority: Annotated[
        str, typer.Option(metavar="TIER[:N]", help="critical, high, normal or low; a lower number comes first in it.")
    ] = "",
    delay: Annotated[float, typer.Option(min=0, metavar="SECONDS", help="Start it then, not at once.")] = 0,
    key: Annotated[str, typer.Option(help="The same key again is the same run.")] = "",
    mode: Annotated[
        Literal["return", "throttle", "debounce", "replace"],
        typer.Option(help="What the key does if a run is there already."),
    ] = "return",
    period: Annotated[
        float, typer.Option(min=0, metavar="SECONDS", help="How long throttle and debounce hold.", show_default=False)
    ] = 0,
    group: Annotated[str, typer.Option(help="The tenant it counts for.")] = "",
) -> None:
    """Send a job to an actor."""
    from datetime import timedelta

    from pipeline.cli.opening import opened
    from pipeline.cli.output import print_json
    from pipeline.sending import Send

    value = _payload(payload, file)
    sending = Send(
        payload=value,
        priority=_priority(priority),
        delay=timedelta(seconds=delay) if delay else None,
        key=key,
        mode=mode,
        period=timedelta(seconds=period) if period else None,
        group=group,
    )
    with opened(modules or (), fit=True) as project:
        declared = _actor(actor)
        handle = declared.send_many([sending])[0]
        if wait:
            print_json(_result(project, handle, None if timeout is None else timedelta(seconds=timeout)))
        else:
            state = handle.state()
            print_json({"id": handle.id, "actor": actor, "queue": declared.queue_name, "state": state})


def _payload(text: str | None, file: str | None) -> Any:
    import orjson

    if text is not None and file is not None:
        raise usage("--json and --file are two payloads; a job takes one.")
    if text is None and file is None:
        return None
    try:
        if file is None:
            content = (text or "").encode("utf-8", "surrogateescape")
        else:
            content = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        return orjson.loads(content)
    except OSError as error:
        raise usage(f"--file {file}: {error.strerror}") from error
    except orjson.JSONDecodeError as error:
        raise usage(f"{'--json' if file is None else f'--file {file}'}: this is not JSON: {error}") from error


def _priority(text: str) -> Priority | None:
    from pipeline.priority import TIERS, Priority

    if not text:
        return None
    tier, colon, number = text.lower().partition(":")
    if tier not in TIERS:
        raise usage(f"--priority {text}: there is no tier {tier!r}; there are {', '.join(TIERS)}")
    try:
        return Priority(TIERS.index(tier), int(number) if colon else 0)
    except ValueError as error:
        raise usage(f"--priority {text}: {error}") from error


def _actor(name: str) -> Actor[Any, Any]:
    import difflib

    from pipeline.declaration import DECLARED

    declared = DECLARED.get(name)
    if declared is None:
        close = difflib.get_close_matches(name, DECLARED, n=1)
        hint = f" Did you mean {close[0]}?" if close else f" There are {', '.join(sorted(DECLARED))}."
        raise usage(f"There is no actor {name!r}.{hint} An actor of your own needs its module: --module my_app.jobs")
    return declared


def _result(project: Opened, handle: RunHandle[Any], timeout: Any) -> Any:
    import orjson

    from pipeline.cli.output import tell
    from pipeline.handle import RunFailed

    if not project.inspector.workers():
        tell("No worker is running, so this waits for one: dramaturg worker", "yellow")
    try:
        handle.result(timeout)
    except RunFailed as error:
        raise Stop(str(error), Exit.CANCELLED if error.state == "cancelled" else Exit.FAILED) from error
    except TimeoutError as error:
        raise Stop(f"{error}; it goes on, see: dramaturg runs watch {handle.id}", Exit.TIMED_OUT) from error
    return orjson.loads(project.inspector.result(handle.id) or b"null")

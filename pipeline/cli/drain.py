"""``drain``: has a process stop in order, and waits until it is gone."""

from __future__ import annotations

import os
import select
import signal
import time
from typing import Annotated

import typer

from pipeline.cli.exits import Exit, Stop, usage

#: How much longer than the grace a process may take: its supervisor bounds its stop 5 seconds later.
_BEYOND_S = 10

EXAMPLES = """\
[bold]Examples[/bold]

  dramaturg drain 1              in a container: what a preStop hook calls
  dramaturg drain 1 --wait 60

It sends SIGTERM and waits. The process claims nothing more, its runs end or
stop at their next step and go on elsewhere, and /readyz says draining. Its
own log lines, in JSON, say what became of it. The exit code is 4 if it still
runs when the time is over.
"""


def drain(
    pid: Annotated[int, typer.Argument(min=1, metavar="PID", help="A worker, scheduler, web or webhooks process.")],
    *,
    wait: Annotated[
        float | None,
        typer.Option(min=0, metavar="SECONDS", show_default="DRAMATURG_SHUTDOWN_GRACE and 10"),
    ] = None,
) -> None:
    """Stop a process of ours in order, and return when it has ended."""
    if wait is None:
        from pipeline.settings import Settings

        wait = Settings.load().shutdown_grace.total_seconds() + _BEYOND_S
    if pid == os.getpid():
        raise usage("That is this command itself.")
    try:
        gone = _ended_by_pidfd(pid, wait) if hasattr(os, "pidfd_open") else _ended(pid, wait)
    except ProcessLookupError:
        raise usage(f"There is no process {pid}.") from None
    except PermissionError:
        raise usage(f"Process {pid} belongs to somebody else.") from None
    if not gone:
        raise Stop(f"Process {pid} still runs after {wait:g} s.", Exit.TIMED_OUT)


def _ended_by_pidfd(pid: int, wait: float) -> bool:
    process = os.pidfd_open(pid)
    try:
        signal.pidfd_send_signal(process, signal.SIGTERM)
        return bool(select.select([process], [], [], wait)[0])
    finally:
        os.close(process)


def _ended(pid: int, wait: float) -> bool:
    until = time.monotonic() + wait
    os.kill(pid, signal.SIGTERM)
    while time.monotonic() < until:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False

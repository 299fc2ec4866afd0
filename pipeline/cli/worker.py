"""``worker``: processes that work, supervised, until they are told to stop."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from pipeline.cli.exits import Exit

EXAMPLES = """\
[bold]Examples[/bold]

  dramaturg worker                              everything that comes along
  dramaturg worker my_app.jobs                  your own actors too
  dramaturg worker my_app.jobs --queues mail    one queue only
  dramaturg worker --processes 4 --threads 16

A module is looked for in this folder and on Python's path.

SIGTERM or Ctrl-C: what runs ends, or stops at its next step and goes on
elsewhere. A second time: at once. SIGHUP: the processes are replaced one by
one. Log lines go to stderr, one JSON object each.

GET /livez, /readyz, /startupz and /metrics at 127.0.0.1:9191, and of each
process at the ports after it: DRAMATURG_PROBES_PORT, DRAMATURG_PROBES_HOST.
"""


def worker(
    modules: Annotated[
        list[str] | None,
        typer.Argument(metavar="[MODULE]...", help="Importable modules that declare actors.", show_default=False),
    ] = None,
    *,
    queues: Annotated[str, typer.Option(metavar="A,B", help="Work on these queues.", show_default="all")] = "",
    processes: Annotated[int | None, typer.Option(min=1, max=256, metavar="N", show_default="settings: 2")] = None,
    threads: Annotated[
        int | None, typer.Option(min=1, max=512, metavar="N", help="Threads of a process.", show_default="settings: 8")
    ] = None,
) -> None:
    """Run worker processes; one that dies is replaced, the others are not touched."""
    from datetime import timedelta

    from pipeline import logs
    from pipeline.engine.connection import connect
    from pipeline.engine.embedded import open_redis_url
    from pipeline.engine.server_checks import require_fit_server
    from pipeline.engine.store import Store
    from pipeline.engine.supervisor import Supervisor
    from pipeline.engine.supervisor_probes import supervised
    from pipeline.probes.settings import ProbesSettings
    from pipeline.settings import Settings

    settings, probes = Settings.load(), ProbesSettings.load()
    logs.configure(settings.log_level, settings.log_format, secrets=settings.secrets())
    command = [sys.executable, "-m", "pipeline.engine.worker", "--threads", str(threads or settings.threads)]
    if queues:
        command += ["--queues", queues]
    with open_redis_url(settings) as url:
        with connect(url) as client:
            require_fit_server(client, allow_unsafe=settings.allow_unsafe_redis)
        if modules or queues or settings.policies:
            rehearse(modules or [], queues, url)
        supervisor = Supervisor(
            [*command, *(modules or [])],
            processes=processes or settings.processes,
            # A worker bounds its own stop; the supervisor's bound is for one that hangs.
            grace=settings.shutdown_grace + timedelta(seconds=5),
            env={"REDIS_URL": url},
            reporting=True,
        )
        with connect(url) as client:
            store = Store(client, settings.namespace)
            with supervised(supervisor, store, redis_url=url, settings=probes):
                code = supervisor.run()
    raise typer.Exit(code)


def rehearse(modules: list[str], queues: str, url: str) -> None:
    """See that the modules and queues are there before workers are started; ends with exit code 2 if not."""
    import subprocess

    # In a process of its own: a module may be large, and the supervisor stays small.
    rehearsal = subprocess.run(  # noqa: S603 - our own program; the names are its arguments
        [sys.executable, "-m", "pipeline.cli.rehearsal", queues, *modules],
        stdout=sys.stderr.fileno(),
        env={**os.environ, "REDIS_URL": url},
        check=False,
    )
    if rehearsal.returncode:
        raise typer.Exit(Exit.USAGE)

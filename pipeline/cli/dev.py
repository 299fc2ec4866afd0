"""``dev``: Redis, workers and the scheduler in one tree of processes, for the machine you develop on."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from pipeline.engine.supervisor import Supervisor

EXAMPLES = """\
[bold]Examples[/bold]

  dramaturg dev                 everything that comes along
  dramaturg dev my_app.jobs     your own actors and schedules too

In another terminal, with the same DRAMATURG_HOME or REDIS_URL:

  dramaturg send order.pack --module my_app.jobs --json '{"number": 7}' --wait

Ctrl-C ends all of it and leaves nothing running; the data stays. Log lines
are for people here, unless DRAMATURG_LOG_FORMAT=json asks for JSON. Probes
are answered if DRAMATURG_PROBES_PORT is set; the scheduler's 100 ports on.
"""


def dev(
    modules: Annotated[
        list[str] | None,
        typer.Argument(metavar="[MODULE]...", help="Importable modules of yours.", show_default=False),
    ] = None,
    *,
    processes: Annotated[int, typer.Option(min=1, max=256, metavar="N", help="Worker processes.")] = 1,
) -> None:
    """Run Redis if none is configured, workers and the scheduler, until Ctrl-C."""
    from datetime import timedelta

    from pipeline import logs
    from pipeline.cli.output import tell
    from pipeline.cli.worker import rehearse
    from pipeline.engine.connection import connect
    from pipeline.engine.embedded import open_redis_url
    from pipeline.engine.server_checks import require_fit_server
    from pipeline.engine.store import Store
    from pipeline.engine.supervisor import Supervisor
    from pipeline.engine.supervisor_probes import supervised
    from pipeline.probes.settings import ProbesSettings
    from pipeline.settings import Settings, hide_userinfo

    settings, probes = Settings.load(), ProbesSettings.load()
    if probes.port is None:
        probes = probes.model_copy(update={"port": 0})  # two of them on a machine are no mistake
    fmt = settings.log_format if "log_format" in settings.model_fields_set else "console"
    logs.configure(settings.log_level, fmt, secrets=settings.secrets())
    names = modules or []
    with open_redis_url(settings) as url:
        with connect(url) as client:
            require_fit_server(client, allow_unsafe=settings.allow_unsafe_redis)
        if names or settings.policies:
            rehearse(names, "", url)
        tell(f"Redis: {hide_userinfo(url)}")
        env = {"REDIS_URL": url, "DRAMATURG_LOG_FORMAT": fmt}
        clock = Supervisor(
            [sys.executable, "-m", "pipeline.cli", "scheduler", *names],
            processes=1,
            grace=timedelta(seconds=5),
            env={**env, "DRAMATURG_PROBES_PORT": str(_beyond(probes.port))},
        )
        supervisor = Supervisor(
            [sys.executable, "-m", "pipeline.engine.worker", "--threads", str(settings.threads), *names],
            processes=processes,
            grace=settings.shutdown_grace + timedelta(seconds=5),
            env=env,
            reporting=True,
        )
        with connect(url) as client, _beside(clock):
            store = Store(client, settings.namespace)
            with supervised(supervisor, store, redis_url=url, settings=probes):
                code = supervisor.run()
    logs.flush()
    raise typer.Exit(code)


def _beyond(port: int | None) -> int:
    """Give the port of the scheduler's probes: as far from the workers' as it usually is, or none."""
    from pipeline.probes.settings import PORTS

    return port + PORTS["scheduler"] - PORTS["worker"] if port else 0


@contextmanager
def _beside(supervisor: Supervisor) -> Iterator[None]:
    thread = threading.Thread(target=supervisor.run, name="scheduler")
    thread.start()
    try:
        yield
    finally:
        supervisor.stop()
        thread.join()

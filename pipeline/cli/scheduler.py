"""``scheduler``: fires the schedules, until it is told to stop."""

from __future__ import annotations

import signal
import threading
from typing import Annotated

import typer

EXAMPLES = """\
[bold]Examples[/bold]

  dramaturg scheduler                the schedules of the project
  dramaturg scheduler my_app.jobs    those that your modules declare too

Start as many as you like: one fires, and another takes over within 5 seconds
when it is killed, hangs or is cut off, and at once when it is stopped with
SIGTERM or Ctrl-C. Each tick gives one run. While Redis is away it waits.

Log lines go to stderr, one JSON object each. GET /livez, /readyz, /startupz
and /metrics at 127.0.0.1:9291: DRAMATURG_PROBES_PORT, DRAMATURG_PROBES_HOST.
"""


def scheduler(
    modules: Annotated[
        list[str] | None,
        typer.Argument(metavar="[MODULE]...", help="Importable modules that declare schedules.", show_default=False),
    ] = None,
) -> None:
    """Fire the schedules; of several schedulers one does."""
    from datetime import timedelta

    from pipeline import logs
    from pipeline.cli.opening import opened
    from pipeline.engine.lifeline import watch_supervisor
    from pipeline.engine.scheduler import Scheduler
    from pipeline.probes import probing
    from pipeline.schedule import SCHEDULES
    from pipeline.settings import Settings

    stop = threading.Event()
    watch_supervisor(stop.set, grace=timedelta(seconds=5))
    settings = Settings.load()
    logs.configure(settings.log_level, settings.log_format, secrets=settings.secrets())
    with opened(modules or (), settings=settings, fit=True) as project:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        with probing("scheduler", project.broker.store, project.redis_url) as pulse:
            pulse.stops_when(stop.is_set)
            Scheduler(project.broker, list(SCHEDULES.values())).run(stop, on_turn=pulse.beat)
    logs.flush()

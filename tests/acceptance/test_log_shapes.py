"""Every process writes the same lines: scheduler, webhooks server, libraries' own commands, one that dies."""

from __future__ import annotations

import json
import sys
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from tests.acceptance.conftest import CANARY
from tests.chaos.stage import Stage
from tests.support.processes import Process
from tests.support.waiting import eventually

HEAD = {"timestamp", "level", "event", "logger", "service.name", "service.version", "host.name", "process.pid"}

#: A program that is started as ours are, and fails where nobody catches it.
_FALLS = """
import os
from pipeline import logs
logs.configure("info", "auto", secrets=[os.environ["CANARY_API_KEY"]])
raise LookupError(f"nothing is called {os.environ['CANARY_API_KEY']}")
"""


def lines(process: Process) -> list[dict[str, Any]]:
    """Give the log lines of a process; what its command says to people is no line."""
    return [json.loads(line) for line in process.output.splitlines() if line.startswith("{")]


def heard(process: Process, logger: str, event: str) -> bool:
    """Tell whether it has said that."""
    return any(line["logger"] == logger and event in line["event"] for line in lines(process))


def test_every_process_writes_lines_of_one_shape(here: Stage) -> None:
    """uvicorn's and periodiq's lines too, and an exception that ends a program; none holds the secret."""
    env = here.env(CANARY_API_KEY=CANARY, DRAMATURG_WEBHOOKS_LEADS_SECRET="whsec_bmV3bmV3bmV3bmV3bmV3bmV3bmV3bmV3")
    env |= {"DRAMATURG_PROBES_PORT": "0"}
    periodiq = Path(sys.executable).with_name("periodiq")
    scheduler = here.running.python("-m", "pipeline.cli", "scheduler", env=env)
    webhooks = here.running.python("-m", "pipeline.cli", "webhooks", "--port", "0", env=env)
    periodic = here.running.python(str(periodiq), "pipeline.app", env=env)
    falling = here.running.python("-c", _FALLS, env=env)
    wanted = {
        scheduler: ("pipeline.engine.scheduler", "scheduler_leads"),
        webhooks: ("uvicorn.error", "Application startup complete."),
        periodic: ("periodiq", "Registered periodic actors"),
        falling: ("python", "uncaught_exception"),
    }
    for process, (logger, event) in wanted.items():
        eventually(partial(heard, process, logger, event), timedelta(seconds=40))
        assert all(line.keys() >= HEAD for line in lines(process))
        assert {line["process.pid"] for line in lines(process)} == {process.pid}
    for process in (scheduler, webhooks, periodic):
        process.terminate()
    for process in wanted:
        process.wait()
        assert CANARY not in process.output
    (fallen,) = lines(falling)
    assert (fallen["level"], fallen["error.type"]) == ("critical", "LookupError")
    assert "nothing is called ***" in fallen["error.stack_trace"]
    said = [line for process in (scheduler, periodic) for line in process.output.splitlines() if line[:1] != "{"]
    assert len(said) <= 1, "periodiq says one line before it loads us"

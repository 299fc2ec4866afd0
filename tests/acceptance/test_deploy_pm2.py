"""deploy/pm2 with a real PM2: it starts, restarts what dies, and stops with a drain; nothing is lost."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from pipeline.engine import keys
from tests.actors.stepped import Walk, walk
from tests.chaos.stage import CAST, Stage
from tests.support.deployed import DEPLOY, needs
from tests.support.processes import ROOT, all_gone
from tests.support.waiting import eventually

LONG = timedelta(seconds=60)


class Pm2:
    """One PM2 with a home of its own."""

    def __init__(self, program: str, here: Stage, file: Path) -> None:
        self._program, self._here, self.file = program, here, file
        self.home = file.parent / "pm2"
        self._env = here.env(
            PM2_HOME=str(self.home),
            PROGRAM=str(Path(sys.executable).with_name("dramaturg")),
            DRAMATURG_PROBES_PORT="0",
            DRAMATURG_PROCESSES="1",
            DRAMATURG_THREADS="4",
            DRAMATURG_SHUTDOWN_GRACE="5",
            DRAMATURG_WEB_EVENTS_SECRET="sixteen-bytes-or-more",
        )

    def __call__(self, *arguments: str) -> str:
        """Run a command of PM2 and give what it printed."""
        process = self._here.running.start([self._program, *arguments], env=self._env)
        assert process.wait(LONG) == 0, process.output
        return process.output

    def apps(self) -> dict[str, dict[str, Any]]:
        """Give status, number of restarts and process of each application."""
        said = self("jlist")
        listed = json.loads(said[said.index("[{") :])
        return {
            app["name"]: {
                "pid": app["pid"],
                "status": app["pm2_env"]["status"],
                "again": app["pm2_env"]["restart_time"],
            }
            for app in listed
        }

    def log(self, app: str) -> str:
        """Give what an application wrote."""
        return "".join(file.read_text() for file in sorted((self.home / "logs").glob(f"{app}-*.log")))


@pytest.fixture
def pm2(here: Stage, tmp_path: Path) -> Iterator[Pm2]:
    """PM2 with our file, whose workers load the actors of the tests and whose web server takes a free port."""
    program = needs("pm2", "npm install --global pm2")
    file = tmp_path / "ecosystem.config.cjs"
    file.write_text(
        f"const ours = require({json.dumps(str(DEPLOY / 'pm2' / 'ecosystem.config.cjs'))});\n"
        "const [worker, , web] = ours.apps;\n"
        f"worker.args.push({json.dumps(CAST)});\n"
        'web.args.push("--port", "0");\n'
        f"for (const app of ours.apps) app.cwd = {json.dumps(str(ROOT))};\n"
        "module.exports = ours;\n"
    )
    made = Pm2(program, here, file)
    try:
        yield made
    finally:
        made("kill")


@pytest.mark.timeout(300)
def test_workers_that_die_come_back_and_a_stop_is_a_drain(here: Stage, pm2: Pm2) -> None:
    """A worker process is killed, then the supervisor, then all is stopped and started with runs under way."""

    def ready(times: int) -> Callable[[], bool]:
        return lambda: pm2.log("dramaturg-worker").count('"worker_ready"') >= times

    pm2("start", str(pm2.file))
    eventually(ready(1), LONG)
    eventually(lambda: "Listening on" in pm2.log("dramaturg-web"), LONG)
    ids = here.accept(walk.send_many([Walk(seconds=0.3)] * 60))
    first = pm2.apps()
    assert {app["status"] for app in first.values()} == {"online"}

    os.kill(_children(first["dramaturg-worker"]["pid"])[0], signal.SIGKILL)
    eventually(ready(2), LONG)
    orphans = _children(first["dramaturg-worker"]["pid"])
    os.kill(first["dramaturg-worker"]["pid"], signal.SIGKILL)
    eventually(ready(3), LONG)
    eventually(all_gone(orphans), LONG)
    second = pm2.apps()
    assert second["dramaturg-worker"]["again"] == 1
    assert second["dramaturg-web"] == first["dramaturg-web"]

    pids = [second["dramaturg-worker"]["pid"], *_children(second["dramaturg-worker"]["pid"])]
    pm2("stop", "all")
    eventually(all_gone(pids), LONG)
    assert {app["status"] for app in pm2.apps().values()} == {"stopped"}
    assert '"workers_stopping"' in pm2.log("dramaturg-worker")
    assert '"worker_overdue"' not in pm2.log("dramaturg-worker")
    left = [run for run, state in here.states(ids).items() if state == "running"]  # by those that were killed, perhaps
    holders = {here.store.client.hget(keys.run(here.store.namespace, run), "worker").decode() for run in left}
    assert not {int(holder.split(":")[1]) for holder in holders} & set(pids), "a run was cut off"
    assert "queued" in here.states(ids).values(), "all was done before the stop: nothing was shown"

    pm2("start", "dramaturg-worker")
    here.settle(ids, LONG)
    assert here.findings().clean, str(here.findings())


def _children(pid: int) -> list[int]:
    return [
        int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()
    ]

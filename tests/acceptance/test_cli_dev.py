"""``dev``: everything in one tree of processes, and nothing left of it."""

from __future__ import annotations

import signal
from datetime import datetime, timedelta
from pathlib import Path

from tests.support.command_line import COMMAND, CommandLine
from tests.support.left_over import left_over
from tests.support.processes import processes

JOBS = '''
from datetime import timedelta
from pathlib import Path
from pipeline import Run, actor, every

@actor(name="greet", queue="mine")
def greet(name: str) -> str:
    """Greet."""
    return f"hello {name}"

@actor(name="tick", queue="mine")
def tick(run: Run) -> None:
    """Leave word of the tick."""
    Path("ticked").write_text(run.tick.isoformat())

every(timedelta(seconds=1), tick, misfire="skip")
'''


def test_dev_works_fires_and_leaves_nothing(tmp_path: Path, home: Path) -> None:
    """Runs are worked on and schedules fire, with no Redis configured; Ctrl-C ends it all with exit code 0."""
    (tmp_path / "my_jobs.py").write_text(JOBS)
    env = {"DRAMATURG_HOME": str(home), "DRAMATURG_THREADS": "2"}
    with processes(tmp_path, env) as running:
        dev = running.start([*COMMAND, "dev", "my_jobs"], cwd=tmp_path)
        dev.wait_for_output("worker_ready", timedelta(seconds=60))
        sent = CommandLine(tmp_path, env)("send", "greet", "--module", "my_jobs", "--json", '"you"', "--wait")
        assert "hello you" in sent.stdout
        dev.wait_for_output("tick_fired", timedelta(seconds=60))

        dev.send(signal.SIGINT)

        assert dev.wait(timedelta(seconds=40)) == 0
        assert "Traceback" not in dev.output
        assert left_over(home) == []
    assert datetime.fromisoformat((tmp_path / "ticked").read_text()).tzinfo is not None


def test_dev_names_a_module_that_is_not_there(tmp_path: Path, home: Path) -> None:
    """Nothing is started for it; the exit code is 2."""
    answer = CommandLine(tmp_path, {"DRAMATURG_HOME": str(home)})("dev", "no_such_module", code=2)
    assert "no_such_module" in answer.stderr

"""The supervisor with real children that are really killed."""

import os
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from pipeline.engine.supervisor import Supervisor, WorkerEvent
from tests.support.processes import ROOT, Process, Processes, alive, all_gone, processes
from tests.support.waiting import eventually

SECOND = timedelta(seconds=1)

CHILD = """
import importlib.util, os, pathlib, signal, subprocess, sys, threading
from datetime import timedelta

# by its path and without the package around it, because these children start often
source = pathlib.Path(os.environ["PYTHONPATH"], "pipeline/engine/lifeline.py")
spec = importlib.util.spec_from_file_location("lifeline", source)
lifeline = importlib.util.module_from_spec(spec)
spec.loader.exec_module(lifeline)

folder, manner = pathlib.Path(sys.argv[1]), sys.argv[2]
stopped = threading.Event()

def stop(*_):
    if manner != "stubborn":
        stopped.set()

signal.signal(signal.SIGTERM, stop)
signal.signal(signal.SIGINT, stop)
grace = timedelta(seconds=0.3 if manner == "stubborn" else 10)
watched = lifeline.watch_supervisor(lambda: os.kill(os.getpid(), signal.SIGTERM), grace=grace)
assert watched
helper = 0
if manner == "parent":
    helper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]).pid
with (folder / "started").open("a") as ledger:
    ledger.write(f"{os.getpid()} {helper}\\n")
if manner == "broken" or (folder / "broken").exists():
    sys.exit(int((folder / "broken").read_text() or 1))
while not stopped.wait(600):
    pass
with (folder / "finished").open("a") as ledger:
    ledger.write(f"{os.getpid()}\\n")
"""

SUPERVISOR = """
import sys
from datetime import timedelta
from pipeline.engine.supervisor import Supervisor, WorkerEvent
grace, processes, *command = sys.argv[1:]
sys.exit(Supervisor(command, processes=int(processes), grace=timedelta(seconds=float(grace))).run())
"""


class Pool:
    """A supervisor process over children that write down when they start and finish."""

    def __init__(self, running: Processes, folder: Path) -> None:
        self.running, self.folder = running, folder
        (folder / "child.py").write_text(CHILD)

    def start(self, count: int, manner: str = "plain", grace: float = 10) -> Process:
        child = [sys.executable, str(self.folder / "child.py"), str(self.folder), manner]
        return self.running.python("-c", SUPERVISOR, str(grace), str(count), *child)

    @contextmanager
    def inside(
        self, count: int, on_event: Callable[[WorkerEvent], object] = id
    ) -> Iterator[tuple[Supervisor, list[WorkerEvent]]]:
        """Run the supervisor in a thread of this process, and stop it."""
        child = [sys.executable, str(self.folder / "child.py"), str(self.folder), "plain"]
        story: list[WorkerEvent] = []

        def note(event: WorkerEvent) -> None:
            story.append(event)
            on_event(event)

        supervisor = Supervisor(child, processes=count, grace=10 * SECOND, env={"PYTHONPATH": str(ROOT)}, on_event=note)
        codes: list[int] = []
        thread = threading.Thread(target=lambda: codes.append(supervisor.run()))
        thread.start()
        try:
            yield supervisor, story
        finally:
            supervisor.stop()
            thread.join(15)
        assert codes == [0]

    def rows(self, name: str) -> list[list[int]]:
        file = self.folder / name
        lines = file.read_text().splitlines() if file.exists() else []
        return [[int(word) for word in line.split()] for line in lines]

    def pids(self) -> list[int]:
        return [row[0] for row in self.rows("started")]

    def wait_for_starts(self, count: int) -> list[int]:
        return eventually(lambda: pids if len(pids := self.pids()) >= count else [], timedelta(seconds=20))


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[Pool]:
    with processes(tmp_path, {"PYTHONPATH": str(ROOT)}) as running:
        yield Pool(running, tmp_path)


def test_a_dead_child_is_back_within_two_seconds_and_the_others_are_not_touched(pool: Pool) -> None:
    """R03: one of four is killed; one new one comes, three stay."""
    pool.start(4)
    first = pool.wait_for_starts(4)
    os.kill(first[0], signal.SIGKILL)
    killed_at = time.monotonic()
    after = pool.wait_for_starts(5)
    assert time.monotonic() - killed_at < 2
    assert all(alive(pid) for pid in after[1:])
    assert not pool.rows("finished")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_lets_every_child_finish_and_exits_zero(pool: Pool, number: signal.Signals) -> None:
    """SIGTERM and SIGINT to the supervisor alone end the whole tree in order."""
    supervisor = pool.start(3)
    pids = pool.wait_for_starts(3)
    supervisor.send(number)
    assert supervisor.wait() == 0
    assert Counter(row[0] for row in pool.rows("finished")) == Counter(pids)


def test_a_child_that_does_not_stop_is_killed_after_the_grace(pool: Pool) -> None:
    """The grace bounds a stop."""
    supervisor = pool.start(2, "stubborn", grace=0.7)
    pids = pool.wait_for_starts(2)
    asked_at = time.monotonic()
    supervisor.terminate()
    assert supervisor.wait() == 0
    assert 0.6 < time.monotonic() - asked_at < 5
    assert all_gone(pids)()


def test_a_second_signal_kills_at_once(pool: Pool) -> None:
    """Whoever presses Ctrl-C twice means now."""
    supervisor = pool.start(2, "stubborn", grace=60)
    pool.wait_for_starts(2)
    supervisor.send(signal.SIGINT)
    supervisor.wait_for_output("workers_stopping")
    asked_at = time.monotonic()
    eventually(lambda: time.monotonic() - asked_at > 0.6)  # later than an echo of the first
    supervisor.send(signal.SIGINT)
    assert supervisor.wait(5 * SECOND) == 0


def test_one_keystroke_that_arrives_twice_is_one(pool: Pool) -> None:
    """make and uv pass the terminal's signal on to a process that got it already."""
    supervisor = pool.start(2)
    pids = pool.wait_for_starts(2)
    supervisor.send(signal.SIGINT)
    supervisor.send(signal.SIGTERM)
    assert supervisor.wait() == 0
    assert len(pool.rows("finished")) == len(pids)


def test_children_stop_by_themselves_when_the_supervisor_is_killed(pool: Pool) -> None:
    """kill -9 of the supervisor leaves no orphan; each finishes what it has."""
    supervisor = pool.start(3)
    pids = pool.wait_for_starts(3)
    supervisor.kill()
    eventually(all_gone(pids))
    assert len(pool.rows("finished")) == 3


def test_an_orphan_that_does_not_stop_ends_itself(pool: Pool) -> None:
    """Even a child that ignores its stop outlives the supervisor by its grace alone."""
    supervisor = pool.start(1, "stubborn")
    pids = pool.wait_for_starts(1)
    supervisor.kill()
    eventually(all_gone(pids), timedelta(seconds=5))


def test_what_a_dead_child_had_started_dies_with_it(pool: Pool) -> None:
    """A document parser whose worker was killed does not go on by itself."""
    pool.start(1, "parent")
    (pid, helper), *_ = eventually(lambda: pool.rows("started"))
    os.kill(pid, signal.SIGKILL)
    eventually(all_gone([helper]))


def test_children_that_die_at_once_are_started_more_and_more_slowly(pool: Pool) -> None:
    """An error at import does not make a busy loop, the supervisor stays, and it heals when the error does."""
    (pool.folder / "broken").write_text("1")
    with pool.inside(1) as (_, story):
        pool.wait_for_starts(5)
        pauses = [event.restart_in for event in story if event.name == "worker_died"]
        assert pauses[:4] == [0.0, 0.25, 0.5, 1.0]
        (pool.folder / "broken").unlink()
        *_, last = pool.wait_for_starts(6)
        eventually(lambda: alive(last))


@pytest.mark.parametrize("code", [2, 78])
def test_children_that_refuse_to_start_end_the_supervisor_with_their_code(pool: Pool, code: int) -> None:
    """Wrong usage or configuration is not cured by starting again."""
    (pool.folder / "broken").write_text(str(code))
    supervisor = pool.start(2)
    assert supervisor.wait() == code
    assert len(pool.pids()) <= 4
    assert "workers_refused" in supervisor.output


def test_a_refusal_does_not_end_children_that_run_well(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A configuration broken later keeps one child from coming back, and the rest at work."""
    monkeypatch.setattr("pipeline.engine.supervisor._SETTLED", 2.0)
    with pool.inside(2) as (supervisor, story):
        keeps, dies = pool.wait_for_starts(2)
        eventually(lambda: all(slot.settled for slot in supervisor._slots))
        (pool.folder / "broken").write_text("78")
        os.kill(dies, signal.SIGKILL)
        pool.wait_for_starts(6)
        assert alive(keeps)
        assert "workers_refused" not in [event.name for event in story]


def test_a_hangup_replaces_the_children_one_by_one(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    """SIGHUP loads new code, and the next child goes only when the one before has settled."""
    monkeypatch.setattr("pipeline.engine.supervisor._SETTLED", 0.5)
    moments: list[tuple[str, float]] = []
    with pool.inside(3, lambda event: moments.append((event.name, time.monotonic()))) as (supervisor, _):
        first = pool.wait_for_starts(3)
        supervisor._inbox.put(signal.SIGHUP)
        eventually(all_gone(first), timedelta(seconds=20))
        pool.wait_for_starts(6)
    names, times = zip(*moments[3:9], strict=True)
    assert list(names) == ["worker_died", "worker_started"] * 3
    assert times[2] - times[1] >= 0.5
    assert times[4] - times[3] >= 0.5


def test_it_runs_in_another_thread_and_stops_when_told(pool: Pool) -> None:
    """No signal handler is touched; stop() from anywhere ends it."""
    before = signal.getsignal(signal.SIGTERM)
    with pool.inside(2):
        pids = pool.wait_for_starts(2)
        assert signal.getsignal(signal.SIGTERM) is before
    assert all_gone(pids)()
    assert len(pool.rows("finished")) == 2


def test_an_idle_supervisor_does_nothing(pool: Pool) -> None:
    """Nothing polls: after its children have settled it uses no processor time at all."""
    supervisor = pool.start(2)
    pids = pool.wait_for_starts(2)
    assert alive(pids[0])
    stat = Path(f"/proc/{supervisor.pid}/status")
    if not stat.exists():
        pytest.skip("counts context switches in /proc, which this system has not")

    def switches() -> int:
        lines = stat.read_text().splitlines()
        return sum(int(line.split()[1]) for line in lines if "ctxt_switches" in line)

    def quiet() -> bool:
        before = switches()
        time.sleep(1)
        return switches() == before

    eventually(quiet, timedelta(seconds=15))

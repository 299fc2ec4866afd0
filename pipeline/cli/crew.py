"""The worker processes of one command: started beside it, gone with it."""

from __future__ import annotations

import sys
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Self

from pipeline.engine.supervisor import Supervisor, WorkerEvent
from pipeline.errors import ResourceExhausted, Unavailable

if TYPE_CHECKING:
    from pipeline.settings import Settings

#: How long its workers let a run go on when the command stops: by then its own runs have ended, or were cancelled.
GRACE = timedelta(seconds=5)

#: Log files of former commands that are kept.
LOGS_KEPT = 20

_DEATHS_EACH = 3  # deaths of every process, with no run going forward in between, before the crew counts as lost
_TAIL_LINES = 12


class Crew:
    """Worker processes under a supervisor of their own, in a thread; leaving the block ends them all."""

    def __init__(self, settings: Settings, *, log: Path | None) -> None:
        self._log = log
        self._deaths = 0
        self._last_code: int | None = None
        self._limit = _DEATHS_EACH * settings.processes
        self._processes = settings.processes
        self._grace = min(GRACE, settings.shutdown_grace)
        self._threads = settings.threads
        self._problem: BaseException | None = None
        self._supervisor: Supervisor | None = None
        self._thread: threading.Thread | None = None
        self._file = None if log is None else log.open("ab")

    def __enter__(self) -> Self:
        self._supervisor = Supervisor(
            [sys.executable, "-m", "pipeline.engine.worker", "--threads", str(self._threads)],
            processes=self._processes,
            grace=self._grace + timedelta(seconds=3),
            env={"DRAMATURG_SHUTDOWN_GRACE": str(self._grace.total_seconds())},
            output=2 if self._file is None else self._file.fileno(),
            on_event=self._note,
            reporting=True,
        )
        self._thread = threading.Thread(target=self._supervise, args=(self._supervisor,), name="crew")
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.hurry()
        if self._thread is not None:
            self._thread.join()
        if self._file is not None:
            self._file.close()

    def hurry(self) -> None:
        """Ask the workers to stop; asked a second time they are killed."""
        if self._supervisor is not None:
            self._supervisor.stop()

    def goes_on(self) -> None:
        """Note that a run went forward: deaths before it are no sign of a crew that cannot work."""
        self._deaths = 0

    def check(self) -> None:
        """Raise ``Unavailable``, with the end of their log, if the workers keep dying."""
        if self._problem is not None:
            raise Unavailable(f"The workers cannot be started: {self._problem}") from self._problem
        ended = self._thread is not None and not self._thread.is_alive()
        if not ended and self._deaths < self._limit:
            return
        code = "" if self._last_code is None else f" (the last one with {_told(self._last_code)})"
        where = "" if self._log is None else f" The end of {self._log}:\n{_tail(self._log)}"
        raise Unavailable(f"The workers keep ending{code} before any work is done.{where}")

    def _supervise(self, supervisor: Supervisor) -> None:
        try:
            supervisor.run()
        except Exception as problem:  # noqa: BLE001 - it is raised again by check(), in the command's own thread
            self._problem = problem

    def _note(self, event: WorkerEvent) -> None:
        if event.name in {"worker_died", "workers_refused"}:
            self._deaths += 1
            self._last_code = event.code


def new_log(folder: Path) -> Path:
    """Give the path of a new log file in ``folder``, and remove the oldest ones; raises ``ResourceExhausted``."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for old in sorted(folder.glob("study-*.log"))[: -LOGS_KEPT + 1]:
            old.unlink(missing_ok=True)
        path = folder / f"study-{datetime.now(UTC):%Y%m%d-%H%M%S-%f}.log"
        path.touch(mode=0o600)
    except OSError as error:
        raise ResourceExhausted(f"{folder} cannot be written: {error.strerror}. Set DRAMATURG_HOME.") from error
    return path


@contextmanager
def logging_to(log: Path | None, settings: Settings) -> Iterator[None]:
    """Let the lines that the command itself logs go to a file, or to stderr; all are written when the block ends."""
    from pipeline import logs

    with ExitStack() as stack:
        stream = sys.stderr if log is None else stack.enter_context(log.open("a", encoding="utf-8"))
        logs.configure(settings.log_level, settings.log_format, secrets=settings.secrets(), stream=stream)
        stack.callback(logs.flush)  # before the file is closed
        yield


def _told(code: int) -> str:
    return f"exit code {code}" if code >= 0 else f"signal {-code}"


def _tail(log: Path) -> str:
    with log.open(encoding="utf-8", errors="replace") as lines:
        return "".join(deque(lines, maxlen=_TAIL_LINES)).rstrip()

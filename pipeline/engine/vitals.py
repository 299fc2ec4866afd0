"""What a worker process says of itself to its supervisor: a line a second, through a pipe that only the two have.

The supervisor answers probes from it. A process whose threads are all busy with Python code takes a second to answer
for itself, and one that hangs never does; its supervisor knows both, and is never busy.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any, NamedTuple

import orjson
import structlog

#: The environment variable that tells a child which descriptor to write to.
VITALS = "DRAMATURG_VITALS_FD"

#: How often a worker reports.
EVERY = timedelta(seconds=1)

#: The longest line: what a pipe takes whole, or not at all.
_LONGEST = 4096

log = structlog.get_logger(__name__)


class Report(NamedTuple):
    """One line: whether the worker has come up, whether it is stopping, and what fails in it, by question."""

    started: bool
    stopping: bool
    livez: Mapping[str, str]
    readyz: Mapping[str, str]


class Vitals:
    """The child's end of the pipe. Reports go nowhere in a process that was not given one."""

    def __init__(self) -> None:
        name = os.environ.pop(VITALS, None)  # what this process starts is not the supervisor's
        self._to = None if name is None else int(name)
        if self._to is not None:
            os.set_inheritable(self._to, False)
            os.set_blocking(self._to, False)

    def report(self, report: Report) -> None:
        """Write a line; where the supervisor does not read, or is gone, it is lost."""
        if self._to is None:
            return
        line = orjson.dumps(report._asdict()) + b"\n"
        if len(line) > _LONGEST:
            line = orjson.dumps(_shortened(report)._asdict()) + b"\n"
        with suppress(BlockingIOError, BrokenPipeError):  # the lifeline tells what that means
            os.write(self._to, line)


def _shortened(report: Report) -> Report:
    livez, readyz = ({name: why[:60] for name, why in list(told.items())[:8]} for told in (report.livez, report.readyz))
    return report._replace(livez=livez, readyz=readyz)


class Heard:
    """The supervisor's end: the last report of one child, and when it came; ``changed`` is called when it says another.

    Times are of ``time.monotonic()``. Whoever reads it takes no lock.
    """

    def __init__(self, changed: Callable[[], object]) -> None:
        reading, self.writing = os.pipe()
        self._reading = reading
        self._changed = changed
        self.report: Report | None = None
        self.at = time.monotonic()

    def begin(self) -> None:
        """Listen, in a thread, until nobody can write any more."""
        threading.Thread(target=self._listen, name="worker-vitals", daemon=True).start()

    def close_writing(self) -> None:
        """Leave the writing to the child."""
        os.close(self.writing)

    def forget(self) -> None:
        """Close both ends: no child was started."""
        os.close(self._reading)
        os.close(self.writing)

    def silent(self, now: float) -> float:
        """Give for how many seconds nothing was heard."""
        return now - self.at

    def _listen(self) -> None:
        with open(self._reading, "rb", buffering=_LONGEST) as lines:  # noqa: PTH123 - a descriptor
            for line in lines:
                try:
                    told: dict[str, Any] = orjson.loads(line)
                    report = Report(**told)
                except (ValueError, TypeError) as error:
                    log.warning("report_unreadable", why=str(error))
                    continue
                before, self.report = self.report, report
                self.at = time.monotonic()
                if report != before:
                    self._changed()

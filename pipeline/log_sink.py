"""Where log lines go: written in groups, so that a thread that logs does not wait for the disk or the pipe."""

from __future__ import annotations

import atexit
import threading
import time
from collections import deque
from datetime import timedelta
from typing import BinaryIO

#: How long a line below a warning may wait for company.
LINGER = timedelta(milliseconds=20)


class LogSink:
    """Takes finished lines. Warnings and worse are written at once, and everything before them; the rest soon.

    A write gives up the interpreter's lock, and in a busy process a thread waits longest to get it back: one write a
    line was a third of the time of a short job. A process that is killed loses the lines of the last 20 ms.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._lines: deque[bytes] = deque()
        self._writing = threading.Lock()
        self._arrived = threading.Event()
        self._writer: threading.Thread | None = None
        atexit.register(self.flush)

    def info(self, line: bytes) -> None:
        """Take a line that can wait."""
        self._lines.append(line)
        if self._writer is None:
            self._start()
        if not self._arrived.is_set():
            self._arrived.set()

    def warning(self, line: bytes) -> None:
        """Write a line now."""
        self._lines.append(line)
        self.flush()

    debug = msg = info
    warn = error = err = critical = fatal = exception = failure = warning

    def flush(self) -> None:
        """Write what has been taken so far."""
        with self._writing:
            lines = [self._lines.popleft() for _ in range(len(self._lines))]
            if lines and not self._file.closed:  # what comes after the end of a command's log has no place to go
                self._file.write(b"\n".join([*lines, b""]))
                self._file.flush()

    def _start(self) -> None:
        self._writer = threading.Thread(target=self._write, name="log-writer", daemon=True)
        self._writer.start()

    def _write(self) -> None:
        while True:
            self._arrived.wait()
            time.sleep(LINGER.total_seconds())  # company
            self._arrived.clear()
            self.flush()

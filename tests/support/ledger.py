"""What really happened, written down outside Redis: an append-only SQLite file that every process writes to.

It stands for the outside world: a row was done and cannot be undone, whatever the engine thinks of it.
"""

import os
import sqlite3
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

#: The environment variable through which worker processes find the ledger of their test.
LEDGER_PATH = "TEST_LEDGER"

_OPENING = timedelta(seconds=30)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS entry (
    id INTEGER PRIMARY KEY AUTOINCREMENT, what TEXT NOT NULL, run TEXT NOT NULL, step TEXT NOT NULL,
    attempt INTEGER NOT NULL, fence INTEGER NOT NULL, key TEXT NOT NULL, worker INTEGER NOT NULL, at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS accepted (id INTEGER PRIMARY KEY AUTOINCREMENT, run TEXT NOT NULL, at REAL NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened; ``what`` is the test's word: started, done, effect ..."""

    what: str
    run: str
    step: str
    attempt: int
    fence: int
    key: str
    worker: int
    at: float


class Ledger:
    """The ledger kept at ``path``; safe to use from all threads and processes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._open = threading.local()

    @property
    def env(self) -> dict[str, str]:
        """What a worker process needs in its environment for ``record()``."""
        return {LEDGER_PATH: str(self.path)}

    def record(self, what: str, run: str, *, step: str = "", attempt: int = 0, fence: int = 0, key: str = "") -> None:
        """Write down that something happened; it survives the death of the process the moment this returns."""
        row = (what, run, step, attempt, fence, key, os.getpid(), time.time())
        self._connection().execute(
            "INSERT INTO entry (what, run, step, attempt, fence, key, worker, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row
        )

    def accept(self, runs: Iterable[str]) -> None:
        """Write down that ``send`` promised these runs."""
        now = time.time()
        connection = self._connection()
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT INTO accepted (run, at) VALUES (?, ?)", ((run, now) for run in runs))
        connection.execute("COMMIT")

    def entries(self, *, what: str | None = None, run: str | None = None) -> list[Entry]:
        """Everything written down so far, in order; only ``what`` and only ``run`` if given."""
        rows = self._connection().execute(
            "SELECT what, run, step, attempt, fence, key, worker, at FROM entry"
            " WHERE (?1 IS NULL OR what = ?1) AND (?2 IS NULL OR run = ?2) ORDER BY id",
            (what, run),
        )
        return [Entry(*row) for row in rows]

    def count(self, what: str) -> int:
        """How many entries say ``what``; cheap enough to wait on."""
        (number,) = self._connection().execute("SELECT count(*) FROM entry WHERE what = ?", (what,)).fetchone()
        return int(number)

    def accepted(self) -> list[str]:
        """The runs that ``send`` promised, in order, one more time for each time it was promised."""
        return [run for (run,) in self._connection().execute("SELECT run FROM accepted ORDER BY id")]

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._open, "connection", None)
        if connection is None or self._open.pid != os.getpid():
            connection = sqlite3.connect(self.path, timeout=30, isolation_level=None)
            _write_ahead(connection)
            connection.execute("PRAGMA synchronous = OFF")  # processes are killed here, not machines
            connection.executescript(_SCHEMA)
            self._open.connection, self._open.pid = connection, os.getpid()
        return connection


def _write_ahead(connection: sqlite3.Connection) -> None:
    # SQLite does not wait, whatever its timeout, while somebody else switches the mode or leaves as the last one.
    end = time.monotonic() + _OPENING.total_seconds()
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > end:
                raise
            time.sleep(0.01)
        else:
            return


def record(what: str, run: str, *, step: str = "", attempt: int = 0, fence: int = 0, key: str = "") -> None:
    """Write to the ledger of the test that started this worker process."""
    here().record(what, run, step=step, attempt=attempt, fence=fence, key=key)


def here() -> Ledger:
    """The ledger of the test that started this worker process."""
    global _ledger  # noqa: PLW0603 - one a process, opened at the first entry
    if _ledger is None or str(_ledger.path) != os.environ[LEDGER_PATH]:
        _ledger = Ledger(Path(os.environ[LEDGER_PATH]))
    return _ledger


_ledger: Ledger | None = None

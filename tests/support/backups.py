"""A small installation to back up: a Redis, a database, blobs, and a place for the backups."""

from __future__ import annotations

import hashlib
import os
import signal
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from actors.upkeep.backup.manifest import backups, read_manifest
from actors.upkeep.backup.place import open_place
from actors.upkeep.backup.restoring import Restored, restore
from actors.upkeep.backup.settings import BackupSettings
from actors.upkeep.backup.trying import try_all
from actors.upkeep.backup.work import Work, working
from actors.upkeep.backups import BackupReport, BackupRequest, backup_daily
from pipeline import sections
from pipeline.blobs import Blobs
from pipeline.installation import Installation, set_installation
from pipeline.settings import SecretUrl
from pipeline.testing import MemoryJournal, StillClock, run_inline


@dataclass
class Kept:
    """An installation under a folder; each backup is made a day after the one before."""

    folder: Path
    redis_url: str
    monkeypatch: pytest.MonkeyPatch
    database: str = ""
    clock: StillClock = field(default_factory=lambda: StillClock(datetime.now(UTC)))

    def __post_init__(self) -> None:
        self.blobs = Blobs(self.folder / "blobs")
        self.database = self.database or f"sqlite:///{self.folder / 'here.db'}"
        self.set(to=str(self.folder / "backups"), piece="65536")

    def set(self, **settings: str) -> None:
        for name, value in settings.items():
            self.monkeypatch.setenv(f"DRAMATURG_BACKUP_{name.upper()}", value)
        sections.forget()

    @property
    def installation(self) -> Installation:
        home = self.folder / "home"
        return Installation(SecretUrl(self.redis_url), "kept", SecretUrl(self.database), self.blobs, home)

    def fill_database(self, rows: int) -> None:
        with closing(sqlite3.connect(self.folder / "here.db")) as database:
            database.execute("CREATE TABLE IF NOT EXISTS notes (id INTEGER PRIMARY KEY, body TEXT)")
            database.executemany("INSERT INTO notes (body) VALUES (?)", [(f"note {n}" * 9,) for n in range(rows)])
            database.commit()

    def backup(self, *what: Any, journal: MemoryJournal | None = None) -> BackupReport:
        set_installation(self.installation)
        self.clock.forward(timedelta(days=1))
        request = BackupRequest(what=what) if what else BackupRequest()
        return run_inline(backup_daily, request, journal=journal or MemoryJournal(clock=self.clock)).result

    @contextmanager
    def work(self, **other: Any) -> Iterator[Work]:
        here = self.installation
        there = Installation(
            SecretUrl(other.get("redis_url", self.redis_url)),
            here.namespace,
            SecretUrl(other.get("database", self.database)),
            other.get("blobs", self.blobs),
            here.home,
        )
        with working(there) as work:
            yield work

    def names(self) -> list[str]:
        return list(backups(open_place(BackupSettings.current())))

    def files(self) -> dict[str, str]:
        """Every file of the place, with the hash of its content."""
        root = self.folder / "backups"
        found = (path for path in root.rglob("*") if path.is_file())
        return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}

    def verify(self, name: str) -> dict[str, Any]:
        with self.work() as work:
            return try_all(work, read_manifest(work.place, name))

    def restore(
        self, name: str, *, what: Any = ("blobs", "database", "redis"), force: Any = (), **other: Any
    ) -> Restored:
        ask = other.pop("ask", True)
        with self.work(**other) as work:
            return restore(work, read_manifest(work.place, name), what=what, force=force, ask=ask)


class DiskJournal(MemoryJournal):
    """A journal that outlives its process, as the one in Redis does."""

    def at(self, file: Path) -> DiskJournal:
        self._file = file
        if file.exists():
            told = orjson.loads(file.read_bytes())
            self.run_id = told.pop("~id")
            self.steps = {name: value.encode("latin-1") for name, value in told.items()}
        else:
            self._keep()
        return self

    def save_step(self, name: str, value: bytes, *, replace: bool = False) -> None:
        super().save_step(name, value, replace=replace)
        self._keep()

    def _keep(self) -> None:
        told = {"~id": self.run_id} | {name: value.decode("latin-1") for name, value in self.steps.items()}
        new = self._file.with_suffix(".new")
        new.write_bytes(orjson.dumps(told))
        new.replace(self._file)


#: What a backup does to the world around it, by the audit events of Python.
_DEEDS = (
    "open",
    "os.rename",
    "os.remove",
    "os.rmdir",
    "os.mkdir",
    "sqlite3.connect",
    "subprocess.Popen",
    "shutil.rmtree",
)


def in_child(deed: Any, *, killed_at: int = 0) -> tuple[int, int]:
    """Do something in a forked process that is killed just before its n-th deed; gives wait status and deeds."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        count = [0]

        def hook(event: str, arguments: tuple[Any, ...]) -> None:
            if event in _DEEDS and not (event == "open" and not _writes(arguments)):
                count[0] += 1
                if count[0] == killed_at:
                    os.kill(os.getpid(), signal.SIGKILL)

        code = 1
        try:
            sys.addaudithook(hook)
            deed()
            code = 0
        finally:
            os.write(writing, str(count[0]).encode())
            os._exit(code)
    os.close(writing)
    _, status = os.waitpid(pid, 0)
    with os.fdopen(reading, "rb") as told:
        return status, int(told.read() or b"0")


def _writes(arguments: tuple[Any, ...]) -> bool:
    return isinstance(arguments[0], str | os.PathLike) and isinstance(arguments[2], int) and bool(arguments[2] & 0o3)

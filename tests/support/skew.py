"""A wall clock for test processes that goes wrong: shifted from the start, or set back while they run."""

from __future__ import annotations

import shutil
import struct
import subprocess
from datetime import timedelta
from pathlib import Path

_SOURCE = Path(__file__).with_name("skew.c")


def can_skew() -> bool:
    """Whether there is a C compiler to build the shim with, on a system that loads it."""
    return shutil.which("cc") is not None and Path("/proc/self/maps").exists()


class Clock:
    """A wall clock that is wrong by ``offset``; processes started with ``env`` go by it, and follow ``shift``."""

    def __init__(self, folder: Path, name: str, offset: timedelta) -> None:
        library = folder / "skew.so"
        if not library.exists():
            subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", library, _SOURCE, "-ldl"], check=True)
        self._file = folder / f"{name}.clock"
        self._offset = offset
        self._file.write_bytes(_packed(offset))
        self.env = {"LD_PRELOAD": str(library), "TEST_CLOCK_OFFSET": str(self._file)}

    def shift(self, by: timedelta) -> None:
        """Let the clock jump, while processes read it."""
        self._offset += by
        with self._file.open("r+b") as file:
            file.write(_packed(self._offset))


def _packed(offset: timedelta) -> bytes:
    return struct.pack("=q", int(offset.total_seconds() * 1000))

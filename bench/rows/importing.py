"""The start of a program that only sends."""

from __future__ import annotations

import os
import subprocess
import sys

from bench.site import Site
from bench.size import Size
from tests.support.processes import ROOT


def measure(site: Site, size: Size) -> dict[str, list[float]]:
    """Milliseconds of processor time to import what a sender needs, beyond the interpreter's own start."""
    _cpu_seconds(site.peer.importing)  # compiles what was not
    samples = [_cpu_seconds(site.peer.importing) - _cpu_seconds("pass") for _ in range(size.imports)]
    return {"import_ms": [seconds * 1e3 for seconds in samples]}


def _cpu_seconds(program: str) -> float:
    process = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{program!r} fails")
    return used.ru_utime + used.ru_stime

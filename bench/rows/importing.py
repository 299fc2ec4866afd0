"""The start of a program that only sends."""

from __future__ import annotations

import os
import subprocess
import sys

from bench.site import Site
from bench.size import Size
from tests.support.processes import ROOT


def measure(site: Site, size: Size) -> dict[str, list[float]]:
    """Milliseconds of processor time beyond the interpreter's own start: importing, and importing and one send."""
    programs = {
        "import_ms": site.peer.importing,
        "first_send_ms": f"from bench.peers import {site.peer.name} as peer; peer.send('noop', [0])",
    }
    found: dict[str, list[float]] = {}
    for key, program in programs.items():
        _cpu_seconds(site, program)  # compiles what was not
        found[key] = [(_cpu_seconds(site, program) - _cpu_seconds(site, "pass")) * 1e3 for _ in range(size.imports)]
    return found


def _cpu_seconds(site: Site, program: str) -> float:
    process = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, env={**os.environ, **site.env})
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{program!r} fails")
    return used.ru_utime + used.ru_stime

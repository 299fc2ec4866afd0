"""The start of a program that only sends."""

from __future__ import annotations

import subprocess
import sys
import time

from bench.site import Site
from bench.size import Size
from tests.support.processes import ROOT


def measure(site: Site, size: Size) -> dict[str, list[float]]:
    """Milliseconds of importing what a sender needs, beyond the interpreter's own start."""
    _time(site.peer.importing)  # compiles what was not
    return {"import_ms": [(_time(site.peer.importing) - _time("pass")) * 1e3 for _ in range(size.imports)]}


def _time(program: str) -> float:
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)
    return time.monotonic() - began

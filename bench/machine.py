"""What the machine is, and how much of it some processes have used."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Iterable
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")


def describe() -> dict[str, str]:
    """The figures that a reader needs to compare with another machine."""
    model = ""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line.split(":", 1)[1].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        model = names[0] if names else ""
    return {
        "cores": str(os.cpu_count()),
        "processor": model or platform.processor() or platform.machine(),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
    }


def family(pid: int) -> list[int]:
    """The process and everything under it."""
    listing = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    children: dict[int, list[int]] = {}
    for line in listing.splitlines():
        child, parent = map(int, line.split())
        children.setdefault(parent, []).append(child)
    found = [pid]
    for member in found:
        found.extend(children.get(member, []))
    return found


def cpu_seconds(pids: Iterable[int]) -> float:
    """Processor time used so far by these processes; not a number where there is no /proc."""
    total = 0.0
    for pid in pids:
        stat = Path(f"/proc/{pid}/stat")
        if not Path("/proc/self/stat").exists():
            return float("nan")
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
        except FileNotFoundError:
            continue  # it ended in between
        total += (int(fields[11]) + int(fields[12])) / _TICK
    return total


def busy_seconds() -> float:
    """Processor time used so far by the whole machine."""
    stat = Path("/proc/stat")
    if not stat.exists():
        return float("nan")
    user, nice, system, _idle, _wait, irq, softirq, steal = map(int, stat.read_text().split("\n", 1)[0].split()[1:9])
    return (user + nice + system + irq + softirq + steal) / _TICK


def memory_mib(pids: Iterable[int]) -> float:
    """Proportional share of memory of these processes; not a number where the system does not tell."""
    total = 0
    for pid in pids:
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1024 if total else float("nan")

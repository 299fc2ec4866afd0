"""Metrics of several processes: the files that workers write to, one set for each of the supervisor's slots.

A successor in a slot goes on counting in the files of the one before it, so no counter goes back; what described a
process that is gone (its gauges) is removed with it. However many come and go, there are as many files as slots.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

#: The variable that says where the files are; it is prometheus-client's own.
FOLDER = "PROMETHEUS_MULTIPROC_DIR"

_restarts: Counter[str] = Counter(dict.fromkeys(("oom", "killed", "crashed", "stuck", "refused", "renewed"), 0))
_state = {"oom": 0}


def prepare(folder: Path) -> None:
    """Make an empty folder for the files of workers that are about to start; what was in it is another supervisor's."""
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob("*.db"):
        left.unlink()
    _state["oom"] = _oom_kills()


def forget_process(folder: Path, slot: int, reason: str | None = None) -> None:
    """Remove what described the process of a slot, which has ended; what it counted stays.

    With a ``reason`` (killed, crashed, stuck, refused, renewed) it is counted as one that is replaced; one that was
    killed while the kernel was short of memory counts as ``oom``.
    """
    for left in folder.glob(f"gauge_live*_{slot}.db"):
        left.unlink(missing_ok=True)
    if reason is not None:
        before, _state["oom"] = _state["oom"], _oom_kills()
        _restarts["oom" if reason == "killed" and _state["oom"] > before else reason] += 1


def restarts() -> dict[str, int]:
    """Give how many workers of this supervisor were replaced, by reason."""
    return dict(_restarts)


def adopt() -> None:
    """Write the metrics of this process to the files of its slot, if it is a worker of a supervisor.

    To be called before any metric is made. The lock keeps out what a worker starts itself and has the same environment.
    """
    folder, slot = os.environ.get(FOLDER), _slot()
    if not folder or not slot or _state.get("lock"):
        return
    from fcntl import LOCK_EX, LOCK_NB, flock

    from prometheus_client import values

    lock = os.open(Path(folder) / f"slot_{slot}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        flock(lock, LOCK_EX | LOCK_NB)
    except OSError:
        os.close(lock)
        values.ValueClass = values.MutexValue
        return
    _state["lock"] = lock  # held for as long as the process lives
    values.ValueClass = values.MultiProcessValue(lambda: slot)  # type: ignore[no-untyped-call] # the library has no types here


def slot_here() -> str:
    """Give the slot of this process: 0 for one without a supervisor."""
    return _slot() or "0"


def _slot() -> str | None:
    from pipeline.engine.lifeline import SLOT  # with it come logs, which a sender does without

    return os.environ.get(SLOT)


def _oom_kills() -> int:
    """Count what the kernel killed for want of memory, since it booted; 0 where it does not say."""
    try:
        told = Path("/proc/vmstat").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in told.splitlines() if line.startswith("oom_kill ")), 0)

"""A profiler that Python loads into every process which has this folder on its path.

Every thread gets a deterministic profile of its own, timed by the thread's processor clock: waiting costs nothing in
the report, in whichever call it happens. Watching makes small functions look dearer than they are, so the report says
where to look and the table says how fast it is. It is written anew every second to ``$BENCH_PROFILE/<pid>.json``,
because a process may be killed at any moment.
"""

from __future__ import annotations

import cProfile
import functools
import json
import os
import re
import sys
import threading
import time
from collections import defaultdict
from pathlib import Path
from types import CodeType

_profiles: list[tuple[str, cProfile.Profile]] = []


def _watch(*_event: object) -> None:
    sys.setprofile(None)  # the first event of a new thread brings us here; the profile itself takes over
    profile = cProfile.Profile(time.thread_time)
    _profiles.append((re.sub(r"[\d-]+", "", threading.current_thread().name), profile))
    profile.enable()


@functools.cache
def _name(code: CodeType | str) -> str:
    if isinstance(code, str):
        return code
    where = re.sub(r".*/(site-packages|python3\.\d+|main)/", "", code.co_filename)
    return f"{where}:{getattr(code, 'co_qualname', code.co_name)}"


def _report(folder: Path) -> None:
    while True:
        time.sleep(1)
        parts: dict[str, defaultdict[str, float]] = {
            part: defaultdict(float) for part in ("threads", "alone", "within", "calls")
        }
        for thread, profile in tuple(_profiles):  # threads are still starting
            for entry in profile.getstats():
                name = _name(entry.code)
                parts["threads"][thread] += entry.inlinetime
                parts["alone"][name] += entry.inlinetime
                parts["within"][name] += entry.totaltime
                parts["calls"][name] += entry.callcount
        unfinished = folder / f"{os.getpid()}.part"
        unfinished.write_text(json.dumps(parts))
        unfinished.replace(folder / f"{os.getpid()}.json")


def _start() -> None:
    threading.Thread(target=_report, args=(Path(os.environ["BENCH_PROFILE"]),), name="report", daemon=True).start()
    threading.setprofile(_watch)


if "BENCH_PROFILE" in os.environ:
    _start()
    os.register_at_fork(after_in_child=_start)

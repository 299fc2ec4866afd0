"""A scenario in which workers' clocks are wrong, and one jumps back (R24): only the time of Redis counts."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from pipeline import Event, Send
from tests.actors.plain import Nap, Trouble, nap, stumble
from tests.actors.stepped import Laps, Walk, laps
from tests.chaos.stage import Report, Stage
from tests.support.skew import Clock
from tests.support.waiting import eventually

#: How wrong the clocks of the workers are.
OFFSETS = {"ahead": timedelta(minutes=5), "behind": timedelta(minutes=-5), "jumping": timedelta(0)}

#: How far the one clock jumps.
JUMP = timedelta(seconds=-60)


def skewed(here: Stage, *, runs: int, window: tuple[float, float], late: timedelta, settled: timedelta) -> Report:
    """R24: delayed runs, retries and leases under clocks minutes apart: none early, none late, none taken over."""
    report = Report()
    clocks = {name: Clock(here.folder, name, offset) for name, offset in OFFSETS.items()}
    told = {name: _told(here, clock) for name, clock in clocks.items()}
    for clock in clocks.values():
        here.worker(threads=3, lease=2, env=clock.env)
    long = int(window[1] / 0.25) + 8  # from the first delayed run past the last, and past several leases
    busy = here.accept(laps.send_many([Laps(count=long, walk=Walk(seconds=0.2))] * 3))
    step = (window[1] - window[0]) / runs
    delays = [timedelta(seconds=window[0] + n * step) for n in range(runs)]
    ids = here.accept(nap.send_many([Send(payload=Nap(), delay=delay) for delay in delays]))
    due = here.due(ids)
    failing = here.accept(stumble.send_many([Trouble(times=2)] * 3))
    eventually(lambda: time.time() > due[ids[runs // 2]], timedelta(seconds=window[1] + 10))
    clocks["jumping"].shift(JUMP)
    states = here.settle([*ids, *busy, *failing], settled)
    events = {run: list(here.inspector.events(run, follow=False)) for run in states}
    started = {run: next(e.at_ms for e in events[run] if e.event == "started") / 1000 for run in ids}
    lateness = {run: started[run] - due[run] for run in ids}
    early = [run for run, seconds in lateness.items() if seconds < 0]
    tried = [_waits(events[run]) for run in failing]
    taken = [run for run in events if any(event.event == "stalled" for event in events[run])]
    workers = {str((here.inspector.show(run) or {}).get("worker")) for run in ids}
    report.figures = {"clocks": told, "runs": runs, "early": len(early), "latest_s": round(max(lateness.values()), 2)}
    report.figures |= {"taken over": len(taken), "workers": len(workers)}
    report.expect(f"the clocks are wrong: {told}", [round(told[name], -1) for name in OFFSETS] == [300, -300, 0])
    report.expect(f"all complete: {states}", set(states.values()) == {"completed"})
    report.expect(f"none is early: {early[:3]}", not early)
    latest = max(lateness.values())
    report.expect(f"none is over {late} late: {latest:.2f}", latest <= late.total_seconds())
    on_time = all(-0.002 <= wait <= late.total_seconds() for waits in tried for wait in waits)
    report.expect(f"retries wait as long as they were told to: {tried}", on_time)
    report.expect(f"no live worker loses a run: {taken}", not taken)
    return report


def _told(here: Stage, clock: Clock) -> float:
    """Give by how many seconds a process is wrong that goes by the clock."""
    asked = here.running.python("-c", "import time; print(time.time())", env=clock.env)
    asked.wait(timedelta(seconds=20))
    return round(float(asked.output) - datetime.now(UTC).timestamp(), 1)


def _waits(events: list[Event]) -> list[float]:
    """Give for each retry by how much it began after the moment it was due."""
    waits, due = [], None
    for event in events:
        if event.event == "retrying":
            due = event.at_ms + event.data["delay_ms"]
        elif event.event == "started" and due is not None:
            waits.append((event.at_ms - due) / 1000)
    return waits

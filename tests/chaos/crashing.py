"""Scenarios in which a worker is killed before and after each of its calls to Redis."""

from __future__ import annotations

import random
from datetime import timedelta

from tests.actors.chained import Order, tally
from tests.chaos.stage import Report, Stage
from tests.support.processes import Process
from tests.support.proxy import Command, Fault, Proxy

#: The calls that change a run.
_WRITES = frozenset({"claim", "save_checkpoint", "commit", "report_progress"})


def crash_points(here: Stage, *, words: int, share: float, seed: int, lease: float = 1) -> Report:
    """R11: in a flow that fans out, the worker is killed before and after each call; the result stays the same."""
    report, named = Report(), here.digests()
    order = Order(words=["abc"[: n + 1] for n in range(words)])
    expected = [len(word) for word in order.words]
    with Proxy(here.url) as between:
        killer = _Killer(named)
        between.on_command = killer
        spare = here.worker(url=between.url, threads=2, lease=lease)
        calm = tally.send(order)
        assert calm.result(timedelta(seconds=20)).lengths == expected
        calls = killer.count
        points = [(n, when) for n in range(1, calls + 1) for when in ("before", "after")]
        chosen = sorted(random.Random(seed).sample(points, max(1, int(len(points) * share))))
        for number, when in chosen:
            victim, spare = spare, here.worker(url="", threads=2, lease=lease, ready=False)
            killer.arm(number, when, victim)
            flow = tally.send(order)
            ids = here.accept(flow.runs.values())
            spare.wait_for_output("worker_ready")
            states = here.settle(ids, timedelta(seconds=20))
            where = f"{when} {number} {killer.struck}"
            report.expect(f"{where}: {states}", set(states.values()) == {"completed"})
            if set(states.values()) == {"completed"}:
                result = flow.result(timedelta(seconds=5))
                report.expect(f"{where}: {result}", result.lengths == expected)
            report.expect(f"{where}: the last node ends once", here.events_of(ids[-1]).count("completed") == 1)
            report.expect(f"{where}: the flow is {flow.state()}", flow.state() == "completed")
            if victim.alive:
                victim.kill()
            spare.kill()
            killer.arm(0, "", None)
            spare = here.worker(url=between.url, threads=2, lease=lease)
    findings = here.findings()
    report.figures = {"calls": calls, "points": len(chosen), "accepted": findings.accepted, "lost": len(findings.lost)}
    report.figures |= {"steps repeated": len(findings.repeated), "effects tried again": len(findings.doubled)}
    # An effect between the last step and the commit is tried again when the worker dies there, under the same key.
    unwanted = findings.lost or findings.forgotten or findings.stale or findings.pending
    report.expect(f"nothing lost, no finished step begun again: {findings}", not unwanted)
    report.expect("at most two steps repeated a kill", len(findings.repeated) <= 2 * len(chosen))
    report.expect("at most one effect tried again a kill", len(findings.doubled) <= len(chosen))
    return report


class _Killer:
    """Counts the calls that change a run, and kills the worker before or after the n-th."""

    def __init__(self, named: dict[str, str]) -> None:
        self._named = named
        self._left, self._when = 0, ""
        self._victim: Process | None = None
        self.count = 0
        self.struck = ""

    def arm(self, number: int, when: str, victim: Process | None) -> None:
        self._left, self._when, self._victim, self.struck = number, when, victim, ""

    def __call__(self, command: Command) -> Fault | None:
        script = self._named.get(command.words[1].decode(errors="replace"), "") if len(command.words) > 1 else ""
        if script not in _WRITES:
            return None
        self.count += 1
        if self._victim is None or self.struck:
            return None
        self._left -= 1
        if self._left > 0:
            return None
        self.struck = script
        self._victim.kill()
        return Fault.LOSE_REQUEST if self._when == "before" else Fault.LOSE_REPLY

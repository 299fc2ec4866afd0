"""Looks at the system that runs: workers, queues and the runs in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from pipeline.doctor.backlog import check_backlog
from pipeline.doctor.schedules import check_schedules
from pipeline.doctor.words import a_few, long
from pipeline.engine.gates import Gates
from pipeline.engine.running_system import SILENT_MS, RunningSystem, SeenQueue, SeenWorker
from pipeline.engine.store import Store
from pipeline.finding import Finding
from pipeline.settings import Settings

#: A worker's clock may differ from that of Redis by so much.
AHEAD_MS = 2_000

#: A pause is forgotten, as a rule, after so long.
PAUSED_MS = 3_600_000

#: So long there may be no worker at all.
MOMENT_MS = 60_000

#: A run may take so many times its limit, and a minute: a limit grows with each attempt that met it.
PATIENCE = 4

_START = "Start one: dramaturg worker."


def check_running(store: Store, settings: Settings) -> Iterator[Finding]:
    """Say how the deployment does that uses a Redis; raises ``Unavailable``."""
    system = RunningSystem(store)
    now_ms = system.now_ms()
    workers = system.workers(now_ms)
    alive = [one for one in workers if one.silent_ms <= SILENT_MS]
    queues = system.queues(now_ms)
    yield from _workers(alive, [one for one in workers if one.silent_ms > SILENT_MS], queues)
    yield from _code(alive)
    yield from _clocks(alive)
    yield from _queues(queues, alive)
    yield from _paused(Gates(store).paused(), now_ms)
    yield from _runs(system, now_ms, alive, settings)
    yield from check_schedules(store, now_ms)
    yield from check_backlog(store, system, settings, now_ms)


def _workers(alive: list[SeenWorker], silent: list[SeenWorker], queues: dict[str, SeenQueue]) -> Iterator[Finding]:
    for one in silent:
        what = f"The worker {one.id} was last heard of {long(one.silent_ms)} ago, and did not say that it stops."
        mend = "See its log, and whether its machine reaches Redis; what it had goes on in another worker."
        yield Finding("warning", what, mend, "workers.silent")
    waiting = sum(queue.ready for queue in queues.values())
    if alive:
        yield Finding("ok", f"{len(alive)} worker processes are at work.", check="workers.alive")
    elif waiting:
        # For a moment there may be none: in a deploy, or before the first start.
        oldest_ms = max(queue.oldest_ms for queue in queues.values())
        what = f"No worker is running, and {waiting:,} runs wait, the oldest for {long(oldest_ms)}."
        yield Finding("error" if oldest_ms > MOMENT_MS else "warning", what, _START, "workers.alive")
    elif queues:
        yield Finding("warning", "No worker is running; nothing waits for one.", _START, "workers.alive")
    else:
        yield Finding("ok", "No worker is running, and nothing was ever sent.", check="workers.alive")


def _code(alive: list[SeenWorker]) -> Iterator[Finding]:
    versions = Counter(one.version for one in alive if one.version)
    codes = Counter(one.code for one in alive if one.code)
    shown = a_few(f"{count} of {name}" for name, count in versions.most_common())
    if len(versions) > 1:
        mend = "Finish the deploy: restart the older ones."
        yield Finding("warning", f"Workers of several versions of dramaturg run: {shown}.", mend, "workers.version")
    elif versions:
        yield Finding("ok", f"All workers are of version {next(iter(versions))} of dramaturg.", check="workers.version")
    if len(codes) > 1:
        shown = a_few(f"{count} with {name}" for name, count in codes.most_common())
        mend = "Right while a deploy is on; otherwise restart the older ones."
        yield Finding("warning", f"Workers run different code of their actors: {shown}.", mend, "workers.code")
    elif codes:
        yield Finding(
            "ok", f"All workers run the same code of their actors, {next(iter(codes))}.", check="workers.code"
        )


def _clocks(alive: list[SeenWorker]) -> Iterator[Finding]:
    by_host = {one.host: one.ahead_ms for one in alive if one.ahead_ms is not None}
    for host, ahead_ms in sorted(by_host.items()):
        if abs(ahead_ms) > AHEAD_MS:
            way = "ahead of" if ahead_ms > 0 else "behind"
            what = f"The clock of {host}, where a worker runs, is {abs(ahead_ms) / 1000:.1f} s {way} that of Redis."
            yield Finding("warning", what, "Let both keep time by NTP: timedatectl set-ntp true.", "clock.workers")


def _queues(queues: dict[str, SeenQueue], alive: list[SeenWorker]) -> Iterator[Finding]:
    served = {queue for one in alive for queue in one.queues or ()}
    secretive = any(one.queues is None for one in alive)  # an older version, or one that just began
    for name, queue in queues.items():
        waiting = queue.ready + queue.held
        if waiting and alive and not secretive and name not in served:
            what = (
                f"Nobody serves the queue {name}, in which {waiting:,} runs wait, the oldest {long(queue.oldest_ms)}."
            )
            mend = f"Start a worker that has its actors: dramaturg worker MODULE --queues {name}."
            yield Finding("error", what, mend, "queues.served")
    behind = {name: queue for name, queue in queues.items() if queue.oldest_ms > PAUSED_MS and name in served}
    for name, queue in behind.items():
        what = (
            f"The oldest run of the queue {name} could have started {long(queue.oldest_ms)} ago; {queue.ready:,} wait."
        )
        mend = "Start more workers, or look whether it is paused: dramaturg queues."
        yield Finding("warning", what, mend, "queues.age")
    if queues and not behind:
        total = sum(queue.ready for queue in queues.values())
        yield Finding("ok", f"{total:,} runs wait in {len(queues)} queues.", check="queues.age")


def _paused(paused: dict[str, int], now_ms: int) -> Iterator[Finding]:
    for what, since_ms in paused.items():
        kind, _, name = what.partition(":")
        told = f"The {kind} {name} has been paused for {long(now_ms - since_ms)}."
        option = name if kind == "queue" else f"--{kind} {name}"
        level = "warning" if now_ms - since_ms > PAUSED_MS else "ok"
        yield Finding(level, told, f"When that is over: dramaturg queues resume {option}.", "queues.paused")  # type: ignore[arg-type] # one of the levels


def _runs(system: RunningSystem, now_ms: int, alive: list[SeenWorker], settings: Settings) -> Iterator[Finding]:
    lease_ms = int(settings.lease.total_seconds() * 1000)
    limits: dict[str, float] = {}
    for one in alive:
        for queue, limit_s in (one.queues or {}).items():
            limits[queue] = max(limit_s, limits.get(queue, 0))
    count, runs = system.running(now_ms)
    stuck = [run for run in runs if run.running_ms > PATIENCE * 1000 * limits.get(run.queue, 1e9) + 60_000]
    for run in stuck[:5]:
        what = f"The run {run.id} of {run.actor} has run for {long(run.running_ms)}, far beyond its time limit."
        mend = f"Look at it, then stop it: dramaturg runs show {run.id}; dramaturg runs cancel {run.id}."
        yield Finding("warning", what, mend, "runs.stuck")
    overdue = system.overdue(now_ms, 3 * lease_ms + 10_000)
    swept_ms = system.swept_ms()
    if overdue:
        what = f"{overdue:,} runs are held by workers that are gone, and nobody takes them up."
        yield Finding("error", what, _START if not alive else "See the logs of the workers.", "runs.abandoned")
    elif alive and swept_ms is not None and now_ms - swept_ms > 3 * lease_ms + 10_000:
        what = f"Nobody has looked for what dead workers held for {long(now_ms - swept_ms)}."
        yield Finding("error", what, "See the logs of the workers.", "runs.abandoned")
    if alive and (late := system.overdue_delayed(now_ms, 60_000)):
        what = f"{late:,} delayed runs have been due for more than a minute and stand in no line."
        yield Finding("error", what, "See the logs of the workers.", "runs.late")
    if not stuck and not overdue:
        yield Finding("ok", f"{count:,} runs are in the hands of workers.", check="runs.stuck")

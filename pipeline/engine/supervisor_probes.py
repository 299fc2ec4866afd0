"""What a supervisor answers to probes: for itself, for its children one by one, and for all of them together."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from pipeline.probes.checks import Answer, Question, Route, routes
from pipeline.probes.metrics_page import metrics_route
from pipeline.probes.pulse import SILENCE
from pipeline.probes.serving import serve
from pipeline.probes.settings import ProbesSettings
from pipeline.probes.systemd import Systemd

if TYPE_CHECKING:
    from pipeline.engine.child import Child
    from pipeline.engine.redis_watch import RedisWatch
    from pipeline.engine.store import Store
    from pipeline.engine.supervisor import Supervisor, WorkerEvent

#: A worker of which nothing was heard for so long is given no work in mind; its runs are another's soon.
UNHEARD = timedelta(seconds=6)

_CHECKS: Mapping[Question, tuple[str, ...]] = {
    "livez": ("process", "loop", "threads", "limits"),
    "readyz": ("process", "loop", "starting", "draining", "threads", "limits", "consumers", "redis"),
    "startupz": ("process", "starting"),
}


class SupervisorProbes:
    """Answers from what the supervisor knows and its children reported; nothing is waited for, and no lock is taken."""

    def __init__(self, supervisor: Supervisor, watch: RedisWatch) -> None:
        self._supervisor = supervisor
        self._watch = watch
        self._up: set[int] = set()

    def ports(self, metrics: Route) -> list[Mapping[str, Route]]:
        """Give what is answered at the supervisor's port, and then at that of each child."""
        own: dict[Question, Callable[[], Answer]] = {
            "livez": self.livez,
            "readyz": lambda: self.together("readyz"),
            "startupz": lambda: self.together("startupz"),
        }
        return [{**routes(own), "/metrics": metrics}, *(self._of(child) for child in self._supervisor.children)]

    def _of(self, child: Child) -> dict[str, Route]:
        answers: dict[Question, Callable[[], Answer]] = {
            "livez": lambda: self.child("livez", child),
            "readyz": lambda: self.child("readyz", child),
            "startupz": lambda: self.child("startupz", child),
        }
        return routes(answers)

    def livez(self) -> Answer:
        """Say whether the supervisor itself goes on; what its children do is its work, and not its life."""
        silent = time.monotonic() - self._supervisor.turned_at
        still = {"loop": f"the supervisor has done nothing for {silent:.0f} s"}
        return Answer(("loop",), still if silent > SILENCE.total_seconds() else {})

    def together(self, question: Question) -> Answer:
        """Say whether at least one child is ready, or was once, and what fails in each."""
        each = [(child, self.child(question, child)) for child in self._supervisor.children]
        failing: dict[str, str] = {}
        if question == "readyz" and self._supervisor.stopping:
            failing["draining"] = "it is stopping: it claims nothing more"
        if not any(answer.ok for _, answer in each):
            names = sorted({name for _, answer in each for name in answer.failing})
            failing["workers"] = f"none of {len(each)} is ready: {', '.join(names)}"
        workers = [
            {"slot": child.index, "pid": child.pid, "ok": answer.ok, "failing": answer.failing}
            for child, answer in each
        ]
        checks = ("draining", "workers") if question == "readyz" else ("workers",)
        return Answer(checks, failing, {"workers": workers})

    def child(self, question: Question, child: Child) -> Answer:
        """Say what fails in one child."""
        failing = self._alive(child) if question != "startupz" else {}
        if question == "startupz":
            failing = self._started(child)
        elif question == "readyz":
            failing |= self._able(child)
        return Answer(_CHECKS[question], failing)

    def _alive(self, child: Child) -> dict[str, str]:
        heard, now = child.heard, time.monotonic()
        if heard is None:
            wait = max(0.0, (child.start_at or now) - now)
            return {"process": "it has ended" if self._supervisor.stopping else f"none: one starts in {wait:.0f} s"}
        report, silent = heard.report, heard.silent(now)
        failing = dict(report.livez) if report is not None else {}
        if silent > SILENCE.total_seconds():
            failing["loop"] = f"nothing was heard of it for {silent:.0f} s"
        return failing

    def _able(self, child: Child) -> dict[str, str]:
        heard = child.heard
        if heard is None:
            return {}
        report, silent = heard.report, heard.silent(time.monotonic())
        failing = dict(report.readyz) if report is not None else {"starting": "nothing was heard of it yet"}
        if silent > UNHEARD.total_seconds():
            failing["loop"] = f"nothing was heard of it for {silent:.0f} s"
        if child.kill_at is not None:
            failing["draining"] = "it was asked to stop: it claims nothing more"
        redis = self._watch.check()
        return failing if redis is None else {**failing, "redis": redis}

    def _started(self, child: Child) -> dict[str, str]:
        if child.index in self._up:
            return {}
        if child.up and self._watch.check() is None:
            self._up.add(child.index)
            return {}
        return self._alive(child) or {"starting": "it has not been ready yet"}


@contextmanager
def supervised(supervisor: Supervisor, store: Store, *, redis_url: str, settings: ProbesSettings) -> Iterator[None]:
    """Answer for a supervisor and its children while the block runs, and tell systemd of it.

    Raises ``SettingsError`` where a port was set and cannot be had.
    """
    from pipeline.engine.redis_watch import RedisWatch

    with ExitStack() as stack:
        _tell_systemd(supervisor, stack)
        figures = Path(stack.enter_context(TemporaryDirectory(prefix="dramaturg-metrics-", ignore_cleanup_errors=True)))
        watch = RedisWatch(store)
        probes = SupervisorProbes(supervisor, watch)
        server = serve("worker", probes.ports(metrics_route(figures, redis_url, store.namespace)), settings)
        if server is not None:
            stack.callback(server.close)
            watch.start()
            stack.callback(watch.stop)
            _collect(supervisor, figures)
        yield


def _collect(supervisor: Supervisor, figures: Path) -> None:
    from pipeline.metrics import FOLDER, forget_process, prepare

    prepare(figures)
    supervisor.add_env({FOLDER: str(figures)})
    before = supervisor.on_event

    def note(event: WorkerEvent) -> None:
        if event.slot is not None and event.name in {"worker_died", "worker_left"}:
            forget_process(figures, event.slot, event.reason)
        if before is not None:
            before(event)

    supervisor.on_event = note


def _tell_systemd(supervisor: Supervisor, stack: ExitStack) -> None:
    systemd = Systemd()
    if systemd.every is not None:
        supervisor.turn = min(supervisor.turn, systemd.every)
    before = supervisor.on_turn

    def turned() -> None:
        before()
        systemd.alive()
        if supervisor.stopping:
            systemd.stopping()
        elif any(child.up for child in supervisor.children):
            systemd.ready()

    supervisor.on_turn = turned
    stack.callback(systemd.stopping)

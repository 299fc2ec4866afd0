"""What a worker process finds when it looks at itself: threads that ended, that do not stop, that bring no work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.engine.vitals import Report, Vitals
from pipeline.probes.checks import Check, ask, dead_threads

if TYPE_CHECKING:
    import dramatiq

    from pipeline.engine.broker import PipelineBroker

#: What a process says before it has come up.
STARTING = Report(
    started=False, stopping=False, livez={}, readyz={"starting": "actors are imported, and threads started"}
)


class WorkerHealth:
    """Looks at one worker, and tells its supervisor. It takes no lock, and asks nobody."""

    def __init__(self, worker: dramatiq.Worker, broker: PipelineBroker, vitals: Vitals) -> None:
        self._worker = worker
        self._attempts = broker.attempts
        self._vitals = vitals
        self._stopping = False
        #: What had ended before the worker was stopped: from then on threads end because they should.
        self.ended: str | None = None
        self._deaf: str | None = None
        self._livez: dict[str, Check] = {"threads": lambda: self.ended, "limits": self._attempts.watchdog.wedged}
        self._readyz: dict[str, Check] = {"consumers": lambda: self._deaf, "draining": self._draining}

    def tell(self, *, stopping: bool = False) -> None:
        """Look, and report; once it is ``stopping`` it stays so."""
        if not self._stopping:
            own = self._attempts.threads
            self.ended = dead_threads([*self._worker.workers, *own])
            self._deaf = dead_threads([*(t for t in own if t.name == "intake"), *self._worker.consumers.values()])
        self._stopping = self._stopping or stopping
        livez, readyz = ask(self._livez).failing, ask(self._readyz).failing
        self._vitals.report(Report(started=True, stopping=self._stopping, livez=livez, readyz=readyz))

    def _draining(self) -> str | None:
        return "it is stopping: it claims nothing more" if self._stopping else None

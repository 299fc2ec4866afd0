"""Reports: what came of a run, of a batch or of a flow, and what it took."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

#: How a piece of work stands: partial means that the whole is there, and some of it is not.
Status = Literal["running", "success", "partial", "failed"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class Items(_Part):
    """How many parts the work has, and how many of them are done; none is counted that nobody told of."""

    total: int = 0
    done: int = 0
    failed: int = 0


class ModelUse(_Part):
    """What one model was used for: calls, and what they took; ``micros`` are millionths of a US dollar."""

    model: str
    calls: int
    failed: int
    tokens_in: int
    tokens_out: int
    tokens_cached: int
    micros: int
    seconds: float
    #: Why it was used in place of the model that was asked for, if it was.
    reasons: tuple[str, ...] = ()


class GateReport(_Part):
    """A gate of a run: the scores of the drafts in their order, and whether one was let through."""

    run: str
    name: str
    threshold: float
    scores: tuple[float, ...]
    models: tuple[str, ...]
    accepted: bool


class EffectReport(_Part):
    """A call that changed the world outside, and how far it came."""

    run: str
    key: str
    state: str
    calls: int


class Failure(_Part):
    """A run without a result: what it was to do, what came in between, and whether another try may mend it."""

    run: str
    actor: str
    node: str = ""
    state: str
    reason: str
    kind: str = ""
    message: str = ""
    input: Any = None
    retryable: bool


class Member(_Part):
    """A run that took part."""

    run: str
    actor: str
    node: str = ""
    state: str
    attempts: int
    waits: int
    seconds: float | None


class Report(_Part):
    """What came of a run or a flow; sums include every run that took part. Times are Unix time in ms."""

    id: str
    kind: Literal["run", "flow"]
    name: str
    status: Status
    state: str
    reason: str = ""
    queued_ms: int | None = None
    started_ms: int | None = None
    finished_ms: int | None = None
    #: From the first start to the end, or until now.
    seconds: float | None = None
    attempts: int = 0
    #: How often runs waited without spending an attempt.
    waits: int = 0
    items: Items = Items()
    steps: int = 0
    #: Why the result is not what was asked for, if it was made without the models that were.
    degraded: tuple[str, ...] = ()
    models: tuple[ModelUse, ...] = ()
    calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    tokens_cached: int = 0
    #: Millionths of a US dollar.
    micros: int = 0
    gates: tuple[GateReport, ...] = ()
    effects: tuple[EffectReport, ...] = ()
    failures: tuple[Failure, ...] = ()
    runs: tuple[Member, ...] = ()

    @property
    def dollars(self) -> float:
        """What the calls cost."""
        return self.micros / 1_000_000

    def markdown(self) -> str:
        """Give it for people."""
        from pipeline.report_text import markdown

        return markdown(self)

"""The framework: what a run is and how it is decided. Every public name is here, and nothing else."""

from __future__ import annotations

from pipeline.actor import Actor
from pipeline.declaration import actor
from pipeline.errors import (
    AuthFailed,
    Cancelled,
    ContentRefused,
    ContextOverflow,
    Failure,
    Interrupted,
    InvalidInput,
    LeaseLost,
    Permanent,
    PipelineError,
    QualityError,
    RateLimited,
    ResourceExhausted,
    Snooze,
    Timeout,
    Transient,
    Unavailable,
)
from pipeline.events import Event
from pipeline.flow import Flow, FlowHandle
from pipeline.handle import RunFailed, RunHandle
from pipeline.models import Models
from pipeline.outcome import Outcome
from pipeline.priority import Priority
from pipeline.retry import AI, DOCUMENTS, Retry
from pipeline.run import Run, current_run
from pipeline.sending import Send

__all__ = [
    "AI",
    "DOCUMENTS",
    "Actor",
    "AuthFailed",
    "Cancelled",
    "ContentRefused",
    "ContextOverflow",
    "Event",
    "Failure",
    "Flow",
    "FlowHandle",
    "Interrupted",
    "InvalidInput",
    "LeaseLost",
    "Models",
    "Outcome",
    "Permanent",
    "PipelineError",
    "Priority",
    "QualityError",
    "RateLimited",
    "ResourceExhausted",
    "Retry",
    "Run",
    "RunFailed",
    "RunHandle",
    "Send",
    "Snooze",
    "Timeout",
    "Transient",
    "Unavailable",
    "actor",
    "current_run",
]

"""The framework: what a run is and how it is decided. Every public name is here, and nothing else."""

from __future__ import annotations

from pipeline.actor import Actor
from pipeline.breaker import Breaker
from pipeline.budget import Budget
from pipeline.classification import classify
from pipeline.declaration import actor
from pipeline.errors import (
    AuthFailed,
    Backpressure,
    BudgetExceeded,
    Cancelled,
    ContentRefused,
    ContextOverflow,
    Failure,
    Interrupted,
    InvalidInput,
    LeaseLost,
    NeedsReview,
    NotReplicated,
    Parked,
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
from pipeline.gate import Grade
from pipeline.handle import RunFailed, RunHandle
from pipeline.limit import Limit
from pipeline.models import Models
from pipeline.outcome import Outcome
from pipeline.priority import Priority
from pipeline.retry import AI, DOCUMENTS, Retry
from pipeline.rule import Rule
from pipeline.run import Run, current_run
from pipeline.schedule import Schedule, cron, every
from pipeline.sending import Send
from pipeline.steps import splitting

__all__ = [
    "AI",
    "DOCUMENTS",
    "Actor",
    "AuthFailed",
    "Backpressure",
    "Breaker",
    "Budget",
    "BudgetExceeded",
    "Cancelled",
    "ContentRefused",
    "ContextOverflow",
    "Event",
    "Failure",
    "Flow",
    "FlowHandle",
    "Grade",
    "Interrupted",
    "InvalidInput",
    "LeaseLost",
    "Limit",
    "Models",
    "NeedsReview",
    "NotReplicated",
    "Outcome",
    "Parked",
    "Permanent",
    "PipelineError",
    "Priority",
    "QualityError",
    "RateLimited",
    "ResourceExhausted",
    "Retry",
    "Rule",
    "Run",
    "RunFailed",
    "RunHandle",
    "Schedule",
    "Send",
    "Snooze",
    "Timeout",
    "Transient",
    "Unavailable",
    "actor",
    "classify",
    "cron",
    "current_run",
    "every",
    "splitting",
]

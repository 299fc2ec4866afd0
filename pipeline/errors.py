"""What can go wrong, in one tree.

::

    PipelineError
    ├── Failure                 what an actor may raise; each has a kind
    │   ├── Transient           try again, later
    │   │   └── Timeout         the attempt, or a call of it, took too long
    │   ├── RateLimited         try again when the provider said
    │   ├── ResourceExhausted   memory, disk, connections: try again, more slowly
    │   ├── QualityError        a model answered, and the answer is not good enough
    │   ├── ContextOverflow     the input does not fit the model
    │   ├── ContentRefused      the model would not answer
    │   ├── Permanent           never try again
    │   │   ├── InvalidInput    the payload or the document is at fault; names the field
    │   │   └── AuthFailed      a key is wrong, or may not do this
    │   ├── Snooze              wait; no attempt is spent
    │   ├── Cancelled           somebody asked the run to stop
    │   └── Interrupted         the worker is stopping; the run goes on elsewhere
    ├── LeaseLost               another worker owns the run: nothing this one writes counts
    └── Unavailable             Redis, or the database, does not answer
"""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar, Literal, get_args

Kind = Literal[
    "transient",
    "timeout",
    "rate_limited",
    "resource",
    "quality",
    "context_overflow",
    "content",
    "permanent",
    "snoozed",
    "cancelled",
    "interrupted",
]

#: Every kind of failure; exactly one is given to each failed attempt.
KINDS: tuple[Kind, ...] = get_args(Kind)


class PipelineError(Exception):
    """Everything this framework raises by name."""


class Failure(PipelineError):  # noqa: N818 - an actor reads better raising Transient than TransientError
    """Why an attempt did not finish. Raise one of the subclasses."""

    kind: ClassVar[Kind] = "transient"


class Transient(Failure):
    """A failure that another try may not meet: a dropped connection, a 503; ``retry_after`` if it said when to try."""

    def __init__(self, message: str = "", *, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Timeout(Transient):
    """The attempt, or a call it made, took longer than its limit."""

    kind = "timeout"


class RateLimited(Failure):
    """A provider asked to be called later, at the earliest after ``retry_after`` if it said so."""

    kind = "rate_limited"

    def __init__(self, message: str = "", *, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ResourceExhausted(Failure):
    """Memory, disk, descriptors or connections ran out here."""

    kind = "resource"


class QualityError(Failure):
    """A model answered, and its answer has the wrong shape or is not good enough."""

    kind = "quality"


class ContextOverflow(Failure):
    """The input is longer than the model can read."""

    kind = "context_overflow"


class ContentRefused(Failure):
    """The model, or its provider's filter, would not answer this input."""

    kind = "content"


class Permanent(Failure):
    """A failure that every other try would meet again."""

    kind = "permanent"


class InvalidInput(Permanent):
    """The payload, an option or a document is at fault; ``field`` says which part."""

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class AuthFailed(Permanent):
    """A key is missing, wrong, or not allowed to do this."""


class Snooze(Failure):
    """The run is not ready yet: try again after ``delay``, at no cost."""

    kind = "snoozed"

    def __init__(self, delay: timedelta, message: str = "") -> None:
        super().__init__(message)
        self.delay = delay


class Cancelled(Failure):
    """Somebody asked the run to stop."""

    kind = "cancelled"


class Interrupted(Failure):
    """The worker is stopping: the run goes back to its queue and no attempt is spent."""

    kind = "interrupted"


class LeaseLost(PipelineError):  # noqa: N818 - says what happened
    """Another worker owns the run now; nothing this one writes for it counts."""


class Unavailable(PipelineError):  # noqa: N818 - says what is wrong
    """Redis, or the database, does not answer."""


def classify(error: BaseException) -> Kind:
    """Give the one kind of a failure; what is not known is transient."""
    if isinstance(error, Failure):
        return error.kind
    if isinstance(error, MemoryError):
        return "resource"
    if isinstance(error, TimeoutError):
        return "timeout"
    return "transient"

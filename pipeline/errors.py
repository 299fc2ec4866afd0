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
    │   │   └── BudgetExceeded  it would cost more than was allowed
    │   ├── Snooze              wait; no attempt is spent
    │   │   └── Parked          a breaker, a limit or a budget lets nothing through now
    │   ├── Waiting             its children have not ended yet
    │   ├── NeedsReview         a person has to look at it
    │   ├── Moved               it starts over with another model
    │   ├── Cancelled           somebody asked the run to stop
    │   └── Interrupted         the worker is stopping; the run goes on elsewhere
    ├── LeaseLost               another worker owns the run: nothing this one writes counts
    └── Unavailable             Redis, or the database, does not answer
        ├── Backpressure        Redis is nearly full: nothing new is accepted
        └── NotReplicated       it is written, and a failover may yet lose it
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar, Literal, get_args

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
    "parked",
    "waiting",
    "review",
    "moved",
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
    #: More closely than the kind, in a word or two (``"quota"``, ``"read timeout"``); empty if the class says it all.
    why: str = ""
    #: The HTTP status and the code it came with, if it stands for a provider's answer.
    status: int | None = None
    code: str = ""


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
    """The input is longer than the model can read; ``tokens`` says how long it is, if that is known."""

    kind = "context_overflow"

    def __init__(self, message: str = "", *, tokens: int | None = None) -> None:
        super().__init__(message)
        self.tokens = tokens


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


class BudgetExceeded(Permanent):
    """The next call could cost more than a budget has left, and the budget's policy is to stop."""


class Snooze(Failure):
    """The run is not ready yet: try again after ``delay``, at no cost."""

    kind: ClassVar[Kind] = "snoozed"

    def __init__(self, delay: timedelta, message: str = "") -> None:
        super().__init__(message)
        self.delay = delay


class Parked(Snooze):
    """A breaker, a limit or a budget lets nothing through before ``delay`` is over; no attempt is spent."""

    kind = "parked"


class Waiting(Failure):
    """The run waits for its children, without a thread and at no cost."""

    kind = "waiting"


class NeedsReview(Failure):
    """A person has to decide before the run goes on; ``item`` says about what, as JSON values."""

    kind = "review"

    def __init__(self, message: str, *, item: dict[str, Any]) -> None:
        super().__init__(message)
        self.item = item


class Moved(Failure):
    """The run starts over with the next model of its chain; no attempt is spent."""

    kind = "moved"


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


class Backpressure(Unavailable):
    """Redis is nearly full: nothing new is accepted until runs have ended; what was accepted goes on."""


class NotReplicated(Unavailable):
    """Redis has written it, and too few replicas said in time that they have it: it holds unless Redis fails over.

    To send the same message, or under the same idempotency key, again is safe: it is accepted once.
    """

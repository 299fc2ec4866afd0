"""Sources of webhooks: who sends them, how that is checked, and which events are in a body."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipeline.declaration import DECLARED
from pipeline.errors import PipelineError
from pipeline.ids import NAME
from pipeline.sending import LONGEST_LABEL
from pipeline.webhooks.signatures import Envelope, PathSecret, Scheme

if TYPE_CHECKING:
    from pipeline.actor import Actor

#: The largest body, unless a source says otherwise.
LARGEST = 256 * 1024


class Unreadable(PipelineError):  # noqa: N818 - says what is wrong
    """A body that was signed rightly cannot be read; the text says why."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """One event of a body: the id that the sender knows it by, and the payload of the run that it starts."""

    id: str
    payload: Any


#: Takes a body apart; raises ``Unreadable``. It gets the envelope too: some senders put the event's id there.
Reader = Callable[[Envelope, bytes], Iterable[Arrival]]

#: Answers a sender that asks, by GET, whether it has the right address: gets the query, gives the text or nothing.
Greeting = Callable[[Mapping[str, str]], str | None]


def no_greeting(query: Mapping[str, str]) -> str | None:
    """Answer every GET with an empty page: for senders that only look whether somebody is there."""
    del query
    return ""


@dataclass(frozen=True)
class Source:
    """Somebody who sends webhooks to ``/<name>``, or to ``/<name>/<secret>`` if that is all it can do.

    Each event starts one run of the actor ``to`` (or of the one with that name). ``read`` takes a body apart,
    ``greet`` answers GET if the sender asks first. Bodies over ``largest`` bytes are refused.
    Raises ``ValueError`` for a name that is no part of an address.
    """

    name: str
    scheme: Scheme
    to: Actor[Any, Any] | str
    read: Reader
    greet: Greeting | None = None
    largest: int = LARGEST

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise ValueError(f"Source({self.name!r}): a name is letters, digits, '.', '_' and '-'")

    @property
    def path(self) -> str:
        """Where it listens, as Starlette writes it."""
        return f"/{self.name}/{{token}}" if isinstance(self.scheme, PathSecret) else f"/{self.name}"

    @property
    def actor(self) -> Actor[Any, Any]:
        """The actor its events start; raises ``LookupError`` if no module declares one of that name."""
        if not isinstance(self.to, str):
            return self.to
        if self.to not in DECLARED:
            raise LookupError(
                f"webhooks of {self.name} start {self.to!r}, and no module declares an actor of that name"
            )
        return DECLARED[self.to]

    def key(self, event: str) -> str:
        """Give the key under which an event of this source starts one run."""
        whole = f"{self.name}:{event}"
        if len(whole) <= LONGEST_LABEL and whole.isprintable():
            return whole
        return f"{self.name}:{hashlib.sha256(event.encode('utf-8', 'surrogatepass')).hexdigest()}"

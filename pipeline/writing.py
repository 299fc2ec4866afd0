"""Writing: the text of a run on its way to whoever listens, in few calls and with no piece twice.

A text belongs to the step that writes it. An attempt that starts over tells its text from the beginning; the text of a
remembered step stays where it is. What is told again and is the same is not sent to anybody; from the first piece that
differs, readers are told to forget what they have.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import orjson
import structlog

from pipeline import ids
from pipeline.errors import Interrupted, Unavailable

#: Calls a second that send text of one run, at most; the last piece is always sent.
SENDS_PER_SECOND = 10

#: Characters of one stream, at most.
LONGEST = 1_000_000

#: Pause between tries while Redis does not answer.
_PAUSE_S = 0.25

log = structlog.get_logger(__name__)


class TextJournal(Protocol):
    """Where text goes, and where a run's steps are kept."""

    stopping: bool

    def append_text(self, stream: str, offset: int, text: str) -> int:
        """Put a piece at its place: 0 if less than ``offset`` is there; raises ``LeaseLost`` if it was refused."""

    def save_step(self, name: str, value: bytes, *, replace: bool = False) -> None:
        """Remember something for the attempts that follow."""


@dataclass
class _Stream:
    """One text: what was sent of it from ``start`` on, and what is held back."""

    start: int = 0
    sent: str = ""
    held: list[str] = field(default_factory=list)
    #: Whether the place is written down, with the step that led to it.
    marked: bool = True

    @property
    def place(self) -> int:
        """Where the next character goes."""
        return self.start + len(self.sent) + sum(map(len, self.held))


class Writer:
    """Coalesces what one attempt writes, and knows the place of every piece of it."""

    def __init__(self, journal: TextJournal) -> None:
        self._journal = journal
        self._streams: dict[str, _Stream] = {}
        self._sent_at = 0.0

    def write(self, stream: str, text: str) -> None:
        """Add to a text; it is sent now, or with what follows within a tenth of a second.

        Raises ``ValueError`` for a name or a text that does not fit, ``LeaseLost`` if the run is another worker's now.
        """
        if not ids.NAME.fullmatch(stream):
            raise ValueError(f"write(stream={stream!r}): a name is letters, digits, '.', '_' and '-'")
        if not text:
            return
        kept = self._streams.setdefault(stream, _Stream())
        if kept.place + len(text) > LONGEST:
            raise ValueError(f"the text {stream!r} grows above {LONGEST:,} characters")
        kept.held.append(text.encode("utf-8", "replace").decode())  # half a surrogate pair has no place in JSON
        kept.marked = False
        if time.monotonic() - self._sent_at >= 1 / SENDS_PER_SECOND:
            try:
                self.flush()
            except Unavailable as error:
                log.warning("text_delayed", error=str(error))  # worth less than the attempt it would end

    def flush(self) -> None:
        """Send what was held back; raises ``LeaseLost`` and ``Unavailable``."""
        for name, kept in self._streams.items():
            if kept.held:
                self._sent_at = time.monotonic()
                text = "".join(kept.held)
                self._append(name, kept, text)
                kept.sent += text
                kept.held.clear()

    def end(self) -> None:
        """Send what was held back, and say that the texts end there: what earlier attempts wrote beyond it goes.

        To be called when the run's work is done; raises ``LeaseLost`` and ``Unavailable``.
        """
        self.flush()
        for name, kept in self._streams.items():
            self._append(name, kept, "")

    def finish(self, step: str) -> None:
        """Tie what was written to a step that ended; to be called before the step's result is saved.

        Blocks while Redis does not answer: a step that is remembered does not tell its text again. Raises
        ``LeaseLost``, and ``Interrupted`` when the worker stops meanwhile.
        """
        if all(kept.marked for kept in self._streams.values()):
            return
        while True:
            try:
                self.end()
                break
            except Unavailable as error:
                if self._journal.stopping:
                    raise Interrupted("worker is stopping while Redis does not answer") from error
                log.warning("text_delayed", error=str(error))
                time.sleep(_PAUSE_S)
        self._journal.save_step(mark_of(step), orjson.dumps(self.places()), replace=True)
        for kept in self._streams.values():
            kept.marked = True

    def skip(self, mark: bytes | None) -> None:
        """Go on behind the text of a remembered step, given what is remembered under ``mark_of`` it, if anything."""
        if mark is not None:
            self._go(orjson.loads(mark), marked=True)

    def places(self) -> dict[str, int]:
        """Give the place in every text: what ``rewind`` takes to start over from here."""
        return {name: kept.place for name, kept in self._streams.items()}

    def rewind(self, places: Mapping[str, int]) -> None:
        """Start over from a place in every text, the beginning where none is given."""
        self._go(places, marked=False)

    def _go(self, places: Mapping[str, int], *, marked: bool) -> None:
        for name in self._streams.keys() | places.keys():
            kept = self._streams.setdefault(name, _Stream())
            place = places.get(name, 0)
            if kept.start <= place <= kept.place:
                told, sent = kept.sent + "".join(kept.held), len(kept.sent)
                told = told[: place - kept.start]
                kept.sent, kept.held = told[:sent], [told[sent:]] if told[sent:] else []
            else:
                kept.start, kept.sent, kept.held = place, "", []
            kept.marked = marked

    def _append(self, name: str, kept: _Stream, text: str) -> None:
        if self._journal.append_text(name, kept.start + len(kept.sent), text) != 0:
            return
        # Redis lost the last of what it had: everything once more.
        if self._journal.append_text(name, kept.start, kept.sent + text) == 0:
            log.error("text_lost", stream=name, offset=kept.start)


def mark_of(step: str) -> str:
    """Give the name under which the places in the texts are remembered when a step ended."""
    return f"~text:{step}"

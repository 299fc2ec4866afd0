"""Writing: the text of a run on its way to whoever listens, in few calls and with no piece twice.

Every attempt tells the texts of its run from their beginning: what a remembered step wrote is remembered with it, and
told again in its place. What is told again and is the same changes nothing for anybody; from the first piece that
differs, readers are told to forget what they have.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import orjson

from pipeline import ids
from pipeline.errors import Unavailable
from pipeline.redaction import Sieve

#: Calls a second that send text of one run, at most; the last piece is always sent.
SENDS_PER_SECOND = 10

#: Characters of one stream, at most.
LONGEST = 200_000


class TextJournal(Protocol):
    """Where text goes, and where a run's steps are kept."""

    def append_text(self, stream: str, offset: int, text: str) -> int:
        """Put a piece at its place: 0 if less than ``offset`` is there; raises ``LeaseLost`` if it was refused."""

    def save_step(self, name: str, value: bytes, *, replace: bool = False) -> None:
        """Remember something for the attempts that follow."""


@dataclass
class _Stream:
    """One text: what this attempt sent of it, and what is held back."""

    sent: str = ""
    held: list[str] = field(default_factory=list)
    sieve: Sieve = field(default_factory=Sieve)

    def settle(self) -> None:
        """Hold no part of it back as the possible beginning of a secret: what follows is not its end."""
        if rest := self.sieve.rest():
            self.held.append(rest)

    @property
    def place(self) -> int:
        """Where the next character goes."""
        return len(self.sent) + sum(map(len, self.held))

    @property
    def told(self) -> str:
        """All of it."""
        return self.sent + "".join(self.held)


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
        # Half a surrogate pair has no place in JSON.
        if clean := kept.sieve.take(text.encode("utf-8", "replace").decode()):
            kept.held.append(clean)
        if time.monotonic() - self._sent_at >= 1 / SENDS_PER_SECOND:
            self._flush_quietly()

    def flush(self) -> None:
        """Send what was held back; raises ``LeaseLost`` and ``Unavailable``."""
        self._settle()
        self._send()

    def _send(self) -> None:
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

    def places(self) -> dict[str, int]:
        """Give the place in every text: what ``finish`` and ``rewind`` take for 'since here'."""
        self._settle()
        return {name: kept.place for name, kept in self._streams.items()}

    def finish(self, step: str, since: Mapping[str, int]) -> None:
        """Remember what was written since then as the text of a step; to be called before its result is saved."""
        self._settle()
        texts = {name: kept.told[since.get(name, 0) :] for name, kept in self._streams.items()}
        texts = {name: text for name, text in texts.items() if text}
        if texts:
            self._flush_quietly()
            self._journal.save_step(mark_of(step), orjson.dumps(texts), replace=True)

    def skip(self, mark: bytes | None) -> None:
        """Tell the text of a remembered step again, given what is remembered under ``mark_of`` it, if anything."""
        for name, text in orjson.loads(mark or b"{}").items():
            kept = self._streams.setdefault(name, _Stream())
            kept.settle()
            kept.held.append(text)

    def rewind(self, places: Mapping[str, int]) -> None:
        """Start over from a place in every text, the beginning where none is given."""
        for name, kept in self._streams.items():
            kept.sieve.rest()
            told, sent = kept.told[: places.get(name, 0)], len(kept.sent)
            kept.sent, kept.held = told[:sent], [told[sent:]] if told[sent:] else []

    def _settle(self) -> None:
        for kept in self._streams.values():
            kept.settle()

    def _flush_quietly(self) -> None:
        try:
            self._send()
        except Unavailable as error:
            import structlog

            log = structlog.get_logger(__name__)
            log.warning("text_delayed", error=str(error))  # worth less than the attempt it would end

    def _append(self, name: str, kept: _Stream, text: str) -> None:
        if self._journal.append_text(name, len(kept.sent), text) == 0:
            # Redis lost the last of what it had: everything once more.
            self._journal.append_text(name, 0, kept.sent + text)


def mark_of(step: str) -> str:
    """Give the name under which the text of a step is remembered."""
    return f"~text:{step}"

"""A text cleaned while it is being written, piece by piece, each of whole blocks: nothing harmful is ever shown."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable

from actors.study.lesson.support import Support, publishable

#: Behind a blank line, a line that begins like this begins a block of its own, whatever came before.
_BOUNDARY = re.compile(r"\n[ \t]*\n+(?=#|\*\*|[\"'\u201c(]|[^\W\d_])")
_FENCE = re.compile(r"^ {0,3}(?:```|~~~)", re.MULTILINE)
_HIDDEN = re.compile(r"<(script|style|pre|textarea)\b", re.IGNORECASE)


class Pieces:
    """Takes a model's text as it comes, and hands on what may be published of it, block by block."""

    def __init__(self, support: Support, title: str, on_text: Callable[[str], None]) -> None:
        self._support = support
        self._title = title
        self._on_text = on_text
        self._waiting = ""
        self._searched = 0
        self._told: list[str] = []
        self.dropped: Counter[str] = Counter()

    @property
    def words(self) -> int:
        """How many words have come so far."""
        return sum(len(piece.split()) for piece in (*self._told, self._waiting))

    def feed(self, text: str) -> None:
        """Take what comes next."""
        self._waiting += text
        for found in _BOUNDARY.finditer(self._waiting, max(0, self._searched - 3)):
            if not _open(self._waiting[: found.start()]):
                whole, self._waiting = self._waiting[: found.end()], self._waiting[found.end() :]
                self._searched = 0
                self._tell(whole)
                return self.feed("")
        self._searched = len(self._waiting)
        return None

    def end(self) -> str:
        """Hand on the rest, and give the whole as it may be published."""
        whole, self._waiting = self._waiting, ""
        self._tell(whole)
        text, dropped = publishable("\n".join(self._told), self._support, title=self._title)
        self.dropped += dropped
        return text

    def _tell(self, whole: str) -> None:
        text, dropped = publishable(whole, self._support, title=self._title)
        self.dropped += dropped
        if text:
            self._on_text(("\n" if self._told else "") + text)
            self._told.append(text)


def _open(text: str) -> bool:
    if len(_FENCE.findall(text)) % 2 or text.count("<!--") > text.count("-->"):
        return True
    return any(f"</{found.group(1)}" not in text[found.end() :].lower() for found in _HIDDEN.finditer(text.lower()))

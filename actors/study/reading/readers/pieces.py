"""What a reader hands back: pieces of text in reading order, or the reason why not."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from .limits import Limits

Format = Literal["pdf", "docx", "pptx", "html", "markdown", "text", "image"]
PieceKind = Literal["heading", "paragraph", "list_item", "table", "note"]
_LATE = 0.85  # of the whole time

Stage = Literal["parsing", "ocr", "formatting"]


class Unreadable(Exception):  # noqa: N818 - says what the document is
    """The document cannot be read; the message goes on where the file's name stops: ``is encrypted: ...``."""


class Busy(Exception):  # noqa: N818 - says what is the matter
    """Nothing is wrong with the document, but the machine did not get round to it."""


@dataclass(slots=True)
class Piece:
    """One heading, paragraph, list item, table or note and the page it begins on."""

    kind: PieceKind
    text: str
    page: int = 1
    level: int | None = None


@dataclass(slots=True)
class Draft:
    """A document as its reader understood it, before cleaning and numbering."""

    format: Format
    pieces: list[Piece]
    pages: int = 1
    title: str | None = None
    ocr_pages: list[int] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Task:
    """One document to read: where it lies, what it is called, how much it may take, and whom to tell."""

    path: Path
    name: str
    limits: Limits
    progress: Callable[[Stage, int, int], None] = lambda _stage, _done, _total: None
    alive: Callable[[], None] = lambda: None
    started: float = field(default_factory=time.monotonic)

    @property
    def late(self) -> bool:
        """Say if so much time has gone that what is left must be kept for finishing."""
        return time.monotonic() - self.started > _LATE * self.limits.total.total_seconds()

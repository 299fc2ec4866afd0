"""Decides which runs of a PDF are headings and of what level: by its outline, its type sizes and its bold lines."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable
from itertools import islice
from typing import Any

from .marks import bullet_end
from .pdf_blocks import Run, is_footnote
from .pdf_lines import PageText

_LARGER = 1.12  # than the body's type
_MOST_LETTERS = 200
_MOST_WORDS = 25
_MOST_BOLD_WORDS = 14
_MOSTLY_BOLD = 0.35  # of the letters: bold says nothing then
_MOSTLY_SMALL = 0.4
_MOST_ENTRIES = 5_000
_DEEPEST = 6
_FEWEST_LETTERS = 2
_NUMBERING = re.compile(
    r"^(?:(?:chapter|section|part|appendix|kapitel|teil)\s+)?(?:[\divxlc]+|[a-z])(?:\.\d+)*[.:)]?\s+", re.IGNORECASE
)
_ROMAN = re.compile(r"^[IVX]{1,5}\.\s+[A-Z][A-Z\s,:&'-]{3,}$")
_DEPTH = re.compile(r"^(\d{1,2}(?:\.\d{1,2}){0,4})\.?\s+\S")


class Outline:
    """The bookmarks of a PDF: titles with their page and depth."""

    def __init__(self, entries: dict[tuple[int, str], int]) -> None:
        self._entries = entries

    @classmethod
    def of(cls, document: Any) -> Outline:
        """Read the bookmarks; none if there are none, or if they are damaged."""
        from pypdfium2 import PdfiumError

        entries: dict[tuple[int, str], int] = {}
        try:
            for bookmark in islice(document.get_toc(max_depth=_DEEPEST), _MOST_ENTRIES):
                target = bookmark.get_dest()
                page = target.get_index() if target is not None else None
                if page is not None:
                    entries.setdefault((page + 1, _plain(bookmark.get_title())), bookmark.level + 1)
        except (PdfiumError, ValueError, RecursionError):
            # A convenience for the reader of the PDF; the type sizes tell as much.
            return cls({})
        return cls(entries)

    def titles(self, page: int) -> Callable[[str], bool]:
        """Give a test of what a line of a page is: a bookmark's title or not."""
        return lambda text: self.level(page, text) is not None

    def level(self, page: int, text: str) -> int | None:
        """Give the depth of a heading if it is one of the bookmarks of its page."""
        if not self._entries or len(text) > _MOST_LETTERS:
            return None
        plain = _plain(text)
        return self._entries.get((page, plain)) or self._entries.get((page, _plain(_NUMBERING.sub("", text))))


def _plain(text: str) -> str:
    return re.sub(r"[\W_]+", "", _NUMBERING.sub("", text.strip())).lower()


def body_size(pages: list[PageText]) -> float:
    """Say the size that most letters of the document have."""
    sizes: Counter[float] = Counter()
    for page in pages:
        for segment in page.segments:
            if not segment.mono:
                sizes[round(segment.size * 2) / 2] += len(segment.text)
    return sizes.most_common(1)[0][0] if sizes else 10.0


def headed(pages: list[list[Run]], texts: list[PageText], outline: Outline) -> list[list[Run]]:
    """Turn runs into headings and give them levels."""
    body = body_size(texts)
    letters = sum(len(line) for page in pages for run in page for line in run.lines)
    bold = sum(len(line) for page in pages for run in page if run.bold for line in run.lines)
    bold_tells = bold < _MOSTLY_BOLD * max(letters, 1)
    marked: dict[float, Counter[int]] = defaultdict(Counter)
    for page, size in zip(pages, texts, strict=True):
        # Where much is set small, small type is no sign of a footnote: an index, references.
        small = sum(len(segment.text) for segment in size.segments if segment.size < body)
        notes_tell = small < _MOSTLY_SMALL * sum(len(segment.text) for segment in size.segments)
        for run in page:
            text = " ".join(run.lines)
            level = outline.level(run.page, text) if run.kind != "table" else None
            if level:
                run.kind, run.level = "heading", level
                marked[_step(run.size)][level] += 1
            elif _looks_like_heading(run, text, body, bold_tells=bold_tells):
                run.kind = "heading"
            elif notes_tell and is_footnote(run, body, size.height):
                run.kind = "note"
    _give_levels([run for page in pages for run in page if run.kind == "heading"], marked, body)
    return pages


def _looks_like_heading(run: Run, text: str, body: float, *, bold_tells: bool) -> bool:
    if run.kind not in {"paragraph", "list_item"} or len(text) > _MOST_LETTERS or len(run.lines) > 3:  # noqa: PLR2004
        return False
    words = text.split()
    alphabetic = sum(1 for letter in text if letter.isalpha())
    if run.closed or run.mono or bullet_end(text) or alphabetic < max(_FEWEST_LETTERS, 0.4 * len(text)):
        return False
    if run.size >= _LARGER * body and len(words) <= _MOST_WORDS:
        return not (text.endswith(".") and len(words) > 8)  # noqa: PLR2004 - a sentence set large
    if run.kind != "paragraph" or run.size < 0.9 * body or text[-1] in ",;" or len(run.lines) > 2:  # noqa: PLR2004
        return False
    if bold_tells and run.bold and len(words) <= _MOST_BOLD_WORDS and text[-1] != ".":
        return True
    capitals = text.isupper() and len(run.lines) == 1 and text[-1] not in ".:" and "|" not in text
    return bool(_ROMAN.match(text)) or (
        capitals and alphabetic > 4 and len(words) <= 8 and alphabetic > 0.75 * len(text.replace(" ", ""))  # noqa: PLR2004
    )


def _step(size: float) -> float:
    return round(size * 2) / 2


def _give_levels(headings: list[Run], marked: dict[float, Counter[int]], body: float) -> None:
    known = {size: levels.most_common(1)[0][0] for size, levels in marked.items()}
    sizes = sorted({_step(run.size) for run in headings if _step(run.size) > body}, reverse=True)
    ranks = {size: rank for rank, size in enumerate(sizes, start=1)}
    for run in headings:
        if run.level:
            continue
        size = _step(run.size)
        if known:
            larger = [level for other, level in known.items() if other > size]
            run.level = known.get(size) or (max(larger) + 1 if larger else 1)
        else:
            # Bold or capital lines in the body's size stand under all larger ones, deeper by their number.
            depth = _DEPTH.match(run.lines[0]) if size not in ranks else None
            run.level = ranks.get(size, len(ranks) + (depth.group(1).count(".") if depth else 0) + 1)
        run.level = min(run.level, _DEEPEST)

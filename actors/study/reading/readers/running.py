"""Finds what is printed on every page, headers, footers and page numbers, and leaves it out."""

from __future__ import annotations

import re
from collections import Counter

from .pdf_layout import Row, line_rows
from .pdf_lines import PageText
from .pieces import Piece

_EDGE_ROWS = 3
_TOP, _BOTTOM = 0.14, 0.86  # of the page's height: running lines stand outside of these
_SAME_PLACE = 6  # points
_SHORT = 8
_LONGEST_RUNNING = 120
_LARGE = 1.15  # of the page's usual type: a title, kept where it comes first
_DIGITS = re.compile(r"\d+|\b[ivxlc]+\b", re.IGNORECASE)
_NUMBER = re.compile(
    r"^[\W_]*(?:(?:page|seite|p\.|pg\.?|pagina|página|strana)\s*)?(\d{1,4}|[ivxlc]{1,7})"
    r"(?:\s*(?:/|of|von|de|sur|di|van)\s*\d{1,4})?[\W_]*$",
    re.IGNORECASE,
)

_NUMBERED = re.compile(r"^(?:\d{1,4}|[ivxlc]{1,7})\b|\b(?:\d{1,4}|[ivxlc]{1,7})$", re.IGNORECASE)
#: What browsers print above and below a page.
_BROWSER = re.compile(
    r"^(?:\d{1,2}[/.]\d{1,2}[/.]\d{2,4}, \d{1,2}:\d{2}(?:\s[AP]M)?\b.*|(?:https?|file)://\S+(?:\s+\d+/\d+)?)$"
)
_STANDS_APART = 1.7
_FEWEST_SLOTTED = 5

_Key = tuple[str, int]


def drop_running_lines(pages: list[PageText]) -> None:
    """Take headers, footers and page numbers out of the pages' segments; a repeated title stays where it is new."""
    edges = [_edges(page) for page in pages]
    seen = Counter(key for edge in edges for key in {_key(row) for row in edge})
    least = 3 if len(pages) > _SHORT else 2  # left and right pages may differ
    # A lone number on a lone page may be all that it says; "1/1" is what programs print.
    numbered = sum(1 for edge in edges if any(_NUMBER.match(row.text) for row in edge)) > 1
    slots = _header_slots(pages, edges)
    before: set[_Key] = set()
    for page, edge in zip(pages, edges, strict=True):
        usual = _usual_size(page)
        keys = {_key(row) for row in edge}
        drop: set[int] = set()
        for row in edge:
            number = numbered and _NUMBER.match(row.text)
            repeated = seen[_key(row)] >= least and len(pages) > 1
            large = row.main.size >= _LARGE * usual
            slotted = _slot(row) in slots and not large and bool(_NUMBERED.search(row.text) or seen[_key(row)] > 1)
            new_title = large and _key(row) not in before
            if number or slotted or _BROWSER.match(row.text) or (repeated and not new_title):
                drop.update(id(segment) for segment in row.segments)
        before = keys
        page.segments = [segment for segment in page.segments if id(segment) not in drop]


def _edges(page: PageText) -> list[Row]:
    lines = line_rows(page.segments)
    top = [row for row in lines[:_EDGE_ROWS] if row.y < _TOP * page.height]
    return top + [row for row in lines[-_EDGE_ROWS:] if row.y > _BOTTOM * page.height and row not in top]


def _header_slots(pages: list[PageText], edges: list[list[Row]]) -> set[int]:
    """Find the heights at which most pages have a first line that stands apart from the text, whatever it says."""
    apart: Counter[int] = Counter()
    for page, edge in zip(pages, edges, strict=True):
        lines = line_rows(page.segments)
        if edge and len(lines) > 1 and lines[0].y < _TOP * page.height:
            step = lines[1].y - lines[0].y
            if step > _STANDS_APART * lines[0].main.size:
                apart[_slot(lines[0])] += 1
    return {slot for slot, times in apart.items() if times >= max(_FEWEST_SLOTTED, len(pages) / 2)}


def _slot(row: Row) -> int:
    return round(row.y / _SAME_PLACE)


def _key(row: Row) -> _Key:
    return _DIGITS.sub("#", row.text.lower()), _slot(row)


def _usual_size(page: PageText) -> float:
    sizes: Counter[float] = Counter()
    for segment in page.segments:
        sizes[segment.size] += len(segment.text)
    return sizes.most_common(1)[0][0] if sizes else 1.0


def drop_running_pieces(pages: dict[int, list[Piece]]) -> None:
    """Take what begins or ends several recognized pages, and lone page numbers, out of their pieces."""
    if len(pages) < 2:  # noqa: PLR2004 - nothing repeats on one page
        return
    edges = {number: [pieces[0], pieces[-1]] for number, pieces in pages.items() if pieces}
    seen = Counter(key for edge in edges.values() for key in {_words(piece) for piece in edge})
    least = 3 if len(pages) > _SHORT else 2
    for number, edge in edges.items():
        gone = {
            id(piece)
            for piece in edge
            if _NUMBER.match(piece.text) or (seen[_words(piece)] >= least and len(piece.text) <= _LONGEST_RUNNING)
        }
        pages[number] = [piece for piece in pages[number] if id(piece) not in gone]


def _words(piece: Piece) -> str:
    return _DIGITS.sub("#", piece.text.lower())

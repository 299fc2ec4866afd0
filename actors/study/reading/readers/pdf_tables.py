"""Recognizes tables by what stands in columns over several lines, and writes them as rows of cells."""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise

from .pdf_layout import Row
from .pdf_lines import Segment

_CONTENTS_END = re.compile(r"^(?:\d{1,4}|[ivxlc]{1,7})$")
_LEADERS = re.compile(r"(?:\s*[.\u2026\u00b7_]\s?){4,}\s*")
_FEWEST_ENTRIES = 5
_SOLID = 0.6
_MOST_GAP = 2.6  # of the type's size between two lines of a table


def table_end(lines: list[Row], start: int) -> int:
    """Say where the table that begins at a line ends; the start itself if none begins there."""
    if len(lines[start].segments) < 2:  # noqa: PLR2004 - one cell
        return start
    end = last_full = start
    while end + 1 < len(lines):
        row, following = lines[end], lines[end + 1]
        if following.y - row.y > _MOST_GAP * row.main.size * (1 + 0.3 * (len(following.segments) > 1)):
            break
        if len(following.segments) > 1:
            last_full = end + 1
        elif end + 1 - last_full > 2 or not _fits(following, lines[start : last_full + 1]):  # noqa: PLR2004 - a cell's lines
            break
        end += 1
    full = [row for row in lines[start : last_full + 1] if len(row.segments) > 1]
    typed = all(segment.mono for row in full for segment in row.segments)  # listings have columns of their own
    if len(full) < 2 or typed or len(_columns(full)) < 2:  # noqa: PLR2004 - a table has both
        return start
    # One line more may belong to the last row's cells.
    while last_full + 1 <= end and lines[last_full + 1].x0 > lines[start].x0 + lines[start].main.size:
        last_full += 1
    return last_full + 1


def _fits(row: Row, table: list[Row]) -> bool:
    columns = _columns([line for line in table if len(line.segments) > 1])
    return any(x0 - 3 <= row.x0 and row.x1 <= x1 + 25 and at for at, (x0, x1) in enumerate(columns)) or (
        bool(columns) and abs(row.x0 - columns[0][0]) < 3 and row.x1 <= columns[0][1] + 3  # noqa: PLR2004 - points
    )


def _columns(full: list[Row]) -> list[tuple[float, float]]:
    # Rows of the usual number of cells draw the columns: a heading over two of them would make them one.
    counts = Counter(len(row.segments) for row in full)
    usual = max(counts, key=lambda count: (counts[count], count), default=0)
    spans = sorted((segment.x0, segment.x1) for row in full if len(row.segments) == usual for segment in row.segments)
    merged: list[tuple[float, float]] = []
    for x0, x1 in spans:
        if merged and x0 < merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], x1))
        else:
            merged.append((x0, x1))
    return merged


def cells(lines: list[Row]) -> list[list[str]]:
    """Sort a table's lines into rows of cells; a line that continues cells above is added to them."""
    columns = _columns([row for row in lines if len(row.segments) > 1])
    table: list[list[str]] = []
    for row in lines:
        texts = [""] * len(columns)
        for segment in row.segments:
            for at, text in _placed(segment, columns):
                texts[at] = f"{texts[at]} {text}".strip()
        if table and not texts[0] and len(row.segments) == 1:
            table[-1] = [f"{above} {below}".strip() for above, below in zip(table[-1], texts, strict=True)]
        else:
            table.append(texts)
    return table


def tidy_title(text: str) -> str:
    """Take the dots off that lead from a title to its page number."""
    return _LEADERS.sub(" ", text).strip(" .\u2026\u00b7_")


def is_formula(table: list[list[str]]) -> bool:
    """Say if what stands in columns is the parts of a formula, not a table's cells."""
    filled = [cell for row in table for cell in row if cell]
    solid = sum(1 for cell in filled if sum(1 for letter in cell if letter.isalnum()) >= 2)  # noqa: PLR2004 - not "x"
    numbers = sum(1 for cell in filled if len(cell) == 1 and cell.isdigit())
    return solid + numbers < _SOLID * len(filled)


def _distance(column: tuple[float, float], x0: float, middle: float) -> float:
    if column[0] - 1 <= x0 <= column[1] + 1:
        return 0.0
    return min(abs(column[0] - x0), abs((column[0] + column[1]) / 2 - middle))


def _placed(segment: Segment, columns: list[tuple[float, float]]) -> list[tuple[int, str]]:
    covered = [at for at, (x0, _) in enumerate(columns) if segment.x0 - segment.size < x0 < segment.x1 - segment.size]
    if len(covered) < 2:  # noqa: PLR2004 - it stands in one
        middle = (segment.x0 + segment.x1) / 2
        return [(min(range(len(columns)), key=lambda one: _distance(columns[one], segment.x0, middle)), segment.text)]
    # Cells so close together that they were taken for words of one: part them by where their words must stand.
    wide = (segment.x1 - segment.x0) / len(segment.text)
    placed = []
    for word in re.finditer(r"\S+", segment.text):
        x = segment.x0 + word.start() * wide + segment.size
        placed.append((max((at for at in covered if columns[at][0] <= x), default=covered[0]), word.group()))
    return placed


def is_contents(table: list[list[str]]) -> bool:
    """Say if a table is one of contents: titles on the left, page numbers on the right."""
    ends = sum(1 for row in table if _CONTENTS_END.match(row[-1]) and len(row[0]) > 2)  # noqa: PLR2004 - a title
    if len(table) < _FEWEST_ENTRIES and not any(_LEADERS.search(row[0]) for row in table):
        return False
    return len(table[0]) == 2 and ends >= 0.8 * len(table) and _rising(table)  # noqa: PLR2004 - title and page


def _rising(table: list[list[str]]) -> bool:
    numbers = [int(row[-1]) for row in table if row[-1].isdigit()]
    return all(first <= second for first, second in pairwise(numbers))


def contents_line(text: str) -> str | None:
    """Tidy a line of a table of contents, its dots as an ellipsis; none if it is no such line."""
    found = _LEADERS.search(text)
    if not found or not (_CONTENTS_END.match(text[found.end() :].strip()) or found.end() == len(text)):
        return None
    return (
        f"{text[: found.start()].strip()} \u2026 {text[found.end() :].strip()}".strip(" \u2026")
        if found.start()
        else None
    )

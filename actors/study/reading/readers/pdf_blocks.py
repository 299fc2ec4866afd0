"""Joins the lines of a region into paragraphs, list items, tables and lines that may be headings."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median

from .marks import bullet_end, ends_sentence, number_end
from .pdf_layout import Row
from .pdf_tables import cells, contents_line, is_contents, is_formula, table_end, tidy_title
from .pieces import PieceKind

_INDENT_EM = 0.8
_LOOSE = 1.35  # of the usual distance between lines: a new paragraph
_SAME_SIZE = 0.08
_SMALL = 0.88  # of the body's type: a footnote's
_NUMBERED = re.compile(r"^\d{1,2}(?:\.\d{1,2})+\.?\s+\w")
#: What PDFium writes for a hyphen at the end of a line.
BROKEN = ("\ufffe", "\x02")
_FOOT = 0.6  # of the page's height: footnotes stand below


@dataclass(slots=True)
class Run:
    """Lines that belong together, before it is known what they are in the document."""

    kind: PieceKind
    lines: list[str]
    page: int
    size: float
    bold: bool
    mono: bool
    y: float
    x0: float
    text_x0: float
    last: Row
    starts: list[float] = field(default_factory=list)
    closed: bool = False
    opens: bool = False
    level: int | None = None


def runs_of(lines: list[Row], page: int, is_title: Callable[[str], bool] = lambda _text: False) -> list[Run]:
    """Join the lines of one region; a line that the outline names stands for itself."""
    shape = _Shape(lines)
    runs: list[Run] = []
    at = 0
    while at < len(lines):
        end = table_end(lines, at)
        if end > at:
            runs.extend(_table(lines[at:end], page))
            at = end
            continue
        row = lines[at]
        at += 1
        contents = contents_line(row.text)
        if is_title(row.text):
            runs.append(_run("paragraph", row, page, row.text, closed=True))
        elif contents:
            runs.append(_run("list_item", row, page, contents, closed=True))
        elif runs and not runs[-1].closed and not shape.breaks(runs[-1], row):
            run = runs[-1]
            run.lines.append(row.text)
            run.starts.append(row.x0)
            run.bold = run.bold and row.bold
            run.mono = run.mono and row.main.mono
            if len(run.lines) == 2 and run.kind == "list_item":  # noqa: PLR2004 - the first line that hangs
                run.text_x0 = row.x0
            run.last = row
        else:
            runs.append(_begin(row, page, runs[-1] if runs else None))
    if runs:
        runs[0].opens = True
    return runs


def _begin(row: Row, page: int, before: Run | None) -> Run:
    text = row.text
    mark = bullet_end(text)
    if mark:
        return _run("list_item", row, page, text[mark:])
    if number_end(text) and not row.bold:
        # "1." may begin a list or a sentence that was wrapped before a number: a list stands apart.
        apart = (
            before is None
            or before.kind == "list_item"
            or before.bold
            or ends_sentence(before.lines[-1])
            or text[0] == "["
            or abs(before.size - row.main.size) > _SAME_SIZE * before.size
        )
        return _run("list_item" if apart else "paragraph", row, page, text)
    return _run("paragraph", row, page, text)


def _run(kind: PieceKind, row: Row, page: int, text: str, *, closed: bool = False) -> Run:
    main = row.main
    return Run(
        kind, [text], page, main.size, row.bold, main.mono, row.y, row.x0, row.x0, row, starts=[row.x0], closed=closed
    )


def _table(lines: list[Row], page: int) -> list[Run]:
    table = cells(lines)
    if is_formula(table):
        run = _run("paragraph", lines[0], page, lines[0].text, closed=True)
        run.lines += [row.text for row in lines[1:]]
        run.last = lines[-1]
        return [run]
    if is_contents(table):
        return [
            _run("list_item", row, page, f"{tidy_title(title)} \u2026 {number}", closed=True)
            for row, (title, number) in zip(lines, table, strict=False)
        ]
    run = _run("table", lines[0], page, "", closed=True)
    run.lines = [" | ".join(row) for row in table]
    run.last = lines[-1]
    return [run]


class _Shape:
    """How a region is set: its left and right edge and the usual distance between its lines."""

    def __init__(self, lines: list[Row]) -> None:
        starts = Counter(round(row.x0) for row in lines)
        self._left = float(min(starts, key=lambda x: (-starts[x], x))) if starts else 0.0
        ends = sorted(row.x1 for row in lines)
        self._right = ends[int(len(ends) * 0.9)] if ends else 0.0
        steps: dict[float, list[float]] = {}
        for above, below in pairwise(lines):
            step, size = below.y - above.y, above.main.size
            if abs(below.main.size - size) <= _SAME_SIZE * size and 0 < step < 2.5 * size:
                steps.setdefault(round(size), []).append(step)
        self._leading = {size: median(found) for size, found in steps.items()}

    def breaks(self, run: Run, row: Row) -> bool:
        above, size = run.last, run.last.main.size
        # Enough lines close together, and the median is theirs; a page of lone lines tells nothing.
        leading = min(self._leading.get(round(size), 1.25 * size), 1.7 * size)
        if row.y - above.y > _LOOSE * leading or row.y < above.y:
            return True
        if self._runs_on(run, row):
            return False
        return (
            self._other_type(run, row)
            or _begins_anew(run, row)
            or self._indented(run, row, size)
            or self._ended_early(run, row)
        )

    @staticmethod
    def _other_type(run: Run, row: Row) -> bool:
        above = run.last
        size = abs(row.main.size - run.size) > _SAME_SIZE * run.size and len(row.text) > 3  # noqa: PLR2004 - an index
        bold = row.bold != above.bold and (row.bold or run.bold) and (len(run.lines) == 1 or row.bold)
        mono = row.main.mono != above.main.mono and (row.main.mono or run.mono)
        return size or bold or mono

    @staticmethod
    def _runs_on(run: Run, row: Row) -> bool:
        # A word broken at the line's end, or a sentence that goes on in small letters in the same type.
        above = run.last.text
        if above.endswith(BROKEN):
            return True
        same = abs(row.main.size - run.size) <= _SAME_SIZE * run.size and not (run.mono or row.main.mono)
        return same and row.text[:1].islower() and not ends_sentence(above) and row.bold == run.last.bold

    def _indented(self, run: Run, row: Row, size: float) -> bool:
        step = row.x0 - run.last.x0
        if run.mono:
            return False
        if run.kind == "list_item":
            # The text of an item hangs to the right of its mark; what returns to the mark is no more of it.
            hanging = len(run.lines) > 1 and run.text_x0 > run.x0 + 2
            return row.x0 < run.x0 - 2 or (hanging and row.x0 <= run.x0 + 2)
        if len(run.lines) == 1:
            return step > 4 * size
        if step > _INDENT_EM * size:
            return step < 12 * size or not self._centred(run)
        return step < -2 * size and len(run.lines) > 2 and not self._centred(run)  # noqa: PLR2004 - after a first line

    def _centred(self, run: Run) -> bool:
        return len({round(x) for x in run.starts}) == len(run.starts) > 2  # noqa: PLR2004 - every line its own start

    def _ended_early(self, run: Run, row: Row) -> bool:
        if not ends_sentence(run.last.text):
            return False
        first_word = len(row.text.split(" ", 1)[0]) * (row.x1 - row.x0) / max(len(row.text), 1)
        return run.last.x1 + first_word + row.main.size < self._right - row.main.size


def _begins_anew(run: Run, row: Row) -> bool:
    if bullet_end(row.text) or (_NUMBERED.match(row.text) and _NUMBERED.match(run.lines[0])):
        return True
    return bool(number_end(row.text)) and run.kind == "list_item" and row.x0 <= run.x0 + 2


def is_footnote(run: Run, body: float, height: float) -> bool:
    """Say if a run is small, numbered and low on its page."""
    return (
        run.kind != "table"
        and run.size <= _SMALL * body
        and run.y > _FOOT * height
        and (run.lines[0][:1].isdigit() or run.lines[0][:1] in "*\u2217\u2020\u2021\u00a7")
    )

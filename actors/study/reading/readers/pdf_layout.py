"""Puts the segments of a page into reading order: columns one after the other, lines from the top."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise

from .marks import is_lone_mark
from .pdf_lines import Segment

_FEWEST = 6  # lines on either side that make a column
_LONG = 0.22  # of the text's width: a line of prose, not a cell or a label
_INNER = (0.2, 0.8)  # where a second column may begin
_CROSSING = 0.4  # of the letters may run across, as titles and wide tables do
_DEEPEST = 3
_LEVEL_EM = 3.0  # columns that end so close to one another end together
_APART_EM = 1.8
_BASELINE = 0.45  # of the type's size: further apart is another line


@dataclass(slots=True)
class Row:
    """The segments of one line of a column, from the left."""

    segments: list[Segment]

    @property
    def y(self) -> float:
        return self.segments[0].y

    @property
    def x0(self) -> float:
        return self.segments[0].x0

    @property
    def x1(self) -> float:
        return self.segments[-1].x1

    @property
    def text(self) -> str:
        return " ".join(segment.text for segment in self.segments)

    @property
    def main(self) -> Segment:
        """The segment with the most letters: its type stands for the line's."""
        return max(self.segments, key=lambda segment: len(segment.text))

    @property
    def bold(self) -> bool:
        return all(segment.bold for segment in self.segments if not is_lone_mark(segment.text)) and self.main.bold


def regions(segments: list[Segment], depth: int = 0) -> list[list[Row]]:
    """Cut a page into regions, each read from top to bottom before the next."""
    if not segments:
        return []
    gutter = _gutter(segments) if depth < _DEEPEST else None
    if gutter is None:
        return [rows(segments)]
    found: list[list[Row]] = []
    left: list[Segment] = []
    right: list[Segment] = []
    wide: list[Segment] = []
    for segment in sorted(segments, key=lambda one: one.y):
        if segment.x0 < gutter - 1 and segment.x1 > gutter + 1:
            found += _side_by_side(left, right, depth)
            left, right = [], []
            wide.append(segment)
            continue
        if wide:
            found.append(rows(wide))
            wide = []
        (left if segment.x1 <= gutter + 1 else right).append(segment)
    if wide:
        found.append(rows(wide))
    return found + _side_by_side(left, right, depth)


def _side_by_side(left: list[Segment], right: list[Segment], depth: int) -> list[list[Row]]:
    """Give the left column, the right one, and what stands under both, its short lines on the left."""
    end = len(left)
    if left and right:
        foot = right[-1].y
        for at, (above, below) in enumerate(pairwise(left), start=1):
            ends_level = abs(above.y - foot) < _LEVEL_EM * above.size
            if ends_level and below.y > foot and below.y - above.y > _APART_EM * above.size:
                end = at
                break
    columns = regions(left[:end], depth + 1) + regions(right, depth + 1)
    return columns + regions(left[end:], depth + 1)


def _gutter(segments: list[Segment]) -> float | None:
    start, end = min(segment.x0 for segment in segments), max(segment.x1 for segment in segments)
    width = end - start
    long = [segment for segment in segments if segment.x1 - segment.x0 > _LONG * width]
    if len(long) < 2 * _FEWEST:
        return None
    starts = Counter(round(segment.x0) for segment in long)
    letters = sum(len(segment.text) for segment in segments)
    best: tuple[int, float] | None = None
    for x in starts:
        if not _INNER[0] * width < x - start < _INNER[1] * width:
            continue
        edge = x - 1.5
        if starts[x - 1] + starts[x] + starts[x + 1] < _FEWEST:
            continue
        left = sum(1 for segment in long if segment.x1 <= edge + 2)
        right = sum(1 for segment in long if segment.x0 >= edge)
        across = sum(len(segment.text) for segment in segments if segment.x0 < edge - 1 and segment.x1 > edge + 1)
        if left < _FEWEST or right < _FEWEST or across > _CROSSING * letters:
            continue
        if best is None or (across, x) < best:
            best = (across, edge)
    return best[1] if best else None


def rows(segments: list[Segment]) -> list[Row]:
    """Gather segments that share a baseline; a list mark and the text to its right become one segment."""
    return [Row(_merge_marks(row.segments)) for row in line_rows(segments)]


def line_rows(segments: list[Segment]) -> list[Row]:
    """Gather segments that share a baseline, from the top."""
    found: list[list[Segment]] = []
    for segment in sorted(segments, key=lambda one: (one.y, one.x0)):
        if found:
            line = found[-1]
            anchor = max(line, key=lambda one: one.size)
            if abs(segment.y - anchor.y) <= _BASELINE * max(anchor.size, segment.size) and not _overlaps(line, segment):
                line.append(segment)
                continue
        found.append([segment])
    return [Row(sorted(line, key=lambda one: one.x0)) for line in found]


def _overlaps(line: list[Segment], segment: Segment) -> bool:
    return any(min(one.x1, segment.x1) - max(one.x0, segment.x0) > 0.5 * min(one.size, segment.size) for one in line)


def _merge_marks(line: list[Segment]) -> list[Segment]:
    merged: list[Segment] = []
    for segment in line:
        last = merged[-1] if merged else None
        near = last is not None and segment.x0 - last.x1 < 0.9 * segment.size
        marked = (
            last is not None and len(merged) == 1 and is_lone_mark(last.text) and segment.x0 - last.x1 < 4 * last.size
        )
        if last is not None and (near or marked):
            glued = near and segment.x0 - last.x1 < 0.12 * segment.size
            main = last if len(last.text) > len(segment.text) else segment
            merged[-1] = Segment(
                last.text + ("" if glued else " ") + segment.text,
                last.x0, max(last.x1, segment.x1), main.y, main.size, main.bold, main.mono,
            )  # fmt: skip
        else:
            merged.append(segment)
    return merged

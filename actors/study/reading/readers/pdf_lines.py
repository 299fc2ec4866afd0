"""Takes the text of a PDF page apart into segments: runs of words on one line, each with its place and its type."""

from __future__ import annotations

import ctypes
import math
import re
import sys
from collections import Counter
from dataclasses import dataclass
from typing import Any

_BREAK = re.compile(r"\r\n|\r|\n|(?<=[\ufffe\x02])")
_WORD = re.compile(r"[^\s]+")
_BOLD_NAME = re.compile(r"bold|black|heavy|semibold|demi|cmbx|sfbx|-bd\b", re.IGNORECASE)
_MONO_NAME = re.compile(r"mono|courier|typewriter|cmtt|sftt|consol|menlo|code|fixed", re.IGNORECASE)
_GAP_EM = 1.15  # wider than any space of justified text
_JUMP_EM = 0.7
_FAINT = 0.1


@dataclass(slots=True)
class Segment:
    """Words of one line with nothing wide between them; ``y`` is the baseline and grows downwards."""

    text: str
    x0: float
    x1: float
    y: float
    size: float
    bold: bool
    mono: bool


@dataclass(slots=True)
class PageText:
    """The segments of a page in the order they were drawn, and the page's size as it is read."""

    segments: list[Segment]
    width: float
    height: float
    characters: int


class LineReader:
    """Reads page after page of one document; knows the fonts it has met."""

    def __init__(self) -> None:
        import pypdfium2.raw as pdfium

        self._pdfium = pdfium
        self._left, self._right = ctypes.c_double(), ctypes.c_double()
        self._bottom, self._top = ctypes.c_double(), ctypes.c_double()
        self._x, self._y = ctypes.c_double(), ctypes.c_double()
        # Made once: a page asks for a thousand places.
        self._origin = ctypes.byref(self._x), ctypes.byref(self._y)
        box = (self._left, self._right, self._bottom, self._top)
        self._box = tuple(ctypes.byref(side) for side in box)
        self._matrix = pdfium.FS_MATRIX()
        self._name = ctypes.create_string_buffer(256)
        self._flags = ctypes.c_int()
        self._char_origin, self._char_box = pdfium.FPDFText_GetCharOrigin, pdfium.FPDFText_GetCharBox
        self._fonts: dict[bytes, tuple[bool, bool]] = {}

    def read(self, page: Any) -> PageText:
        textpage = page.get_textpage()
        try:
            text = self._text(textpage)
            spans = _spans(text)
            handle = textpage.raw
            angle = self._angle(handle, spans)
            segments: list[Segment] = []
            for begin, end in spans:
                segments.extend(self._segments(handle, text, begin, end, angle))
        finally:
            textpage.close()
        left, top, width, height = _frame(page.get_cropbox(), angle)
        for segment in segments:
            segment.x0, segment.x1, segment.y = segment.x0 - left, segment.x1 - left, segment.y - top
        return PageText(segments, width, height, len("".join(text.split())))

    def _text(self, textpage: Any) -> str:
        count = textpage.count_chars()
        text: str = textpage.get_text_range() if count else ""
        if len(text) == count:
            return text
        # Characters outside of the first plane, or without a meaning: take them one by one, so that places fit.
        get = self._pdfium.FPDFText_GetUnicode
        return "".join(
            chr(code) if 0 < (code := get(textpage, at)) <= sys.maxunicode else "\ufffd" for at in range(count)
        )

    def _angle(self, textpage: Any, spans: list[tuple[int, int]]) -> float:
        # Pages scanned or set sideways: the direction of most of the text is the reader's "right".
        turns: Counter[float] = Counter()
        for begin, end in spans:
            angle = self._pdfium.FPDFText_GetCharAngle(textpage, begin)
            turns[round(max(angle, 0.0), 1)] += end - begin
        return turns.most_common(1)[0][0] if turns else 0.0

    def _segments(self, textpage: Any, text: str, begin: int, end: int, angle: float) -> list[Segment]:
        turn = self._pdfium.FPDFText_GetCharAngle(textpage, begin)
        if abs(round(max(turn, 0.0), 1) - angle) > _FAINT:
            return []  # a stamp along the margin, a label of an axis
        cosine, sine = _turn(angle)
        segments: list[Segment] = []
        words: list[list[int]] = []
        for word in _WORD.finditer(text, begin, end):
            x0, x1, y = self._place(textpage, word.start(), word.end() - 1, cosine, sine)
            if segments and self._continues(segments[-1], x0, y):
                last = segments[-1]
                last.text += " " + word.group()
                last.x1 = max(last.x1, x1)
                words[-1].append(word.start())
                continue
            segments.append(Segment(word.group(), x0, x1, y, self._size(textpage, word.start()), bold=True, mono=True))
            words.append([word.start()])
        for segment, starts in zip(segments, words, strict=True):
            self._set_type(textpage, segment, starts)
        return segments

    @staticmethod
    def _continues(last: Segment, x0: float, y: float) -> bool:
        em = last.size
        return -em < x0 - last.x1 < _GAP_EM * em and abs(y - last.y) < _JUMP_EM * em

    def _place(self, textpage: Any, first: int, final: int, cosine: float, sine: float) -> tuple[float, float, float]:
        self._char_origin(textpage, first, *self._origin)
        self._char_box(textpage, final, *self._box)
        x, y = self._x.value, self._y.value
        if cosine == 1.0:
            return x, max(self._right.value, x), -y
        corners = [
            across * cosine + up * sine
            for across in (self._left.value, self._right.value)
            for up in (self._bottom.value, self._top.value)
        ]
        return x * cosine + y * sine, max(corners), x * sine - y * cosine

    def _size(self, textpage: Any, at: int) -> float:
        size = self._pdfium.FPDFText_GetFontSize(textpage, at)
        if self._pdfium.FPDFText_GetMatrix(textpage, at, self._matrix):
            size *= math.hypot(self._matrix.c, self._matrix.d)
        return round(abs(size), 1) or 1.0

    def _set_type(self, textpage: Any, segment: Segment, starts: list[int]) -> None:
        # The first, the middle and the last word tell whether a line is set in bold or only begins so.
        sampled = {starts[0], starts[len(starts) // 2], starts[-1]}
        for at in sampled:
            bold, mono = self._font(textpage, at)
            segment.bold, segment.mono = segment.bold and bold, segment.mono and mono
        if len(starts) > 2:  # noqa: PLR2004 - a drop cap or a mark may come first
            segment.size = self._size(textpage, starts[len(starts) // 2])

    def _font(self, textpage: Any, at: int) -> tuple[bool, bool]:
        pdfium = self._pdfium
        pdfium.FPDFText_GetFontInfo(textpage, at, self._name, len(self._name), self._flags)
        name = self._name.value
        looks = self._fonts.get(name)
        if looks is None:
            shown = name.decode("utf-8", "replace")
            looks = bool(_BOLD_NAME.search(shown)), bool(_MONO_NAME.search(shown))
            self._fonts[name] = looks
        bold = looks[0] or pdfium.FPDFText_GetFontWeight(textpage, at) >= 700  # noqa: PLR2004 - CSS calls that bold
        return bold, looks[1]


def _turn(angle: float) -> tuple[float, float]:
    quarter = round(angle / (math.pi / 2)) % 4
    return ((1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0))[quarter]


def _frame(box: tuple[float, float, float, float], angle: float) -> tuple[float, float, float, float]:
    cosine, sine = _turn(angle)
    corners = [(x, y) for x in (box[0], box[2]) for y in (box[1], box[3])]
    across = [x * cosine + y * sine for x, y in corners]
    down = [x * sine - y * cosine for x, y in corners]
    return min(across), min(down), max(across) - min(across), max(down) - min(down)


def _spans(text: str) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    begin = 0
    for found in _BREAK.finditer(text):
        if found.start() > begin:
            spans.append((begin, found.start()))
        begin = found.end()
    if begin < len(text):
        spans.append((begin, len(text)))
    # A span must not begin with a blank: its first character stands for the whole.
    return [(end - len(text[start:end].lstrip()), end) for start, end in spans if text[start:end].strip()]

"""Characters as a reader would type them: no ligatures, control marks, invisible or direction-changing characters."""

from __future__ import annotations

import re
import unicodedata

_LIGATURES = {0xFB00: "ff", 0xFB01: "fi", 0xFB02: "fl", 0xFB03: "ffi", 0xFB04: "ffl", 0xFB05: "st", 0xFB06: "st"}
_SPACES = dict.fromkeys([0xA0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000, 0x9, 0xB], " ")
#: Soft hyphen, zero-width, direction overrides (they can make a text read as another), byte order marks.
_NOTHING = dict.fromkeys(
    [
        0xAD,
        0x200B,
        0x200E,
        0x200F,
        *range(0x202A, 0x202F),
        *range(0x2060, 0x2070),
        *range(0xFE00, 0xFE10),
        0xFEFF,
        0xFFFC,
    ],
    None,
)
_BULLETS = dict.fromkeys([0xF0B7, 0xF0A7, 0xF076, 0xF0D8, 0xF0FC, 0x25CF, 0x2219], "\u2022")
_LINES = {0x2028: "\n", 0x2029: "\n", 0xC: "\n", 0x85: "\n"}
_TABLE = {**_LIGATURES, **_SPACES, **_NOTHING, **_BULLETS, **_LINES}
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff\ud800-\udfff\ue000-\uf8ff]")
_BLANKS = re.compile(r" {2,}")
_BLANK_LINES = re.compile(r" *\n\s*")


#: Accents that TeX sets as letters of their own, before the letter they belong to.
_ACCENTS = {"\u00a8": "\u0308", "\u00b4": "\u0301", "\u02c7": "\u030c", "\u02d8": "\u0306", "\u02da": "\u030a"}
_LOOSE_ACCENT = re.compile("([\u00a8\u00b4\u02c7\u02d8\u02da])([A-Za-z\u0131])")


def clean(text: str) -> str:
    """Normalize characters and blanks; line breaks that carry meaning stay as single ones."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").translate(_TABLE)
    text = _CONTROL.sub("", text)
    text = _LOOSE_ACCENT.sub(lambda found: found.group(2).replace("\u0131", "i") + _ACCENTS[found.group(1)], text)
    text = _BLANKS.sub(" ", text)
    return unicodedata.normalize("NFC", _BLANK_LINES.sub("\n", text)).strip()


_TAIL = re.compile(r"(\w+)[-\u2010\x02\ufffe\u00ad]$")
_MARKED = re.compile(r"[\x02\ufffe\u00ad]$")
_HEAD = re.compile(r"^(\w+)")


class Hyphens:
    """Joins lines and mends words broken at their ends, by the words that the document uses elsewhere."""

    def __init__(self, words: frozenset[str] = frozenset()) -> None:
        self._words = words

    def join(self, first: str, second: str) -> str:
        """Join two lines: ``exam-`` and ``ple`` become ``example``, ``well-`` and ``known`` keep their hyphen."""
        first, second = first.rstrip(" "), second.lstrip(" ")
        if not first or not second:
            return first + second
        tail, head = _TAIL.search(first), _HEAD.match(second)
        if not tail:
            return f"{first[:-1]}{second}" if _MARKED.search(first) else f"{first} {second}"
        if not head or not second[0].isalpha():
            return first[:-1] + "-" + second
        left, right = tail.group(1), head.group(1)
        whole, dashed = (left + right).lower(), f"{left}-{right}".lower()
        if dashed in self._words and whole not in self._words:
            return f"{first[:-1]}-{second}"
        if whole in self._words or (right[0].islower() and left[-1].isalpha() and not left.isupper()):
            return first[:-1] + second
        return f"{first[:-1]}-{second}"


_WORD = re.compile(r"\w+(?:-\w+)*")


def vocabulary(text: str) -> frozenset[str]:
    """Collect the words of a text, hyphenated ones whole, to decide how broken ones are mended."""
    return frozenset(word.lower() for word in _WORD.findall(text))

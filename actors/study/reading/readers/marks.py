"""The signs at the start of a line that make it a list item, and at its end that close a sentence."""

from __future__ import annotations

import re

_BULLETS = "\u2022\u2023\u25aa\u25ab\u25cf\u25cb\u25e6\u25a0\u25a1\u2219\u00b7\u2013\u2014\u2212*"
_BULLETS += "\uf0b7\uf0a7\u27a2\u2713\u25b6\\-"
_BULLET = re.compile(rf"^(?:[{_BULLETS}]|o(?=\s))\s+(?=\S)")
_NUMBER = re.compile(r"^(?:\(?\d{1,3}[.)]|\(?[a-zA-Z][.)]|\(?[ivx]{1,5}[.)]|\[\w{1,8}\])\s+(?=\S)")
_LONE = re.compile(
    rf"^(?:[{_BULLETS}o]|\(?\d{{1,3}}[.)]?|\d+(?:\.\d+)+\.?|[A-Z]\.\d+|"
    r"\(?[a-zA-Z][.)]|\(?[ivx]{1,5}[.)]|\[\w{1,8}\])$"
)
_SENTENCE_END = re.compile(r"[.!?:;\u2026\u3002][\"')\]\u201d\u2019\u00bb]*$")


def bullet_end(line: str) -> int:
    """Say where the text behind a bullet sign begins, 0 if there is none."""
    found = _BULLET.match(line)
    return found.end() if found else 0


def number_end(line: str) -> int:
    """Say where the text behind ``1.``, ``(a)`` or ``[7]`` begins, 0 if there is none."""
    found = _NUMBER.match(line)
    return found.end() if found else 0


def is_lone_mark(text: str) -> bool:
    """Say if a bit of text is nothing but the mark of a list item or heading, its text standing further right."""
    return bool(_LONE.match(text))


def ends_sentence(text: str) -> bool:
    """Say if a text is closed: what follows is no continuation of it."""
    return bool(_SENTENCE_END.search(text))

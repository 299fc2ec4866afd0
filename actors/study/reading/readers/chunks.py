"""Cuts a document into passages of a few hundred words, whole blocks where it can."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

_LEAST = 150
_MOST = 300
_LONGEST = 4_000  # characters; what is longer is cut without being counted
_SENTENCE_END = re.compile(r"(?<=[.!?\u3002])[\"')\]\u201d\u00bb]*\s+|\n")
_IDEOGRAPHS = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


def cut_chunks(blocks: list[dict[str, Any]], text: str) -> list[dict[str, Any]]:
    """Say where each chunk begins and ends in the text; the parent cuts it out, so that no text crosses twice."""
    chunks: list[dict[str, Any]] = []
    spans: list[tuple[int, int]] = []
    words = 0
    heading: str | None = None
    start: dict[str, Any] = {}

    def close() -> None:
        nonlocal words
        if spans:
            chunks.append({**start, "offset": spans[0][0], "length": spans[-1][1] - spans[0][0], "words": words})
        spans.clear()
        words = 0

    for block in blocks:
        is_heading = block["kind"] == "heading"
        if is_heading:
            heading = block["text"]
            if words >= _LEAST:
                close()
        for begin, end, count in _parts(block):
            if words and words + count > _MOST and words >= _LEAST // 2 and not _ends_in_heading(spans, blocks):
                close()
            if not spans:
                start = {"page": block["page"], "heading": heading}
            spans.append((begin, end))
            words += count
    close()
    return _join_last(chunks, text)


def _ends_in_heading(spans: list[tuple[int, int]], blocks: list[dict[str, Any]]) -> bool:
    # A chunk that ended in a heading would name what it does not hold.
    last = spans[-1][0]
    low, high = 0, len(blocks)
    while low < high:
        middle = (low + high) // 2
        if blocks[middle]["offset"] < last:
            low = middle + 1
        else:
            high = middle
    return low < len(blocks) and blocks[low]["offset"] == last and blocks[low]["kind"] == "heading"


def _join_last(chunks: list[dict[str, Any]], text: str) -> list[dict[str, Any]]:
    if len(chunks) > 1 and chunks[-1]["words"] < _LEAST // 2 and chunks[-1]["words"] + chunks[-2]["words"] <= _MOST:
        last = chunks.pop()
        chunks[-1]["length"] = last["offset"] + last["length"] - chunks[-1]["offset"]
    for chunk in chunks:
        del chunk["words"]
    assert all(chunk["offset"] + chunk["length"] <= len(text) for chunk in chunks)
    return chunks


def _parts(block: dict[str, Any]) -> Iterator[tuple[int, int, int]]:
    text, offset = block["text"], block["offset"]
    count = _count(text)
    if count <= _MOST:
        yield offset, offset + len(text), count
        return
    begin, held = 0, 0
    for sentence_begin, sentence_end in _sentences(text):
        size = _count(text[sentence_begin:sentence_end])
        if held and held + size > _MOST:
            stop = sentence_begin
            while text[stop - 1].isspace():
                stop -= 1
            yield offset + begin, offset + stop, held
            begin, held = sentence_begin, 0
        held += size
    yield offset + begin, offset + len(text), held


def _sentences(text: str) -> Iterator[tuple[int, int]]:
    begin = 0
    for end in [match.end() for match in _SENTENCE_END.finditer(text)] + [len(text)]:
        yield from _pieces(text, begin, end)
        begin = end


def _pieces(text: str, begin: int, end: int) -> Iterator[tuple[int, int]]:
    # A "sentence" of thousands of words is a list of numbers or the like: cut it at blanks.
    while end - begin > _LONGEST or _count(text[begin:end]) > _MOST:
        at, seen = begin, 0
        while seen < _LEAST:
            blank = text.find(" ", at, end)
            step = blank + 1 if 0 <= blank < at + 200 else min(at + 200, end)
            seen += max(_count(text[at:step]), 1)
            at = step
        yield begin, at
        begin = at
    if begin < end:
        yield begin, end


def _count(text: str) -> int:
    return len(text.split()) + len(_IDEOGRAPHS.findall(text)) // 2

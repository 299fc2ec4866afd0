"""From pieces to numbered blocks: cleaned, emptied of blanks, each knowing its place in the text."""

from __future__ import annotations

from typing import Any

from .cleaning import clean
from .limits import Limits
from .pieces import Draft, Unreadable

_SEPARATOR = 2  # the blank line between blocks
_LONGEST_HEADING = 300
_DEEPEST = 9


def finish(draft: Draft, limits: Limits) -> list[dict[str, Any]]:
    """Turn pieces into blocks; raise ``Unreadable`` if nothing is left or far too much."""
    blocks: list[dict[str, Any]] = []
    offset = 0
    for piece in draft.pieces:
        text = clean(piece.text)
        if not any(character.isalnum() for character in text):
            continue
        kind, level = piece.kind, piece.level
        if kind == "heading":
            text = text.replace("\n", " ")
            if len(text) > _LONGEST_HEADING:
                kind = "paragraph"
        block: dict[str, Any] = {"kind": kind, "text": text, "page": piece.page, "offset": offset}
        if kind == "heading":
            block["level"] = min(max(level or 1, 1), _DEEPEST)
        blocks.append(block)
        offset += len(text) + _SEPARATOR
        if offset > limits.characters:
            raise Unreadable(f"holds more than {limits.characters:,} characters of text: split it into parts")
    if not blocks:
        raise Unreadable("holds no text that could be read")
    return blocks


def number_sections(draft: Draft) -> None:
    """Count one page a top section, for formats that have no pages.

    The top section is the highest heading that occurs more than once: a lone title is above the sections.
    """
    levels = [piece.level or 1 for piece in draft.pieces if piece.kind == "heading"]
    tops = sorted({level for level in levels if levels.count(level) > 1})
    page, filled = 1, False
    for piece in draft.pieces:
        if piece.kind == "heading" and tops and (piece.level or 1) <= tops[0]:
            page, filled = page + filled, False
        if piece.kind != "heading":
            filled = True
        piece.page = page
    draft.pages = page

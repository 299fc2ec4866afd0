"""Reads plain text: paragraphs by blank lines, pages by form feeds, headings only where they are evident."""

from __future__ import annotations

import re
from collections import Counter

from .cleaning import Hyphens, vocabulary
from .decoding import read_text
from .finishing import number_sections
from .marks import ends_sentence
from .pieces import Draft, Piece, PieceKind, Task

_UNDERLINE = re.compile(r"^(={3,}|-{3,}|~{3,}|\*{3,})$")
_NUMBERED = re.compile(r"^(\d{1,2}(?:\.\d{1,2}){0,4})\.?\s+([^\W\d_].*)$")
_NAMED = re.compile(
    r"^(chapter|part|section|appendix|kapitel|teil|abschnitt|chapitre|cap[ií]tulo)\s+[\divxlc]+\b", re.IGNORECASE
)
_BULLET = re.compile(r"^\s*[-*+\u2022\u2023\u25aa\u25e6]\s+(?=\S)")
_ITEM = re.compile(r"^\s*(?:\(?\d{1,3}[.)]|\(?[a-z][.)]|\[\w{1,8}\])\s+(?=\S)")
_PAGE_MARK = re.compile(r"\d+")
_LONGEST_HEADING = 80
_LONGEST_CAPITALS = 60
_CENTRED = 16  # blanks before a line that stands in the middle


def read_plain(task: Task) -> Draft:
    """Read paragraphs, list items, tables of tab-separated lines and evident headings."""
    text = read_text(task)
    pages = text.replace("\r\n", "\n").replace("\r", "\n").split("\f")
    while pages and not pages[-1].strip():
        pages.pop()
    lines = _without_running_lines([page.split("\n") for page in pages])
    hyphens = Hyphens(vocabulary(text))
    draft = Draft(format="text", pieces=[], pages=len(pages))
    for number, page in enumerate(lines, start=1):
        for part in _paragraphs(page):
            for paragraph in part:
                draft.pieces.extend(_read(paragraph, number, hyphens, alone=len(part) == 1))
    if len(pages) == 1:
        number_sections(draft)
    return draft


def _without_running_lines(pages: list[list[str]]) -> list[list[str]]:
    # The first and the last line of a page that come again on others, digits aside: RFCs have them.
    if len(pages) < 3:  # noqa: PLR2004 - nothing repeats
        return pages
    filled = [[line for line in page if line.strip()] for page in pages]
    edges = Counter(key for page in filled if page for key in {_key(page[0]), _key(page[-1])})
    running = {key for key, times in edges.items() if times >= 3}  # noqa: PLR2004 - more than a chance
    result = []
    for page in pages:
        at = [index for index, line in enumerate(page) if line.strip()]
        drop = {index for index in (at[:1] + at[-1:]) if _key(page[index]) in running}
        result.append([line for index, line in enumerate(page) if index not in drop])
    return result


def _key(line: str) -> str:
    return _PAGE_MARK.sub("#", " ".join(line.split()))


def _paragraphs(lines: list[str]) -> list[list[list[str]]]:
    """Part lines by blank ones, and each part into its list items; a part of one is a paragraph or a heading."""
    parts: list[list[list[str]]] = [[]]
    for line in lines:
        if not line.strip():
            parts.append([])
        elif not parts[-1] or _begins_item(line, parts[-1][-1]):
            parts[-1].append([line])
        else:
            parts[-1][-1].append(line)
    return [part for part in parts if part]


def _begins_item(line: str, before: list[str]) -> bool:
    if _BULLET.match(line):
        return True
    # "1." within a paragraph may be where a sentence was wrapped; after an item or a full stop it is the next item.
    return bool(_ITEM.match(line)) and (bool(_ITEM.match(before[0])) or ends_sentence(before[-1].rstrip()))


def _read(lines: list[str], page: int, hyphens: Hyphens, *, alone: bool) -> list[Piece]:
    if len(lines) > 1 and _UNDERLINE.match(lines[1].strip()) and not _UNDERLINE.match(lines[0].strip()):
        heading = Piece("heading", lines[0], page, 1 if lines[1].strip()[0] in "=*" else 2)
        return [heading, *(_read(lines[2:], page, hyphens, alone=alone) if lines[2:] else [])]
    if all("\t" in line.strip() for line in lines) and len(lines) > 1:
        rows = (" | ".join(cell.strip() for cell in line.strip().split("\t") if cell.strip()) for line in lines)
        return [Piece("table", "\n".join(rows), page)]
    if len(lines) == 1 and alone:
        level = _heading_level(lines[0].strip(), indent=len(lines[0]) - len(lines[0].lstrip()))
        if level:
            return [Piece("heading", lines[0], page, level)]
    bullet = _BULLET.match(lines[0])
    if bullet:
        return [Piece("list_item", _joined([lines[0][bullet.end() :], *lines[1:]], hyphens), page)]
    kind: PieceKind = "list_item" if _ITEM.match(lines[0]) else "paragraph"
    return [Piece(kind, _joined(lines, hyphens), page)]


def _heading_level(line: str, indent: int) -> int | None:
    if len(line) > _LONGEST_HEADING or line[-1] in ".,;:!?" or not any(letter.isalpha() for letter in line):
        return None
    if _NAMED.match(line):
        return 1
    numbered = _NUMBERED.match(line)
    if numbered and len(line.split()) <= 12:  # noqa: PLR2004 - longer ones are sentences
        return numbered.group(1).count(".") + 1
    letters = [letter for letter in line if letter.isalpha()]
    capitals = sum(1 for letter in letters if letter.isupper())
    if len(letters) > 3 and capitals == len(letters) and len(line) <= _LONGEST_CAPITALS:  # noqa: PLR2004 - an acronym
        return 1
    centred = indent >= _CENTRED and len(line) <= _LONGEST_CAPITALS and line[0].isupper()
    return 2 if centred and len(line.split()) <= 8 else None  # noqa: PLR2004 - longer ones are sentences


def _joined(lines: list[str], hyphens: Hyphens) -> str:
    # Lines far shorter than the longest are verse, addresses or code: their breaks carry meaning.
    lengths = [len(line.strip()) for line in lines]
    longest = max(lengths)
    wrapped = len(lines) > 1 and longest >= 40 and all(length > longest * 0.5 for length in lengths[:-1])  # noqa: PLR2004
    indented = all(line.startswith(("    ", "\t")) for line in lines)
    if not wrapped or (indented and len(lines) > 1 and longest < 60):  # noqa: PLR2004 - code
        return "\n".join(line.rstrip() if indented else line.strip() for line in lines)
    text = lines[0].strip()
    for line in lines[1:]:
        text = hyphens.join(text, line.strip())
    return text

"""Reads Markdown through its token stream: CommonMark with tables."""

from __future__ import annotations

import re
from typing import Any

from .decoding import read_text
from .finishing import number_sections
from .html import pieces_of_html
from .pieces import Draft, Piece, Task

_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?\n)(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_TITLE = re.compile(r"^title:\s*[\"']?(.+?)[\"']?\s*$", re.MULTILINE)


def read_markdown(task: Task) -> Draft:
    """Read headings, paragraphs, list items, tables and code; one page a top section."""
    from markdown_it import MarkdownIt

    text = read_text(task).replace("\r\n", "\n")
    title = None
    front = _FRONT_MATTER.match(text)
    if front:
        named = _TITLE.search(front.group(1))
        title = named.group(1) if named else None
        text = text[front.end() :]
    gathering = _Gathering()
    for token in MarkdownIt("commonmark").enable("table").parse(text):
        gathering.add(token)
    draft = Draft(format="markdown", pieces=gathering.pieces, title=title)
    number_sections(draft)
    return draft


class _Gathering:
    """Turns the token stream into pieces; knows what it is inside of."""

    def __init__(self) -> None:
        self.pieces: list[Piece] = []
        self._level: int | None = None
        self._items = 0
        self._rows: list[list[str]] | None = None

    def add(self, token: Any) -> None:
        if token.type in {"heading_open", "heading_close"}:
            self._level = int(token.tag[1:]) if token.nesting > 0 else None
        elif token.type in {"list_item_open", "list_item_close"}:
            self._items += token.nesting
        elif token.type == "inline":
            self._text(_inline(token.children or []))
        elif token.type in {"fence", "code_block"}:
            self.pieces.append(Piece("paragraph", token.content))
        elif token.type == "html_block":
            self.pieces.extend(pieces_of_html(token.content).pieces)
        else:
            self._table(token)

    def _table(self, token: Any) -> None:
        if token.type == "table_open":
            self._rows = []
        elif token.type == "tr_open" and self._rows is not None:
            self._rows.append([])
        elif token.type == "table_close" and self._rows is not None:
            self.pieces.append(Piece("table", "\n".join(" | ".join(row) for row in self._rows if any(row))))
            self._rows = None

    def _text(self, text: str) -> None:
        if self._rows is not None:
            self._rows[-1].append(text.replace("\n", " "))
        elif self._level is not None:
            self.pieces.append(Piece("heading", text, level=self._level))
        else:
            self.pieces.append(Piece("list_item" if self._items else "paragraph", text))


def _inline(tokens: list[Any]) -> str:
    parts: list[str] = []
    for token in tokens:
        if token.type in {"text", "code_inline"}:
            parts.append(token.content)
        elif token.type == "softbreak":
            parts.append(" ")
        elif token.type == "hardbreak":
            parts.append("\n")
        elif token.type == "image":
            parts.append(_inline(token.children or []))
    return "".join(parts)

"""Reads Markdown through its token stream: CommonMark with tables."""

from __future__ import annotations

import re
from typing import Any

from .decoding import decode
from .finishing import number_sections
from .html import pieces_of_html
from .pieces import Draft, Piece, Task, Unreadable

_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?\n)(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_TITLE = re.compile(r"^title:\s*[\"']?(.+?)[\"']?\s*$", re.MULTILINE)


def read_markdown(task: Task) -> Draft:
    """Read headings, paragraphs, list items, tables and code; one page a top section."""
    from markdown_it import MarkdownIt

    text = decode(task.path.read_bytes())
    if text is None:
        raise Unreadable("is not text")
    text = text.replace("\r\n", "\n")
    title = None
    front = _FRONT_MATTER.match(text)
    if front:
        named = _TITLE.search(front.group(1))
        title = named.group(1) if named else None
        text = text[front.end() :]
    draft = Draft(format="markdown", pieces=_pieces(MarkdownIt("commonmark").enable("table").parse(text)), title=title)
    number_sections(draft)
    return draft


def _pieces(tokens: list[Any]) -> list[Piece]:
    pieces: list[Piece] = []
    level: int | None = None
    items = 0
    rows: list[list[str]] | None = None
    for token in tokens:
        if token.type == "heading_open":
            level = int(token.tag[1:])
        elif token.type == "heading_close":
            level = None
        elif token.type == "list_item_open":
            items += 1
        elif token.type == "list_item_close":
            items -= 1
        elif token.type == "table_open":
            rows = []
        elif token.type == "tr_open" and rows is not None:
            rows.append([])
        elif token.type == "table_close" and rows is not None:
            pieces.append(Piece("table", "\n".join(" | ".join(row) for row in rows if any(row))))
            rows = None
        elif token.type == "inline":
            text = _inline(token.children or [])
            if rows is not None:
                rows[-1].append(text.replace("\n", " "))
            elif level is not None:
                pieces.append(Piece("heading", text, level=level))
            else:
                pieces.append(Piece("list_item" if items else "paragraph", text))
        elif token.type in {"fence", "code_block"}:
            pieces.append(Piece("paragraph", token.content))
        elif token.type == "html_block":
            pieces.extend(pieces_of_html(token.content).pieces)
    return pieces


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

"""Texts as extracted documents, for tests of what is made from them."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from actors.study.material import Block, ExtractedDocument

MATERIAL = Path(__file__).parent.parent / "material"
SUBJECTS = ("photosynthesis", "electricity", "revolution", "networks", "markets")


def document(
    text: str, *, name: str = "text.md", language: str | None = "en", words_a_page: int = 250
) -> ExtractedDocument:
    """Give a Markdown text of headings and paragraphs as an extracted document."""
    blocks: list[Block] = []
    offset = words = 0
    for part in re.split(r"\n\s*\n", text.strip()):
        heading = re.match(r"(#+) +(.*)", part)
        content = " ".join((heading.group(2) if heading else part).split())
        blocks.append(
            Block(
                kind="heading" if heading else "paragraph",
                text=content,
                page=1 + words // words_a_page,
                offset=offset,
                level=len(heading.group(1)) if heading else None,
            )
        )
        offset += len(content) + 2
        words += len(content.split())
    return ExtractedDocument(
        id=hashlib.sha256(text.encode()).hexdigest(),
        name=name,
        format="markdown",
        language=language,
        pages=blocks[-1].page,
        blocks=tuple(blocks),
        chunks=(),
    )


def subject(name: str) -> ExtractedDocument:
    """Give one of the texts under tests/material."""
    return document((MATERIAL / f"{name}.md").read_text(encoding="utf-8"), name=f"{name}.md")

"""A slice of a document, and what reading it finds: both small, both JSON."""

from __future__ import annotations

from pydantic import Field

from actors.study.material import Block, Evidence, ExtractedDocument, Material
from actors.study.sentences import headed

_MOST_PAGES = 15
_MOST_WORDS = 6_000


class Part(Material):
    """A slice of a document's text proper: front matter, exercises and references are left out."""

    document: str
    number: int = Field(ge=0)
    language: str | None = None
    blocks: tuple[Block, ...]


class TermFinding(Material):
    """How often a part names a term, in which spellings, and where it stands out."""

    key: str
    forms: dict[str, int]
    count: int
    alone: int = Field(description="occurrences that are not inside a longer term")
    headings: int = 0
    subjects: int = Field(default=0, description="occurrences as the subject of a clause")
    first: int = Field(description="offset of the first occurrence")


class DefinitionFinding(Material):
    """A sentence that says what a term is."""

    key: str
    strength: float
    evidence: Evidence


class AliasFinding(Material):
    """Two names that a sentence gives one thing."""

    key: str
    alias: str = Field(description="the other name as it is written")
    evidence: Evidence


class RelationFinding(Material):
    """A relation that a sentence states between two terms."""

    source: str
    source_label: str
    type: str
    target: str
    target_label: str
    strength: float
    definite: bool = Field(default=False, description="said of 'the X', which may be one X spoken of before")
    evidence: Evidence


class PartFindings(Material):
    """What reading one part finds; parts are put together by ``assemble``."""

    part: int
    words: int
    seconds: float = 0.0
    terms: tuple[TermFinding, ...] = ()
    definitions: tuple[DefinitionFinding, ...] = ()
    aliases: tuple[AliasFinding, ...] = ()
    relations: tuple[RelationFinding, ...] = ()


def split(document: ExtractedDocument) -> list[Part]:
    """Cut a document into parts of about 15 pages or 6,000 words, at a heading where one is near."""
    parts: list[Part] = []
    blocks: list[Block] = []
    words = 0
    for _, block, _, closed in headed(document):
        if closed or block.kind == "table":
            continue
        size = len(block.text.split())
        full = words + size > _MOST_WORDS or (blocks and block.page - blocks[0].page >= _MOST_PAGES)
        nearly = block.kind == "heading" and words > _MOST_WORDS * 3 // 4
        if blocks and (full or nearly):
            parts.append(_part(document, parts, blocks))
            blocks, words = [], 0
        blocks.append(block)
        words += size
    if blocks or not parts:
        parts.append(_part(document, parts, blocks))
    return parts


def _part(document: ExtractedDocument, parts: list[Part], blocks: list[Block]) -> Part:
    return Part(document=document.name, number=len(parts), language=document.language, blocks=tuple(blocks))

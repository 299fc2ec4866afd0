"""A document cut into parts that fit a prompt."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pydantic import Field

from actors.study.material import Block, ExtractedDocument, Material
from actors.study.sentences import headed, spans

#: A part of this size, its instructions and the answer fit the smallest models in use (8,000 tokens).
_MOST_WORDS = 3_000
#: Less than this is not cut any further: what it says would be torn apart.
_FEWEST_WORDS = 100
_PAGE = re.compile(r"\[page \d+\]")
#: Scripts without spaces have few "words": so many bytes of UTF-8 count as one at least.
_BYTES_A_WORD = 6


class Part(Material):
    """A slice of a document's text proper, with its pages marked, as a model gets to read it."""

    document: str
    number: int = Field(ge=0)
    language: str | None = None
    words: int = Field(ge=0)
    first_page: int = Field(ge=1)
    last_page: int = Field(ge=1)
    text: str


def split(document: ExtractedDocument) -> list[Part]:
    """Cut a document into parts of about 3,000 words, at a heading where one is near; front matter is left out."""
    parts: list[Part] = []
    blocks: list[Block] = []
    words = 0
    for block in _pieces(document):
        size = _size(block.text)
        nearly = block.kind == "heading" and words > _MOST_WORDS * 3 // 4
        if blocks and (nearly or words + size > _MOST_WORDS):
            parts.append(_part(document, len(parts), blocks, words))
            blocks, words = [], 0
        blocks.append(block)
        words += size
    if blocks:
        parts.append(_part(document, len(parts), blocks, words))
    return parts


def halve(part: Part) -> list[Part]:
    """Cut a part that no model can read in two, between paragraphs; one of a few words stays as it is."""
    paragraphs = part.text.split("\n\n")
    if len(paragraphs) == 1:
        paragraphs = [part.text[start:end] for start, end in spans(part.text)]
    sizes = [_size(paragraph) for paragraph in paragraphs]
    if len(paragraphs) == 1 or sum(sizes) < _FEWEST_WORDS:
        return [part]
    middle = min(range(1, len(paragraphs)), key=lambda at: abs(sum(sizes[:at]) - sum(sizes[at:])))
    marks = [paragraph for paragraph in paragraphs[:middle] if _PAGE.fullmatch(paragraph)]
    texts = "\n\n".join(paragraphs[:middle]), "\n\n".join([*marks[-1:], *paragraphs[middle:]])
    return [part.model_copy(update={"text": text, "words": _size(text)}) for text in texts]


def _pieces(document: ExtractedDocument) -> Iterator[Block]:
    for _, block, _, closed in headed(document):
        if closed:
            continue
        if _size(block.text) <= _MOST_WORDS:
            yield block
        else:
            yield from _cut(block)


def _cut(block: Block) -> Iterator[Block]:
    piece = ""
    for start, end in spans(block.text):
        sentence = block.text[start:end]
        if piece and _size(piece) + _size(sentence) > _MOST_WORDS:
            yield block.model_copy(update={"text": piece})
            piece = ""
        piece = f"{piece} {sentence}".strip()
        while _size(piece) > _MOST_WORDS:  # a table, or a text whose sentences do not end
            place = _place_to_cut(piece)
            yield block.model_copy(update={"text": piece[:place]})
            piece = piece[place:].lstrip()
    if piece:
        yield block.model_copy(update={"text": piece})


def _place_to_cut(text: str) -> int:
    near = int(len(text) * _MOST_WORDS / _size(text))
    blank = text.rfind(" ", near // 2, near)
    return blank if blank > 0 else max(1, near)


def _size(text: str) -> int:
    return max(len(text.split()), len(text.encode()) // _BYTES_A_WORD)


def _part(document: ExtractedDocument, number: int, blocks: list[Block], words: int) -> Part:
    return Part(
        document=document.name,
        number=number,
        language=document.language,
        words=words,
        first_page=blocks[0].page,
        last_page=blocks[-1].page,
        text="\n\n".join(_marked(blocks)),
    )


def _marked(blocks: list[Block]) -> Iterator[str]:
    page = 0
    for block in blocks:
        if block.page != page:
            page = block.page
            yield f"[page {page}]"
        yield f"## {block.text}" if block.kind == "heading" else block.text

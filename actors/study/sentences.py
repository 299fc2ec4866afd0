"""Text cut into sentences, and the parts of a document that teach nothing told from those that do."""
# ruff: noqa: PLR0911 - every rule returns

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from actors.study.english import word_set
from actors.study.material import Block, ExtractedDocument


class Sentence(NamedTuple):
    """One sentence, where it stands, and whether it belongs to the matter around the text proper."""

    text: str
    page: int
    offset: int
    heading: str | None
    front_matter: bool
    kind: str = "paragraph"
    block: int = 0


_ABBREVIATIONS = word_set(
    "e.g i.e cf vs dr mr mrs ms prof st jr sr fig figs eq eqs no nos vol pp ed eds al approx ca inc ltd co "
    "corp gen col lt sgt capt rev hon u.s u.k u.n e.u d.c a.d b.c b.c.e c.e a.m p.m jan feb mar apr jun jul "
    "aug sep sept oct nov dec sec ch chap ref refs dept univ est mt ft min max temp sq resp viz spp sp var "
    "subsp z.b d.h bzw usw"
)
_END = re.compile(r"([.!?]+|…)([\"'”\u2019»)\]]*)(?:\s+)|([。\uff01\uff1f])")
_OPENS = re.compile(r"[\"'“\u2018«(\[¿¡]*[^\W_]")
_LETTERED = re.compile(
    r"\b(?:vitamins?|types?|points?|groups?|plan|hepatitis|class|grade|drive|appendix|sets?|variable|angle|"
    r"line|option|and|or) $",
    re.IGNORECASE,
)
_LAST_WORD = re.compile(r"([\w.]+)$")


def spans(text: str) -> Iterator[tuple[int, int]]:
    """Yield start and end of every sentence of a block; abbreviations, initials and decimals end none."""
    start = 0
    for match in _END.finditer(text):
        end = match.end(3) if match.group(3) else match.end(2)
        if not match.group(3) and not _ends(text, match):
            continue
        if text[start:end].strip():
            yield _trimmed(text, start, end)
        start = match.end()
    if text[start:].strip():
        yield _trimmed(text, start, len(text))


def _ends(text: str, match: re.Match[str]) -> bool:
    following = _OPENS.match(text, match.end())
    if following is None:
        return False
    first = text[following.end() - 1]
    if first.islower():
        return False
    if match.group(1) != "." or match.group(2):
        return True
    word = _LAST_WORD.search(text, max(0, match.start() - 20), match.start())
    if word is None:
        return True
    before = word.group(1).strip("_")
    if before.lower() in _ABBREVIATIONS:
        return False
    # A single capital is an initial ("J. Watson"), unless it closes a phrase such as "vitamin C."
    if len(before) == 1 and before.isupper():
        return _LETTERED.search(text, max(0, word.start() - 20), word.start()) is not None
    # "2." at the very start numbers a list item.
    return not (before.isdigit() and not text[: word.start()].strip())


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end


_AROUND = re.compile(
    r"^(?:(?:chapter|part|section|appendix|unit|module)?\s*[\divxlc]*[.:)\-\s]*)?"
    r"(?:(?:table of )?contents|(?:brief |detailed )?contents|preface|foreword|dedication|"
    r"acknowledge?ments?|copyright.*|"
    r"colophon|imprint|about (?:the |this )?(?:authors?|book|editors?|edition|document|manual|publisher|openstax).*|"
    r"references|bibliography|works cited|further reading|(?:suggested|recommended|additional) readings?|"
    r"(?:see also|external links|notes|footnotes|endnotes|sources|citations|credits|errata|licen[sc]e|licensing|"
    r"legal notice)|index|glossary index|list of (?:figures|tables|illustrations|abbreviations)|(?:answer|solution)s?"
    r"(?: key)?(?: to .*)?|(?:.{0,30}\b)?(?:exercises|problems|questions|quiz|homework|self[- ]check|test yourself|"
    r"critical thinking|review|assignments?|activity|activities|worksheet)|(?:learning |"
    r"chapter )?(?:objectives|outcomes|goals)|"
    r"review (?:questions|exercises).*|by the end of this .*|you will learn.*|revision history|"
    r"change ?log|inhaltsverzeichnis|"
    r"vorwort|impressum|literatur(?:verzeichnis)?|table des mati.res|pr.face|bibliographie|.ndice|"
    r"prefacio|bibliograf.a)\s*:?$",
    re.IGNORECASE,
)
_APPARATUS = re.compile(
    r"^(?:fig(?:ure|\.)|table|plate|box|chart|map|image|photo(?:graph)?|listing|exhibit|example|exercise|"
    r"problem|question)"
    r"\s+(?-i:\d+|[A-Z]|[IVX]+)(?:[.\-\u2013]\d+)*[a-z]?(?:[.:)]|\s|$)"
    r"|\(?(?:image )?(?:credit|photo|source|modified from|attribution)\b[^.]{0,40}:"
    r"|©|\(c\) ?\d{4}|copyright\b|all rights reserved|isbn\b|issn\b|doi\b|published by|printed in|"
    r"(?:retrieved|accessed) (?:on|from)\b"
    r"|this (?:book|chapter|section|unit|work|document|manual|text) (?:is|was|has|will|may|can|covers|"
    r"introduces|describes|explains)\b"
    r"|in this (?:book|chapter|section|unit|module|lesson|course)\b|by the end of this\b|you will (?:learn|be able)\b"
    r"|(?:see|refer to|turn to|cf\.) (?:also )?(?:chapter|section|figure|table|appendix|page|the)\b"
    r"|learning objectives?\b|key (?:terms?|words?|concepts?)\b\s*:|keywords?\b\s*:|"
    r"(?:step )?\d+[.)]\s*(?:what|why|how|which|explain|describe)\b",
    re.IGNORECASE,
)
_LEADERS = re.compile(
    r"(?:\. ?){4,}|…{2,}|_{4,}|\bisbn\b|all rights reserved|creative commons|https?://|www\.", re.IGNORECASE
)


def around(heading: str) -> bool:
    """Tell whether a heading opens matter around the text: contents, preface, references, exercises and their like."""
    return _AROUND.match(" ".join(heading.split())) is not None


def apparatus(sentence: str) -> bool:
    """Tell whether a sentence is a caption, an imprint, an exercise or a signpost rather than a statement."""
    return _APPARATUS.match(sentence) is not None or _LEADERS.search(sentence) is not None


def headed(document: ExtractedDocument) -> Iterator[tuple[int, Block, str | None, bool]]:
    """Yield every block with its number, the heading it stands under, and whether that heading opens front matter."""
    heading: str | None = None
    closed_at: int | None = None
    for number, block in enumerate(document.blocks):
        if block.kind == "heading":
            level = block.level or 1
            heading = " ".join(block.text.split())
            if closed_at is not None and level <= closed_at:
                closed_at = None
            if closed_at is None and around(heading):
                closed_at = level
        yield number, block, heading, closed_at is not None


def sentences_of(document: ExtractedDocument) -> Iterator[Sentence]:
    """Yield the sentences of a document in reading order; a table gives its rows, a heading itself."""
    for number, block, heading, closed in headed(document):
        lines = _rows(block.text) if block.kind == "table" else spans(block.text)
        if block.kind == "heading":
            lines = iter([_trimmed(block.text, 0, len(block.text))])
        for start, end in lines:
            text = " ".join(block.text[start:end].split())
            if text:
                front = closed or block.kind == "heading" or apparatus(text)
                yield Sentence(text, block.page, block.offset + start, heading, front, block.kind, number)


def _rows(text: str) -> Iterator[tuple[int, int]]:
    for match in re.finditer(r"[^\n]+", text):
        yield _trimmed(text, match.start(), match.end())

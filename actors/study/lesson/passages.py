"""The passages of the documents that bear on a lesson, found by BM25 over the stored chunks."""

from __future__ import annotations

import logging
from bisect import bisect_left
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from pydantic import Field

from actors.study.lesson.shelf import fetch
from actors.study.lesson.stems import stems, subject_stems
from actors.study.material import Evidence, ExtractedDocument, LessonSpec, Material, StoredDocument
from actors.study.sentences import sentences_of

#: So many passages are looked up for each thing that is asked, at most; a wider look takes twice as many.
_EACH = 3
#: Passages of so many words in all fit the prompt of a small model beside its instructions and the answer.
_MOST_WORDS = 2_400


class Passage(Material):
    """A chunk of a document, under the number by which a lesson cites it."""

    number: int = Field(ge=1)
    document: str
    page: int = Field(ge=1, description="on which it begins")
    heading: str | None = None
    text: str
    sentences: tuple[Evidence, ...]
    score: float = Field(description="how well it fits what was asked, by BM25")


class Context(Material):
    """What a lesson is made from."""

    passages: tuple[Passage, ...]
    language: str | None = Field(default=None, description="of all the documents, if they have one")
    searched: int = Field(description="chunks that were looked through")


def retrieve(spec: LessonSpec, documents: Sequence[StoredDocument], *, wider: bool = False) -> Context:
    """Find the passages that bear on a lesson's title and on each of its objectives, in the order of the documents."""
    library = _library(tuple(documents))
    most = _EACH * (2 if wider else 1)
    chosen: dict[int, float] = {}
    for asked in (*spec.objectives, spec.title, *spec.key_terms):
        for place, score in library.search(asked, most):
            chosen[place] = max(score, chosen.get(place, 0.0))
    kept: list[int] = []
    words = 0
    for place in sorted(chosen, key=lambda place: (-chosen[place], place)):
        size = len(library.texts[place].split())
        if kept and words + size > _MOST_WORDS * (2 if wider else 1):
            continue
        kept.append(place)
        words += size
    passages = [library.passage(place, number, chosen[place]) for number, place in enumerate(sorted(kept), 1)]
    return Context(passages=tuple(passages), language=library.language, searched=len(library.texts))


class Library:
    """The chunks of some documents under one index; threads may share it."""

    def __init__(self, documents: Sequence[ExtractedDocument]) -> None:
        languages = {document.language for document in documents}
        self.language = languages.pop() if len(languages) == 1 else None
        self._places = [
            (document, number, sentences)
            for document in documents
            for number, sentences in enumerate(sentences_of_chunks(document))
            if sentences
        ]
        self.texts = [document.chunks[number].text for document, number, _ in self._places]
        headings = [document.chunks[number].heading or "" for document, number, _ in self._places]
        self._index = _index(
            [stems(f"{h} {text}", self.language) for h, text in zip(headings, self.texts, strict=True)]
        )

    def search(self, asked: str, most: int) -> list[tuple[int, float]]:
        """Give the places of the best passages with their scores, the best first; none that shares no word."""
        wanted = sorted(subject_stems(asked, self.language))
        if self._index is None or not wanted:
            return []
        known = [word for word in wanted if word in self._index.vocab_dict]
        if not known:
            return []
        scores = self._index.get_scores(known)
        best = sorted(range(len(self.texts)), key=lambda place: (-float(scores[place]), place))[:most]
        return [(place, round(float(scores[place]), 4)) for place in best if scores[place] > 0]

    def passage(self, place: int, number: int, score: float) -> Passage:
        """Give a passage under a number, its sentences with their pages."""
        document, at, sentences = self._places[place]
        chunk = document.chunks[at]
        return Passage(
            number=number,
            document=document.name,
            page=chunk.page,
            heading=chunk.heading,
            text=chunk.text,
            sentences=sentences,
            score=score,
        )


def sentences_of_chunks(document: ExtractedDocument) -> list[tuple[Evidence, ...]]:
    """Give the sentences of each chunk that belong to the text proper, each with the page it stands on."""
    told = [one for one in sentences_of(document) if not one.front_matter]
    offsets = [one.offset for one in told]
    return [
        tuple(
            Evidence(sentence=one.text, page=one.page, document=document.name)
            for one in told[bisect_left(offsets, chunk.offset) : bisect_left(offsets, chunk.offset + len(chunk.text))]
        )
        for chunk in document.chunks
    ]


def _index(texts: list[list[str]]) -> Any:
    import bm25s  # type: ignore[import-untyped]

    if not any(texts):
        return None
    logging.getLogger("bm25s").setLevel(logging.WARNING)  # it tells of its steps at a level that is shown by default
    index = bm25s.BM25()
    index.index(texts, show_progress=False)
    return index


@lru_cache(maxsize=4)
def _library(documents: tuple[StoredDocument, ...]) -> Library:
    return Library([fetch(stored) for stored in documents])

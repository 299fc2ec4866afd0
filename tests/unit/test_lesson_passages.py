"""Passages for a lesson: found by what it is about, numbered, with pages, and only what belongs to the text proper."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from actors.study.lesson.passages import retrieve
from actors.study.lesson.shelf import fetch, shelve
from actors.study.lesson.stems import numbers, stems, subject_stems
from actors.study.material import LessonSpec, StoredDocument
from pipeline import InvalidInput
from pipeline.blobs import Blobs, get_blobs, set_blobs
from tests.support.lessons import with_chunks
from tests.support.texts import MATERIAL, SUBJECTS, document


@pytest.fixture(autouse=True)
def blobs(tmp_path: Path) -> Iterator[None]:
    """A blob store of its own."""
    set_blobs(Blobs(tmp_path / "blobs"))
    yield
    set_blobs(None)


@pytest.fixture
def library() -> tuple[StoredDocument, ...]:
    """Five texts on five subjects, on the shelf."""
    texts = {name: (MATERIAL / f"{name}.md").read_text() for name in SUBJECTS}
    return tuple(shelve(with_chunks(document(text, name=f"{name}.md"))) for name, text in texts.items())


@pytest.mark.parametrize(
    ("title", "objective", "name"),
    [
        ("Plants", "Explain how chlorophyll absorbs light", "photosynthesis.md"),
        ("Resistance", "Describe what the resistance of a wire depends on", "electricity.md"),
        ("Prices", "Explain how demand and supply set the price", "markets.md"),
        ("Packets", "Describe how routers forward packets", "networks.md"),
        ("1789", "Explain the causes of the French Revolution", "revolution.md"),
    ],
)
def test_the_best_passage_is_from_the_document_on_the_subject(library, title, objective, name):
    """Words are compared by their stems, and rare ones count for more."""
    found = retrieve(LessonSpec(title=title, objectives=(objective,)), library)
    assert max(found.passages, key=lambda one: one.score).document == name
    assert found.searched >= len(SUBJECTS)


def test_passages_are_numbered_in_the_documents_order_and_know_their_pages(library):
    """A lesson can be read beside its documents, and a citation names the page of its sentence."""
    spec = LessonSpec(title="Photosynthesis", objectives=("Chlorophyll", "Describe the Calvin cycle", "Stomata"))
    passages = retrieve(spec, library[:1]).passages
    assert [one.number for one in passages] == list(range(1, len(passages) + 1))
    read = fetch(library[0])
    for passage in passages:
        for one in passage.sentences:
            assert any(one.page == block.page and one.sentence in block.text for block in read.blocks)
    assert len({one.page for passage in passages for one in passage.sentences}) > 1


def test_exercises_and_headings_are_no_sentences_of_a_passage(library):
    """What the document asks of its reader is nothing that a lesson may say."""
    spec = LessonSpec(title="Photosynthesis", objectives=("Explain how chlorophyll absorbs light energy",))
    told = [one.sentence for passage in retrieve(spec, library[:1]).passages for one in passage.sentences]
    assert any("Chlorophyll absorbs mainly" in one for one in told)
    assert not [one for one in told if one.startswith(("Explain", "What is photosynthesis"))]


def test_nothing_is_found_where_no_word_is_shared(library):
    """A passage that has nothing to do with the lesson is not given to a model to make something of."""
    assert retrieve(LessonSpec(title="Zydeco", objectives=("Accordions",)), library).passages == ()
    found = retrieve(LessonSpec(title="Zydeco", objectives=("Explain what stomata do",)), library).passages
    assert found
    assert all("stoma" in one.text.lower() for one in found)


def test_a_long_document_gives_a_prompt_that_small_models_can_read(library):
    """However much fits, the best passages are kept and the others left out."""
    text = "\n\n".join(
        f"# Part {n}\n\n" + "The glacier moves ice over rock and carves valleys. " * 30 for n in range(40)
    )
    long = shelve(with_chunks(document(text, name="ice.md")))
    spec = LessonSpec(title="Glaciers", objectives=tuple(f"Explain how a glacier carves valley {n}" for n in range(12)))
    found = retrieve(spec, [long])
    assert sum(len(one.text.split()) for one in found.passages) <= 2_400
    assert found.passages


def test_a_document_is_kept_once_and_comes_back_as_it_was(library):
    """It is named by its content; anything else under its name is refused."""
    read = with_chunks(document((MATERIAL / "markets.md").read_text(), name="markets.md"))
    assert shelve(read) == next(one for one in library if one.name == "markets.md")
    assert fetch(shelve(read)) == read
    with pytest.raises(InvalidInput, match="is no document that was read"):
        fetch(StoredDocument(blob=get_blobs().put(b'{"blocks": 1}'), name="odd.md"))


def test_words_are_compared_by_their_stems_in_their_own_language():
    """Function words carry nothing; scripts without spaces are compared by pairs of characters."""
    assert stems("The plants absorb, absorbed and are absorbing.") == ["plant", "absorb", "absorb", "absorb"]
    assert stems("Die Wirkung der Drähte", "de") == ["wirkung", "draht"]
    assert stems("光合成", "ja") == ["光合", "合成"]
    assert subject_stems("Explain how chlorophyll absorbs light") == {"chlorophyl", "absorb", "light"}
    assert numbers("In 1,961 it was 3.5 times") == {"1961", "3.5"}

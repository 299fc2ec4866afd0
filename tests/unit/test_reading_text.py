"""Characters, hyphens, languages and chunks."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.study.reading.readers.chunks import cut_chunks
from actors.study.reading.readers.cleaning import Hyphens, clean, vocabulary
from actors.study.reading.readers.finishing import finish, number_sections
from actors.study.reading.readers.language import guess_language
from actors.study.reading.readers.limits import Limits
from actors.study.reading.readers.pieces import Draft, Piece


@pytest.mark.parametrize(
    ("raw", "cleaned"),
    [
        ("e\ufb03cient \ufb01nd", "efficient find"),
        ("co\u00adoperate\u200b", "cooperate"),
        ("a\u00a0b\u2009c\td", "a b c d"),
        ("M\u00a8oller", "M\u00f6ller"),
        ("Cafe\u0301", "Caf\u00e9"),
        ("x\x00\x02y\ufffe", "xy"),
        ("invoice\u202efdp.exe", "invoicefdp.exe"),
        ("x\u00b2 \u2460 \u00bd", "x\u00b2 \u2460 \u00bd"),
        ("one\r\n\n  two", "one\ntwo"),
        ("\uf0b7 item", "\u2022 item"),
    ],
)
def test_characters_are_normalized_and_no_more(raw: str, cleaned: str) -> None:
    """Ligatures and accents are mended, squares and fractions stay what they are."""
    assert clean(raw) == cleaned


@pytest.mark.parametrize(
    ("first", "second", "joined"),
    [
        ("an exam-", "ple of", "an example of"),
        ("an exam\ufffe", "ple of", "an example of"),
        ("a well-", "known fact", "a well-known fact"),
        ("in the nine-", "1990s", "in the nine-1990s"),
        ("the Smith-", "Jones law", "the Smith-Jones law"),
        ("a plain", "line", "a plain line"),
        ("", "line", "line"),
        ("trailing \ufffe", "x", "trailing x"),
    ],
)
def test_words_broken_at_the_end_of_a_line_are_mended(first: str, second: str, joined: str) -> None:
    """The document's own words decide where a hyphen belongs."""
    assert Hyphens(vocabulary("It is well-known that example matters.")).join(first, second) == joined


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("The cell is the smallest unit of life and it is surrounded by a membrane that decides what may enter.", "en"),
        ("Die Zelle ist die kleinste Einheit des Lebens und wird von einer Membran umgeben, die nicht alles", "de"),
        ("La cellule est la plus petite unité de la vie et elle est entourée par une membrane qui ne laisse", "fr"),
        (
            "La célula es la unidad más pequeña de la vida y está rodeada por una membrana que no deja pasar todo lo",
            "es",
        ),
        (
            "La cellula è la più piccola unità della vita ed è circondata da una membrana che non lascia passare il",
            "it",
        ),
        ("A célula é a menor unidade da vida e é cercada por uma membrana que não deixa passar tudo o que os", "pt"),
        (
            "De cel is de kleinste eenheid van het leven en wordt omgeven door een membraan die niet alles door laat",
            "nl",
        ),
        ("細胞は生命の最小単位であり、膜に囲まれている。", "ja"),
        ("Клетка это наименьшая единица жизни, она окружена мембраной, и мы это знаем", "ru"),
        ("x = 3; y = 4; print(x + y)", None),
        ("void foo bar baz qux static int char sha ctx length data digest update init block", None),
    ],
)
def test_the_language_is_named_or_not_at_all(text: str, code: str | None) -> None:
    """Stop words and letters tell; code and scraps do not."""
    assert guess_language(text) == code


def _document(pieces: list[Piece]) -> tuple[list[dict[str, Any]], str]:
    blocks = finish(Draft("text", pieces), Limits())
    return blocks, "\n\n".join(block["text"] for block in blocks)


_TEXT = st.text(st.sampled_from("abc de. \n\ufb01\u00ad\x02é、細"), min_size=1, max_size=4000)
_PIECES = st.lists(st.builds(Piece, st.sampled_from(["heading", "paragraph", "table"]), _TEXT), min_size=1, max_size=12)


@given(_PIECES)
def test_every_offset_is_the_place_in_the_text(pieces: list[Piece]) -> None:
    """Blocks and chunks are found where they say they are, and chunks leave no word out."""
    pieces = [*pieces, Piece("paragraph", "end")]
    blocks, text = _document(pieces)
    for block in blocks:
        assert text[block["offset"] : block["offset"] + len(block["text"])] == block["text"]
    chunks = cut_chunks(blocks, text)
    cut = [text[chunk["offset"] : chunk["offset"] + chunk["length"]] for chunk in chunks]
    assert "".join("".join(cut).split()) == "".join(text.split())
    assert all(len(part.split()) <= 450 for part in cut)


def test_chunks_keep_to_blocks_and_know_their_heading() -> None:
    """They hold 150 to 300 words, begin a section where they can, and never end in a heading."""
    pieces = []
    for section in range(4):
        pieces.append(Piece("heading", f"Section {section}", page=section + 1, level=1))
        pieces.extend(Piece("paragraph", "word " * 80, page=section + 1) for _ in range(3))
    blocks, text = _document(pieces)
    chunks = cut_chunks(blocks, text)
    assert [chunk["heading"] for chunk in chunks] == [f"Section {section}" for section in range(4)]
    assert [chunk["page"] for chunk in chunks] == [1, 2, 3, 4]
    starts = {block["offset"] for block in blocks}
    for chunk in chunks:
        part = text[chunk["offset"] : chunk["offset"] + chunk["length"]]
        assert chunk["offset"] in starts
        assert 150 <= len(part.split()) <= 300


def test_a_document_without_pages_counts_its_top_sections() -> None:
    """A lone title is above the sections and counts as none."""
    kinds = ["h1 Title", "p", "h2 One", "p", "h3 Deeper", "p", "h2 Two", "p"]
    pieces = [
        Piece("heading", kind[3:], level=int(kind[1])) if kind.startswith("h") else Piece("paragraph", "text")
        for kind in kinds
    ]
    draft = Draft("markdown", pieces)
    number_sections(draft)
    assert draft.pages == 3
    assert [piece.page for piece in pieces] == [1, 1, 2, 2, 2, 2, 3, 3]

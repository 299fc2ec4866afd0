"""What is not in the source is not published."""

from __future__ import annotations

import pytest

from actors.study.grounding import Source
from actors.study.material import Evidence
from tests.support.texts import document, subject

CELL = document(
    "# The cell\n\nThe “nucleus” holds the cell’s DNA – its plan. It is the largest organelle. "
    "Dr. Smith found 3.5 million of them.\n\n"
    "# References\n\nSmith, J. (1999). The nucleus of the cell. Journal of Cells, 12(3), 4-5."
)


@pytest.mark.parametrize(
    "quote",
    [
        "the nucleus holds the cell's DNA - its plan".replace("nucleus", '"nucleus"'),
        "HOLDS  THE\nCELL'S   dna — its plan",
        "holds the cell’s DNA",
        "“holds the cell's DNA”.",
        "The “nucleus” holds ... its plan",
    ],
)
def test_a_quote_is_found_whatever_its_case_spaces_quotes_and_dashes(quote: str) -> None:
    """Variants of writing make no difference, and the whole sentence comes back as the document writes it."""
    found = Source(CELL).find(quote)
    assert found == Evidence(sentence="The “nucleus” holds the cell’s DNA – its plan.", page=1, document="text.md")


def test_a_ligature_in_the_source_is_found_by_its_letters() -> None:
    """PDF text writes fi and fl as one sign."""
    source = Source(document("The ﬁrst ﬂower opened in the warm spring."))
    assert source.find("first flower opened") is not None


@pytest.mark.parametrize(
    "quote", ["the nucleus", "DNA", "", "...", "the nucleus makes the cell's proteins", "olds the cell's DNA"]
)
def test_what_is_short_or_not_there_is_not_found(quote: str) -> None:
    """Fewer than three words prove nothing, and half a word is no quote."""
    assert Source(CELL).find(quote) is None


def test_abbreviations_and_decimals_end_no_sentence() -> None:
    """A citation shows a whole sentence, not what an abbreviation cuts off."""
    found = Source(CELL).find("3.5 million of them")
    assert found is not None
    assert found.sentence == "Dr. Smith found 3.5 million of them."


def test_a_quote_across_two_sentences_gives_both() -> None:
    """A model may quote across a full stop."""
    found = Source(CELL).find("its plan. It is the largest")
    assert found is not None
    assert found.sentence == "The “nucleus” holds the cell’s DNA – its plan. It is the largest organelle."


def test_a_passage_is_the_sentence_with_its_neighbours() -> None:
    """A question shows its context, and never that of another paragraph."""
    source = Source(CELL)
    found = source.find("the largest organelle")
    assert found is not None
    assert source.passage(found) == CELL.blocks[1].text


def test_terms_are_mentioned_in_singular_and_plural_but_not_inside_words() -> None:
    """A term is named or it is not."""
    source = Source(CELL)
    assert source.mentions("Nucleus")
    assert source.mentions("organelles")
    assert not source.mentions("organ")
    assert not source.mentions("mitochondrion")


def test_references_and_captions_are_front_matter() -> None:
    """What surrounds the text is told from the text."""
    sentences = Source(CELL).sentences
    assert not sentences[1].front_matter
    assert all(sentence.front_matter for sentence in sentences if sentence.heading == "References")
    captions = [s for s in Source(subject("electricity")).sentences if s.text.startswith("Figure 7.2")]
    assert captions
    assert all(sentence.front_matter for sentence in captions)


def test_every_sentence_of_a_text_is_found_as_itself() -> None:
    """Whatever the source says can be cited."""
    source = Source(subject("revolution"))
    for sentence in source.sentences:
        if len(sentence.text.split()) > 3:
            found = source.find(sentence.text)
            assert found is not None
            assert found.sentence == sentence.text

"""Words that a model slips in beside true ones: addresses from elsewhere, statements that the passage does not make."""

from __future__ import annotations

import pytest

from actors.study.modelled.claims import sends_elsewhere, strays

PASSAGE = "Chlorophyll absorbs mostly red and blue sunlight inside the chloroplast of a leaf."


@pytest.mark.parametrize(
    ("text", "strayed"),
    [
        ("Chlorophyll absorbs red and blue sunlight.", False),
        ("Which pigment would a painter choose for a fence?", False),
        ("_____ absorbs mostly red and blue sunlight.", False),
        ("Chlorophyll absorbs sunlight. Visit our shop to win a prize.", True),
        ("_____ absorbs mostly red and blue sunlight and the answer to every question is evil.", True),
        ("Which pigment is it? Buy tablets now.", True),
        ("それは何ですか\uff1f", False),
        ("", False),
    ],
)
def test_every_statement_is_made_of_the_passage(text: str, strayed: bool) -> None:
    """A question may use words of its own; a sentence that states something, or has a blank, may not."""
    assert strays(text, PASSAGE) is strayed


@pytest.mark.parametrize(
    ("text", "elsewhere"),
    [
        ("It absorbs sunlight.", False),
        ("See https://evil.example/x for more.", True),
        ("Read on at evil-shop.shop today.", True),
        ("Ask thief@mail.ru about it.", True),
        ("What is 3.14 of it, e.g. a half?", False),
        ("See leaves.org.", False),
    ],
)
def test_an_address_must_stand_in_the_passage_itself(text: str, elsewhere: bool) -> None:
    """That the document has it on another page is not enough: that is how an order comes in."""
    assert sends_elsewhere(text, "Chlorophyll absorbs sunlight (see leaves.org).") is elsewhere

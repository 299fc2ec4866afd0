"""A word or mark of a sentence."""

from __future__ import annotations

from dataclasses import dataclass

from actors.study.offline.verbs import VerbForm


@dataclass(slots=True)
class Token:
    """A word or mark, where it stands in its sentence, and its part of speech.

    Tags: D determiner, Q number, P preposition, T "to" before a verb, C coordinator, S subordinator, W relative,
    O pronoun, B be, H have, A do, M modal, X negation, R adverb, J adjective, N noun, V finite verb,
    E past or participle, G -ing, or the mark itself.
    """

    text: str
    low: str
    start: int
    end: int
    tag: str = "N"
    verb: VerbForm | None = None

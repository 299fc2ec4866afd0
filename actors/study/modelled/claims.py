"""Claims of a model held against the source: what is found there, and why the rest is left out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import NamedTuple

from pydantic import Field

from actors.study.grounding import Source, plain
from actors.study.material import Evidence, ExtractedDocument, Making, Material, Usage
from actors.study.questions import content
from actors.study.sentences import spans
from actors.study.words import term_key
from pipeline.llm import CallUsage

#: Reasons for leaving a claim out; the rules for quiz items have more.
INCOMPLETE = "incomplete"
UNGROUNDED = "ungrounded"
FRONT_MATTER = "front_matter"
TOO_LONG = "too_long"
NOT_NAMED = "not_named_by_its_sentence"
UNKNOWN_END = "between_unknown_concepts"
FOREIGN_WORDS = "foreign_words"
OFF_THE_PATH = "off_the_path"
DUPLICATE = "duplicate"
BEYOND = "beyond_the_strongest"

_ADDRESS = re.compile(
    r"\b(?:https?://|www\.)\S+|\b[\w.+-]+@[\w-]+\.\w+|"
    r"\b[\w-]{2,}\.(?:com|net|org|info|biz|app|dev|xyz|shop|store|site|online|club|top|link|click|live|example)\b|"
    r"\b[\w-]{3,}\.[a-z]{2}\b",
    re.IGNORECASE,
)
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\u0e00-\u0e7f]+")
#: Ends in a question mark of whatever script.
_ASKS = re.compile(r"[?\uff1f\u061f\u037e][\"'\u201d\u00bb)\]]*$")
_LONGEST_LABEL = 80
#: A text speaks the source's language if at least this share of its words that carry meaning are words of it.
_SHARE = 0.5
_SHARE_AROUND_A_BLANK = 0.75


class Answered(Material):
    """What every answer of a model says of its making: what asking took, and what the gate thought of it."""

    usage: Usage
    sent_back: tuple[Usage, ...] = Field(default=(), description="what answers took that the gate did not let through")
    below: bool = Field(default=False, description="whether it was taken although it fell short of the gate")


class Stood(NamedTuple):
    """How much of an answer the source bears out: claims made, claims that stand, and why the others do not."""

    offered: int
    kept: int
    dropped: Counter[str]


class Ground:
    """A source, with the words and the addresses that stand in it."""

    def __init__(self, document: ExtractedDocument) -> None:
        self.source = Source(document)
        #: English word forms are known; of other languages only that words are bent at their end.
        self._bent = document.language not in (None, "en")
        self._words: set[str] = set()
        self._addresses: set[str] = set()
        for sentence in self.source.sentences:
            self._words |= meaning(sentence.text)
            self._addresses |= _addresses(sentence.text)

    def evidence(self, quote: str) -> tuple[Evidence | None, str]:
        """Find the sentence a quote stands for; if it must not be used, the reason takes its place."""
        evidence = self.source.find(quote) if quote else None
        if evidence is None:
            return None, UNGROUNDED if quote else INCOMPLETE
        place = self.source.place(evidence)
        return (None, FRONT_MATTER) if place is not None and place.front_matter else (evidence, "")

    def speaks(self, text: str) -> bool:
        """Tell whether a text is made of the source's words, and sends the reader nowhere the source does not."""
        return share(text, self._words) >= _SHARE and not self.foreign_address(text)

    def foreign_address(self, text: str) -> bool:
        """Tell whether a text holds an address, of whatever kind, that the source does not."""
        return not _addresses(text) <= self._addresses

    def names(self, text: str, terms: Iterable[str]) -> bool:
        """Tell whether a text of the source names one of these terms, whatever their number and case."""
        words = f" {term_key(text)} "
        return any(self._named(term_key(term), words) for term in terms)

    def _named(self, key: str, words: str) -> bool:
        if not key:
            return False
        if f" {key} " in words or (_UNSPACED.search(key) and key in words):
            return True
        return self._bent and re.search(" ".join(map(_bending, key.split())), words) is not None


def meaning(text: str) -> set[str]:
    """Give the words of a text that carry meaning; of scripts without spaces, its pairs of characters."""
    runs = _UNSPACED.findall(text)
    pairs = {run[place : place + 2] for run in runs for place in range(max(1, len(run) - 1))}
    return pairs | content(_UNSPACED.sub(" ", text) if runs else text)


def share(text: str, words: set[str]) -> float:
    """Give the share of a text's words that carry meaning which are among these; 0 if it has none."""
    wanted = meaning(text)
    return len(wanted & words) / len(wanted) if wanted else 0.0


def rests_on(text: str, passage: str) -> bool:
    """Tell whether a sentence is made of the words of the passage it refers to."""
    return share(text, meaning(passage)) >= _SHARE


def sends_elsewhere(text: str, passage: str) -> bool:
    """Tell whether a text holds an address, of whatever kind, that the passage it refers to does not."""
    return not _addresses(text) <= _addresses(passage)


def strays(text: str, passage: str) -> bool:
    """Tell whether a sentence that states something is not made of the words of the passage; one that asks may be.

    A sentence with a blank is the passage's own, so that nearly all of its words must be.
    """
    words = meaning(passage)
    for start, end in spans(text):
        one = text[start:end]
        least = _SHARE_AROUND_A_BLANK if "__" in one else 0.0 if _ASKS.search(one) else _SHARE
        if meaning(one) and share(one, words) < least:
            return True
    return False


def sound_label(label: str) -> bool:
    """Tell whether a label can stand in a graph: a short phrase with letters in it."""
    return len(label) <= _LONGEST_LABEL and any(character.isalpha() for character in label)


def usage_of(call: CallUsage) -> Usage:
    """Turn what a call took into material."""
    return Usage.model_validate(call.model_dump())


def making_of(answers: Sequence[Answered], dropped: Counter[str], *, generator: str = "none") -> Making:
    """Sum up what answers took, those that were sent back too, and what was left out of them.

    The generator is who gave the answers that were taken; with no answer, it is as given.
    """
    calls = [call for answer in answers for call in (*answer.sent_back, answer.usage)]
    prices = [call.price for call in calls if call.price is not None]
    return Making(
        generator=" + ".join(dict.fromkeys(answer.usage.model for answer in answers)) or generator,
        calls=len(calls),
        tokens_in=sum(call.tokens_in for call in calls),
        tokens_out=sum(call.tokens_out for call in calls),
        price=sum(prices, Decimal(0)) if prices else None,
        seconds=round(sum(call.seconds for call in calls), 3),
        dropped=dict(sorted((+dropped).items())),
        below=sum(answer.below for answer in answers),
    )


def _bending(word: str) -> str:
    stem = word[: max(4, len(word) - 2)]
    return rf"\b{re.escape(stem)}\w{{0,{len(word) - len(stem) + 3}}}(?!\w)"


def _addresses(text: str) -> set[str]:
    return {plain(found).strip(".,;:()/") for found in _ADDRESS.findall(text)}

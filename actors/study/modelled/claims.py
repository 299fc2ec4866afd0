"""Claims of a model held against the source: what is found there, and why the rest is left out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from decimal import Decimal

from actors.study.grounding import Source, plain
from actors.study.material import Evidence, Making, Usage
from actors.study.questions import content
from actors.study.words import term_key
from pipeline.llm import CallUsage

#: Reasons for leaving a claim out; the rules for quiz items have more.
INCOMPLETE = "incomplete"
UNGROUNDED = "ungrounded"
FRONT_MATTER = "front_matter"
TOO_LONG = "too_long"
NOT_NAMED = "not_named_by_its_sentence"
UNKNOWN_END = "between_unknown_concepts"
DUPLICATE = "duplicate"

#: Addresses of any kind: published only if the source holds them.
_ADDRESS = re.compile(
    r"\b(?:https?://|www\.)\S+|\b[\w.+-]+@[\w-]+\.\w+|\b[\w-]+\.(?:com|net|org|io|ru|cn|info|xyz)\b", re.I
)
_LONGEST_LABEL = 80


def evidence_of(quote: str, source: Source) -> tuple[Evidence | None, str]:
    """Find the sentence a quote stands for; if it must not be used, the reason takes its place."""
    evidence = source.find(quote) if quote else None
    if evidence is None:
        return None, UNGROUNDED if quote else INCOMPLETE
    place = source.place(evidence)
    return (None, FRONT_MATTER) if place is not None and place.front_matter else (evidence, "")


def names(text: str, terms: Iterable[str]) -> bool:
    """Tell whether a text names one of these terms, whatever their number and case."""
    words = f" {term_key(text)} "
    return any(key and f" {key} " in words for key in map(term_key, terms))


def said_by(text: str, source_text: str, *, share: float = 0.5) -> bool:
    """Tell whether at least this share of a text's words that carry meaning are words of the source's."""
    wanted = content(text)
    return bool(wanted) and len(wanted & content(source_text)) >= share * len(wanted)


def foreign_address(text: str, source_text: str) -> bool:
    """Tell whether a text sends the reader to an address that the source does not name."""
    known = plain(source_text)
    return any(plain(found).strip(".,;:)") not in known for found in _ADDRESS.findall(text))


def sound_label(label: str) -> bool:
    """Tell whether a label can stand in a graph: a short phrase with letters in it."""
    return len(label) <= _LONGEST_LABEL and any(character.isalpha() for character in label)


def whole_text(source: Source) -> str:
    """Give all sentences of a source as one text."""
    return " ".join(sentence.text for sentence in source.sentences)


def usage_of(call: CallUsage) -> Usage:
    """Turn what a call took into material."""
    return Usage.model_validate(call.model_dump())


def making_of(calls: Sequence[Usage], dropped: Counter[str], model: str) -> Making:
    """Sum up what calls took and what was left out of their answers."""
    prices = [call.price for call in calls if call.price is not None]
    models = dict.fromkeys(call.model for call in calls)
    return Making(
        generator=" + ".join(models) or model,
        calls=len(calls),
        tokens_in=sum(call.tokens_in for call in calls),
        tokens_out=sum(call.tokens_out for call in calls),
        price=sum(prices, Decimal(0)) if prices else None,
        seconds=round(sum(call.seconds for call in calls), 3),
        dropped=dict(sorted((+dropped).items())),
    )

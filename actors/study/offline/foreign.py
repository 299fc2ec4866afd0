"""Texts in other languages: names, acronyms and the words of headings, which need no grammar to be told."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable

from actors.study.english import word_set
from actors.study.material import Block
from actors.study.offline.parts import Part, TermFinding
from actors.study.sentences import spans
from actors.study.words import term_key

_ENGLISH = word_set("the of and is in to a that are by for with as from which")
_ENGLISH_SHARE = 0.15
_WORD = re.compile(r"[^\W\d_](?:[^\W_]|[-'\u2019](?=[^\W_]))*")
_NAME = re.compile(r"(?<=[^\W\d_] )[A-ZÀ-ÖØ-Þ][^\W\d_]{3,}(?: [A-ZÀ-ÖØ-Þ][^\W\d_]{2,})*")
_CAPITALS = re.compile(r"\b[A-Z]{3,6}\b")
_LEAST = 3
_LEAST_LETTERS = 6


def in_english(part: Part) -> bool:
    """Tell whether a part is in English; if nothing is known of its language, its commonest small words tell."""
    if part.language is not None:
        return part.language == "en"
    words = [word.lower() for block in part.blocks for word in _WORD.findall(block.text)]
    return not words or sum(word in _ENGLISH for word in words) >= _ENGLISH_SHARE * len(words)


def foreign_terms(part: Part) -> tuple[TermFinding, ...]:
    """Find the terms of a part that need no grammar: they stand in headings, or are written as names or acronyms."""
    texts = [" ".join(block.text.split()) for block in part.blocks if block.kind != "heading"]
    counts = Counter(word.lower() for text in texts for word in _WORD.findall(text))
    headed = {word for block in part.blocks if block.kind == "heading" for word in _long_words(block)}
    found: Counter[str] = Counter()
    for text in texts:
        if part.language != "de":  # there, every noun is written as a name
            found.update(_NAME.findall(text))
        found.update(_CAPITALS.findall(text))
        found.update(word for word in _WORD.findall(text) if word.lower() in headed)
    common = _too_common(counts)
    forms: dict[str, Counter[str]] = {}
    for form, count in found.items():
        if form.lower() not in common:
            forms.setdefault(term_key(form), Counter())[form] += count
    return tuple(
        TermFinding(
            key=key,
            forms=dict(sorted(spelled.items())),
            count=sum(spelled.values()),
            alone=sum(spelled.values()),
            headings=int(key in headed),
            first=_first(part.blocks, spelled),
        )
        for key, spelled in sorted(forms.items())
        if key and sum(spelled.values()) >= _LEAST
    )


def _long_words(block: Block) -> list[str]:
    return [word.lower() for word in _WORD.findall(block.text) if len(word) > _LEAST_LETTERS]


def _too_common(counts: Counter[str]) -> set[str]:
    """Give the words that every sentence needs, whatever it is about: the commonest short ones."""
    return {word for word, _ in counts.most_common(60) if len(word) <= _LEAST_LETTERS}


def _first(blocks: Iterable[Block], spelled: Counter[str]) -> int:
    places = [block.offset + block.text.find(form) for block in blocks for form in spelled if form in block.text]
    return min(places, default=0)


_YEAR = re.compile(r"(?<![\w.,/-])(?:1[0-9]{3}|20[0-2]\d)(?![\w/]|[.,-]\d)")


def dated(text: str, names: Collection[str]) -> bool:
    """Tell whether a sentence of any language can be asked for its year: it opens with a term and gives one number."""
    first = _WORD.match(text)
    opens = first is not None and term_key(first.group()) in names
    return (
        opens and len(re.findall(r"\d+", text)) == 1 and _YEAR.search(text) is not None and len(list(spans(text))) == 1
    )

"""The words of a question: how a term is written, and what may be quoted of a sentence."""
# ruff: noqa: PLR2004 - the numbers count words and letters where they stand

from __future__ import annotations

import re

from actors.study import english
from actors.study.english import word_set
from actors.study.offline.chunks import Chunk
from actors.study.offline.distracting import kind_of
from actors.study.offline.ranking import Terms
from actors.study.offline.reading import Read
from actors.study.words import term_key

_LONGEST_TERM = 4
_UNBOUND = word_set("they them these this those he she we us you your our here")


_COMPLETES = english.PREPOSITIONS | word_set(
    "that which who whose where when made used called produced formed found caused containing"
)


def named_in(read: Read, terms: Terms) -> set[str]:
    """Give the keys of all terms, long and short, that a sentence names."""
    words = term_key(f"x {read.text}").split()[1:]
    return {
        terms.canonical(" ".join(words[start:end]))
        for start in range(len(words))
        for end in range(start + 1, min(start + _LONGEST_TERM, len(words)) + 1)
    }


def told_well(told: str) -> bool:
    """Tell whether what a definition says can be quoted alone: it is specific, and points at nothing outside."""
    words = told.split()
    lows = [word.lower().strip(",.") for word in words]
    if (
        any(low in _UNBOUND for low in lows)
        or "it" in lows[:4]
        or not any(low in _COMPLETES for low in lows[3:])
        or lows[:2] == ["the", "same"]
    ):
        return False
    return (
        5 <= len(words) <= 32
        and words[0].lower() not in english.POINTERS
        and "?" not in told
        and told.count("(") == told.count(")")
    )


def written(read: Read, chunk: Chunk, label: str) -> str:
    """Give a term as the sentence writes it, without a capital that only opens the sentence."""
    place = read.text.lower().find(label.lower(), chunk.start)
    written = read.text[place : place + len(label)] if place >= 0 else label
    return written if place or read.text[1:2].isupper() else label


def opened_article(before: str) -> str:
    """Leave an article before a gap open, for it would tell a vowel."""
    return re.sub(r"\b([Aa])n? $", r"\1(n) ", before)


_TITLES = frozenset(
    {"King", "Queen", "Emperor", "Empress", "Pope", "Prince", "Princess", "President", "General", "Tsar", "Sir"}
)
_PERSONAL = word_set(
    "discover invent propose develop write publish found formulate coin introduce design build create "
    "describe demonstrate establish prove patent compose"
)


def asks_for(answer: str, verb: str) -> str | None:
    """Give the word that asks for the subject of a verb, or none where a name may be a person's or a thing's."""
    if answer.split(maxsplit=1)[0] in _TITLES or (answer[0].isupper() and verb in _PERSONAL and " " in answer):
        return "Who"
    return None if kind_of(answer) == "name" and verb not in _PERSONAL else "What"


def misread(read: Read, index: int) -> bool:
    """Tell whether a noun phrase is no good gap: it may be a verb ("to handle transmissions"), or stands in quotes."""
    before = read.text[: read.chunks[index].start].rstrip().lower()
    following = read.chunks[index + 1 : index + 2]
    quoted = before.count("\u201c") > before.count("\u201d") or before.count('"') % 2 == 1
    return quoted or (before.endswith(" to") and bool(following) and following[0].kind in ("N", "D"))

"""The words of a question: how a term is written, and what may be quoted of a sentence."""
# ruff: noqa: PLR2004 - the numbers count words and letters where they stand

from __future__ import annotations

import re

from actors.study import english
from actors.study.english import word_set
from actors.study.offline.chunks import Chunk
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


def with_article(before: str, option: str) -> str:
    bare = before.rstrip()
    if bare.lower() in ("a", "an"):
        article = "an" if option[0].lower() in "aeiou" else "a"
        return f"{article} {option}"
    return f"{before}{option}"


def opened_article(before: str) -> str:
    return re.sub(r"\b([Aa])n? $", r"\1(n) ", before)

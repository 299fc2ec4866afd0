"""Words as they are compared: their stems, in the order in which they stand."""

from __future__ import annotations

import re
import threading
from functools import lru_cache
from typing import Any

from actors.study.english import FUNCTION_WORDS, word_set
from actors.study.grounding import plain

_WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)?")
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\u0e00-\u0e7f]+")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
#: What learners are told to do, and what there is to learn of everything: they say nothing of what a lesson is about.
_ABOUT_LEARNING = word_set(
    "analyse analyze apply appreciate assess calculate classify compare compute construct contrast create "
    "define demonstrate derive describe determine differentiate discuss distinguish draw evaluate examine explain "
    "explore give identify illustrate interpret judge justify know label learn learner list locate match name "
    "outline predict prove recall recognise recognize relate remember report restate review say see select show "
    "sketch solve state student summarise summarize tell understand understanding use using why works work "
    "basic basics concept concepts difference idea importance important introduction key lesson main meaning "
    "objective overview process purpose role term terms topic way ways able"
)
#: The language of the stemmer by the code of the document's; of others, words are compared as they stand.
_STEMMERS = {
    "ar": "arabic", "ca": "catalan", "da": "danish", "de": "german", "el": "greek", "en": "english", "es": "spanish",
    "et": "estonian", "eu": "basque", "fi": "finnish", "fr": "french", "ga": "irish", "hu": "hungarian",
    "hy": "armenian", "id": "indonesian", "it": "italian", "lt": "lithuanian", "nl": "dutch", "no": "norwegian",
    "pt": "portuguese", "ro": "romanian", "ru": "russian", "sr": "serbian", "sv": "swedish", "tr": "turkish",
}  # fmt: skip
#: The lists of function words that come with the retrieval library, by the same codes; English has one of our own.
_LISTS = {
    "da": "DANISH", "de": "GERMAN", "es": "SPANISH", "fr": "FRENCH", "it": "ITALIAN", "nl": "DUTCH", "no": "NORWEGIAN",
    "pt": "PORTUGUESE", "ru": "RUSSIAN", "sv": "SWEDISH", "tr": "TURKISH",
}  # fmt: skip
_local = threading.local()


def stems(text: str, language: str | None = "en") -> list[str]:
    """Give the stems of the words that carry meaning, in order; scripts without spaces give pairs of characters."""
    found: list[str] = []
    folded = plain(text)
    for run in _UNSPACED.findall(folded):
        found += [run[place : place + 2] for place in range(max(1, len(run) - 1))]
    for word in _WORD.findall(_UNSPACED.sub(" ", folded)):
        if word not in _function_words(language or "en"):
            found.append(_stem(word.removesuffix("'s"), language or "en"))
    return found


def subject_stems(text: str, language: str | None = "en") -> set[str]:
    """Give the stems that say what an objective is about, without the words that say what to do with it."""
    every = set(stems(text, language))
    told = every - _learning() if language in (None, "en") else every
    return told or every


def numbers(text: str) -> set[str]:
    """Give the numbers that a text names in digits."""
    return {found.replace(",", "") for found in _NUMBER.findall(text)}


@lru_cache(maxsize=32)
def _function_words(language: str) -> frozenset[str]:
    if language == "en":
        return frozenset(FUNCTION_WORDS)
    if language not in _LISTS:
        return frozenset()
    from bm25s import stopwords  # type: ignore[import-untyped]

    return frozenset(getattr(stopwords, f"STOPWORDS_{_LISTS[language]}"))


@lru_cache(maxsize=1)
def _learning() -> frozenset[str]:
    return frozenset(_stem(word, "en") for word in _ABOUT_LEARNING)


@lru_cache(maxsize=100_000)
def _stem(word: str, language: str) -> str:
    name = _STEMMERS.get(language)
    if name is None:
        return word
    stem: str = _stemmer(name).stemWord(word)
    return stem


def _stemmer(name: str) -> Any:
    # A stemmer is not made for several threads at once.
    import Stemmer  # type: ignore[import-not-found]

    kept: dict[str, Any] = _local.__dict__.setdefault("kept", {})
    if name not in kept:
        kept[name] = Stemmer.Stemmer(name)
    return kept[name]

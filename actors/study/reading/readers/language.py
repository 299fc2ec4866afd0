"""Guesses the language of a text from its most common words and its letters; says nothing when unsure."""

from __future__ import annotations

import re
from collections import Counter

_STOP_WORDS = {
    "en": "the of and to in is that it for as with was be by on are this which or from not an at have has were but can",
    "de": "der die und in den von zu das mit sich des auf für ist im dem nicht ein eine als auch es an werden aus wird",
    "fr": "de la le et les des en un du une que est pour qui dans par plus pas au sur ne se ce il sont avec aux cette",
    "es": "de la que el en y a los del se las por un para con no una su al lo como más o pero sus este es son entre",
    "it": "di e il la che in a per è un del non una con sono da si le dei nel della i alla gli come più anche questo",
    "pt": "de a o que e do da em um para com não uma os no se na por mais as dos como mas ao são pela também seu",
    "nl": "de het een en van in is dat op te zijn met voor die niet aan er om ook als door bij worden naar uit wordt",
    "sv": "och i att det som en på är av för med till den har inte om ett men var från kan eller vid också",
    "da": "og i at det som en på er af for med til den har ikke om et men var fra kan eller ved også blev",
    "pl": "i w na z do się że jest nie to o jak po przez oraz od za dla są które który jego ale być",
    "fi": "ja on ei että se hän oli mutta kun ovat joka myös tai kuin sen sekä ole niin jos voi",
    "cs": "a se v na je že to s z do o i jako pro by ale jsou které nebo byl jeho také při od",
    "tr": "ve bir bu için ile olarak da de daha çok en olan gibi kadar sonra ise veya olduğu",
}
_WORD = re.compile(r"[^\W\d_]+")
_SAMPLE = 60_000
_FEWEST_WORDS = 12
_SHARE = 0.12
_LEAD = 1.15

#: Alphabets that one language nearly owns.
_SCRIPTS = (
    ("ja", re.compile(r"[\u3040-\u30ff]")),
    ("ko", re.compile(r"[\uac00-\ud7af]")),
    ("zh", re.compile(r"[\u4e00-\u9fff]")),
    ("el", re.compile(r"[\u0370-\u03ff]")),
    ("he", re.compile(r"[\u05d0-\u05ea]")),
    ("ar", re.compile(r"[\u0620-\u064a]")),
    ("hi", re.compile(r"[\u0904-\u0939]")),
    ("th", re.compile(r"[\u0e01-\u0e3a]")),
)
_CYRILLIC = re.compile(r"[\u0400-\u04ff]")
_UKRAINIAN = re.compile(r"[іїєґ]", re.IGNORECASE)
_RUSSIAN = re.compile(r"[ыэё]", re.IGNORECASE)


def guess_language(text: str) -> str | None:
    """Name the language by its ISO 639-1 code, or none if the text is too short or mixed to tell."""
    # From the beginning, the middle and the end: a preface may be in another language.
    third = max((len(text) - _SAMPLE) // 2, 0)
    size = _SAMPLE // 3
    sample = text if len(text) <= _SAMPLE else text[:size] + text[third : third + size] + text[-size:]
    by_script = _by_script(sample)
    if by_script:
        return by_script
    words = [word.lower() for word in _WORD.findall(sample)]
    if len(words) < _FEWEST_WORDS:
        return None
    counts = Counter(words)
    scores = sorted(
        ((sum(counts[word] for word in common.split()) / len(words), code) for code, common in _STOP_WORDS.items()),
        reverse=True,
    )
    (best, code), (second, _other) = scores[0], scores[1]
    return code if best >= _SHARE and best >= second * _LEAD else None


def _by_script(sample: str) -> str | None:
    letters = sum(1 for character in sample if character.isalpha())
    if letters < _FEWEST_WORDS:
        return None
    for code, script in _SCRIPTS:
        share = 0.05 if code == "ja" else 0.3
        if len(script.findall(sample)) > share * letters:
            return code
    if len(_CYRILLIC.findall(sample)) > 0.3 * letters:
        if _UKRAINIAN.search(sample):
            return "uk" if not _RUSSIAN.search(sample) else None
        return "ru" if _RUSSIAN.search(sample) else None
    return None

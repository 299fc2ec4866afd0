"""Numbers to ask for: the one that a sentence gives, and wrong ones of the same form."""
# ruff: noqa: PLR2004 - the numbers count words and letters where they stand

from __future__ import annotations

import random
import re
from typing import NamedTuple

from actors.study import english
from actors.study.offline.reading import Read

_WRONG = 3
_LAST_YEAR = 2025
_NUMBER = re.compile(r"(?<![\w.,/-])(\d{1,3}(?:,\d{3})+|\d+(?:\.\d+)?)(?![\w/]|[.,-]\d)")
_BEFORE_YEAR = re.compile(r"\b(?:in|since|until|by|from|of|during|before|after|year)\s+(?:\w+\s+)?$", re.IGNORECASE)
_YEAR = re.compile(r"1[0-9]{3}|20[0-2]\d")
_UNIT = re.compile(
    r"\s?(?:%|percent|per cent|degrees|years|million|billion|thousand|hours|minutes|days|"
    r"kilometers|kilometres|meters|metres|km|miles|kg|grams|litres|liters|bits|bytes|"
    r"times|pairs|members|people|°|volts|watts|elements|chromosomes|species|stars|planets)"
)


class Number(NamedTuple):
    """A number of a sentence: how it is written, where, and whether it is a year."""

    text: str
    start: int
    end: int
    year: bool


def number_of(read: Read) -> Number | None:
    """Give the only number of a sentence, if it is a year or counts something and the sentence states it."""
    found = list(_NUMBER.finditer(read.text))
    if len(found) != 1 or re.search(r"\d", read.text.replace(found[0].group(), "", 1)):
        return None
    if any(word in english.NEGATIONS for word in re.findall(r"[\w']+", read.text.lower())):
        return None  # "does not spin 360 degrees" is as true of any other number
    start, end = found[0].span()
    counts = _UNIT.match(read.text[end:]) is not None
    year = _YEAR.fullmatch(found[0].group()) is not None and not counts
    if read.chunks:  # of a language whose grammar is not known, the caller has looked for a year
        year = year and _BEFORE_YEAR.search(read.text[:start]) is not None
    return Number(found[0].group(), start, end, year) if year or counts else None


def wrong_numbers(answer: str, rng: random.Random, *, year: bool) -> list[str]:
    """Give three numbers of the right one's form: years near a year, amounts of like size and precision."""
    plain = answer.replace(",", "")
    if not re.fullmatch(r"\d+(\.\d+)?", plain):
        return []
    if year:
        steps = [-23, -17, -12, -9, -6, -4, 4, 6, 9, 12, 17, 23]
        options = [str(int(answer) + step) for step in steps if int(answer) + step <= _LAST_YEAR]
    else:
        value = float(plain)
        if value < 4:
            return []
        decimals = len(plain.partition(".")[2])
        zeros = len(plain) - len(plain.rstrip("0")) if not decimals else 0
        unit = 10.0**zeros
        options = []
        for factor in (0.5, 0.6, 0.75, 1.25, 1.4, 1.5, 1.75, 2.0):
            varied = round(value * factor / unit) * unit if not decimals else round(value * factor, decimals)
            options.append(f"{varied:,.{decimals}f}" if "," in answer else f"{varied:.{decimals}f}")
    fresh = [option for option in dict.fromkeys(options) if option != answer]
    if len(fresh) < _WRONG:
        return []
    return sorted(rng.sample(fresh, _WRONG), key=lambda option: float(option.replace(",", "")))

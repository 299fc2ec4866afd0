"""Wrong options of the same kind as the right one."""

from __future__ import annotations

import math
import random
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher

from actors.study.offline.parts import PartFindings
from actors.study.offline.ranking import Term, Terms
from actors.study.words import is_mass, is_plural, plural, singular, term_key

_WRONG = 3
_LEAST_CHOICE = 3
_ALIKE = 0.72
_YEAR = re.compile(r"^1\d{3}$|^20\d{2}$")


class Distractors:
    """The pool that wrong options are drawn from: a document's own concepts, told apart by kind."""

    def __init__(self, chosen: dict[str, Term], terms: Terms, findings: Sequence[PartFindings]) -> None:
        self._chosen = chosen
        self._kin: dict[str, set[str]] = defaultdict(set)
        self._parents: dict[str, set[str]] = defaultdict(set)
        for part in findings:
            for claim in part.relations:
                source, target = terms.canonical(claim.source), terms.canonical(claim.target)
                if claim.type == "is_a":
                    self._parents[source].add(target)
                if claim.type in ("is_a", "part_of"):
                    self._kin[source].add(target)
                    self._kin[target].add(source)

    def wrong(self, answer: str, key: str, taken: Iterable[str], names: bool, rng: random.Random) -> list[str]:
        """Give three wrong options for a term, written in its number and case, or none if the document has too few."""
        many = is_plural(answer.split()[-1])
        excluded = {key, *taken}
        words = set(key.split())
        scored: list[tuple[float, str, str]] = []
        for other, term in self._chosen.items():
            if (
                other in excluded
                or other in self._kin[key]
                or words & set(other.split())
                or _capital(term.label) != names
            ):
                continue
            label = _numbered(term.label, many)
            if label is None or SequenceMatcher(None, key, other).ratio() > _ALIKE:
                continue
            scored.append((self._nearness(key, other), other, label))
        scored.sort(key=lambda entry: (-entry[0], entry[1]))
        pool = scored[: _WRONG + 3]
        if len(pool) < _LEAST_CHOICE:
            return []
        picked: list[str] = []
        for _, _, label in sorted(rng.sample(pool, len(pool)), key=lambda entry: -entry[0] - rng.random()):
            if all(SequenceMatcher(None, label.lower(), other.lower()).ratio() < _ALIKE for other in picked):
                picked.append(label)
            if len(picked) == _WRONG:
                return picked
        return []

    def _nearness(self, key: str, other: str) -> float:
        mine, theirs = self._chosen.get(key), self._chosen[other]
        score = 2.0 * bool(self._parents[key] & self._parents[other])
        score += 1.0 if _ending(key) == _ending(other) else 0.0
        score -= 0.5 * abs(len(key.split()) - len(other.split())) + 0.06 * abs(len(key) - len(other))
        if mine is not None:
            score -= 0.4 * abs(math.log((1 + mine.count) / (1 + theirs.count)))
            score -= 0.15 * math.log1p(abs(mine.first - theirs.first) / 2000)
        return score + 0.1 * theirs.score


def _capital(label: str) -> bool:
    return label[:1].isupper()


def _ending(key: str) -> str:
    return key[-4:] if key.endswith(("tion", "sion", "ment", "ness", "ance", "ence", "sis")) else key[-2:]


def _numbered(label: str, many: bool) -> str | None:
    """Write a term in the singular or plural, or give none where English does not."""
    head, _, last = label.rpartition(" ")
    if many == is_plural(last):
        return label
    if many:
        return None if is_mass(last) or last[0].isupper() else f"{head} {plural(last)}".strip()
    return f"{head} {singular(last)}".strip()


def wrong_numbers(answer: str, taken: set[str], rng: random.Random) -> list[str]:
    """Give three numbers of the same form as the right one: years near a year, amounts of like size with as many digits."""
    plain = answer.replace(",", "")
    if not re.fullmatch(r"\d+(\.\d+)?", plain):
        return []
    if _YEAR.match(answer):
        year = int(answer)
        steps = [-23, -17, -12, -9, -6, -4, 4, 6, 9, 12, 17, 23]
        options = [str(year + step) for step in steps if year + step <= 2030]  # noqa: PLR2004 - not a year to come
    else:
        value = float(plain)
        if value < 4:  # noqa: PLR2004 - too small to be varied plausibly
            return []
        decimals = len(plain.partition(".")[2])
        zeros = len(plain) - len(plain.rstrip("0")) if not decimals else 0
        unit = 10.0**zeros
        options = []
        for factor in (0.5, 0.6, 0.75, 1.25, 1.4, 1.5, 1.75, 2.0):
            varied = round(value * factor / unit) * unit if not decimals else round(value * factor, decimals)
            options.append(f"{varied:,.{decimals}f}" if "," in answer else f"{varied:.{decimals}f}")
    fresh = [option for option in dict.fromkeys(options) if option != answer and option not in taken]
    if len(fresh) < _WRONG:
        return []
    return sorted(rng.sample(fresh, _WRONG), key=lambda option: float(option.replace(",", "")))


def key_of(label: str) -> str:
    """Give the key of an option."""
    return term_key(label)

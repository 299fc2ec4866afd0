"""Wrong options of the same kind as the right one."""

from __future__ import annotations

import math
import random
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher
from functools import lru_cache

from actors.study.offline.parts import PartFindings
from actors.study.offline.ranking import Term, Terms
from actors.study.words import is_plural, term_key

_WRONG = 3
_LEAST_CHOICE = 3
_ALIKE = 0.72


class Distractors:
    """The pool that wrong options are drawn from: a document's own concepts, told apart by kind."""

    def __init__(
        self,
        chosen: dict[str, Term],
        terms: Terms,
        findings: Sequence[PartFindings],
        sentences: Sequence[frozenset[str]],
    ) -> None:
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
        self._together: dict[str, set[str]] = defaultdict(set)
        for keys in sentences:
            for key in keys:
                self._together[key] |= keys
        self._kinds = {key: kind_of(term.label) for key, term in chosen.items()}
        self._forms = {(key, many): _numbered(term, many) for key, term in chosen.items() for many in (False, True)}
        self._pools: dict[tuple[str, str, bool], list[tuple[float, str, str]]] = {}
        self._siblings: dict[str, set[str]] = {}

    def fitting(self, key: str, named: Iterable[str]) -> set[str]:
        """Give the terms that might fit a gap too: kin of the answer, and what is named beside its rarest neighbour."""
        others = [self._chosen[other] for other in sorted(named) if other in self._chosen and other != key]
        rarest = min(others, key=lambda term: (term.count, term.key), default=None)
        if key not in self._siblings:
            mine = self._parents.get(key, set())
            self._siblings[key] = {other for other, parents in self._parents.items() if parents & mine}
        return self._siblings[key] | (self._together.get(rarest.key, set()) if rarest else set())

    def wrong(self, answer: str, key: str, taken: Iterable[str], rng: random.Random) -> list[str]:
        """Give three wrong options for a term, written in its number and case, or none if the document has too few."""
        many = is_plural(answer.split(" of ", maxsplit=1)[0].rsplit(maxsplit=1)[-1])
        excluded = {key, *taken}
        alike = self._alike(key, kind_of(answer), many)
        scored = [entry for entry in alike if entry[1] not in excluded]
        pool = scored[: _WRONG + 3]
        if len(pool) < _LEAST_CHOICE:
            return []
        picked: list[str] = []
        for _, _, label in sorted(rng.sample(pool, len(pool)), key=lambda entry: -entry[0] - rng.random()):
            if all(_apart(label, other) for other in picked):
                picked.append(label)
            if len(picked) == _WRONG:
                return picked
        return []

    def _alike(self, key: str, kind: str, many: bool) -> list[tuple[float, str, str]]:
        """Give the terms of a kind that are not the answer in other words, the likeliest to be taken for it first."""
        known = self._pools.get((key, kind, many))
        if known is not None:
            return known
        words = set(key.split())
        pool: list[tuple[float, str, str]] = []
        for other in self._chosen:
            label = self._forms[other, many]
            if (
                label is None
                or self._kinds[other] != kind
                or other in self._kin.get(key, ())
                or words & set(other.split())
            ):
                continue
            if kind == "name" and (" " in other) != (" " in key):
                continue
            if SequenceMatcher(None, key, other).ratio() <= _ALIKE:
                pool.append((self._nearness(key, other), other, label))
        pool.sort(key=lambda entry: (-entry[0], entry[1]))
        self._pools[key, kind, many] = pool
        return pool

    def _nearness(self, key: str, other: str) -> float:
        mine, theirs = self._chosen.get(key), self._chosen[other]
        score = 2.0 * bool(self._parents.get(key, set()) & self._parents.get(other, set()))
        score += 1.0 if _ending(key) == _ending(other) else 0.0
        score -= 0.5 * abs(len(key.split()) - len(other.split())) + 0.06 * abs(len(key) - len(other))
        if mine is not None:
            score -= 0.4 * abs(math.log((1 + mine.count) / (1 + theirs.count)))
            score -= 0.15 * math.log1p(abs(mine.first - theirs.first) / 2000)
        return score + 0.1 * theirs.score


@lru_cache(maxsize=20_000)
def _apart(label: str, other: str) -> bool:
    mine, theirs = set(term_key(label).split()), set(term_key(other).split())
    if mine <= theirs or theirs <= mine:
        return False
    return SequenceMatcher(None, label.lower(), other.lower()).ratio() < _ALIKE


def kind_of(label: str) -> str:
    """Tell acronyms, names, titles and common nouns apart by how they are written."""
    words = [word for word in label.split() if word not in ("of", "the", "and")]
    if len(label) > 1 and label.rstrip("s").isupper():
        return "acronym"
    if not words[0][0].isupper():
        return "noun"
    return "title" if any(_COMMON.search(word.lower()) for word in words) else "name"


# What common words end in, and names seldom do.
_COMMON = re.compile(
    r"(?:al|ic|ous|ive|ed|ing|tion|sion|ment|ness|ity|ism|ance|ence|ship|ture|age|ant|ent|sphere|ator|tor|"
    r"ry|ble|logy|graphy|ery|cy|war|act|law|treaty|"
    r"time|day|year|world|sea|river|party|union|league|empire|church|city|state|states|great|new|red|"
    r"black|white|dark|point|line|theory|effect|cycle)$"
)


def _ending(key: str) -> str:
    return key[-4:] if key.endswith(("tion", "sion", "ment", "ness", "ance", "ence", "sis")) else key[-2:]


def _numbered(term: Term, many: bool) -> str | None:
    """Give a term in the singular or plural, as the text itself writes it, or none if it never does."""
    forms = [form for form in term.forms if is_plural(form.split(" of ")[0].split()[-1]) == many]
    if not forms:
        return None
    if is_plural(term.label.split(" of ")[0].split()[-1]) == many:
        return term.label
    return max(forms, key=lambda form: (term.forms[form], form))

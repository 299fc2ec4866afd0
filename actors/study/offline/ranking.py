"""Which of a document's terms are its concepts, and how each is written."""
# ruff: noqa: PLR2004 - the numbers count words and letters where they stand

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from actors.study import english
from actors.study.english import word_set
from actors.study.offline.parts import DefinitionFinding, PartFindings, RelationFinding, TermFinding
from actors.study.offline.verbs import noun_too, verb_form
from actors.study.words import acronym_of, is_plural, singular, term_key

# Texts name new things ever more rarely as they go on.
_FEWEST, _MOST, _DENSITY = 12, 84, 1.45
_CORE = 0.6
_GENERIC = english.GENERIC_NOUNS | english.LOOSE_ADJECTIVES | english.PRONOUNS | english.NUMBERS | english.ADVERBS
_UNITS = word_set(
    "km cm mm kg mg ml kb mb gb tb hz khz mhz ghz kwh percent january february march april may june july "
    "august september october november december monday tuesday wednesday thursday friday saturday sunday "
    "dollar dollars euro cent mile kilometer metre meter kilogram gram litre liter inch foot mr mrs dr bc ad "
    "ce bce"
)


@dataclass
class Term:
    """What the whole document says of a term."""

    key: str
    forms: Counter[str] = field(default_factory=Counter)
    count: int = 0
    alone: int = 0
    headings: int = 0
    subjects: int = 0
    first: int = 0
    parts: int = 0
    score: float = 0.0
    aliases: list[str] = field(default_factory=list)

    @cached_property
    def label(self) -> str:
        """The commonest spelling; the singular where the text uses both and it is not clearly the rarer."""
        ranked = sorted(self.forms.items(), key=lambda form: (-form[1], form[0].lower() != form[0], form[0]))
        best = ranked[0][0]
        if is_plural(best.split()[-1]):
            single = [form for form, count in ranked if not is_plural(form.split()[-1]) and count * 4 >= ranked[0][1]]
            best = single[0] if single else best
        return best

    @property
    def names(self) -> frozenset[str]:
        """The keys under which the text may name it."""
        return frozenset({self.key, *(term_key(alias) for alias in self.aliases)})


class Terms:
    """All terms of a document, with their definitions and second names."""

    def __init__(self, findings: Sequence[PartFindings]) -> None:
        self.all: dict[str, Term] = {}
        self.definitions: dict[str, list[DefinitionFinding]] = defaultdict(list)
        self._names: dict[str, str] = {}
        for part in findings:
            for alias in part.aliases:
                self._alias(alias.key, alias.alias)
        for part in findings:
            for finding in part.terms:
                self._add(finding)
            for definition in part.definitions:
                self.definitions[self.canonical(definition.key)].append(definition)
        for part in findings:
            for alias in part.aliases:
                term = self.all.get(self.canonical(alias.key))
                if term is not None and alias.alias not in term.aliases:
                    term.aliases.append(alias.alias)
        for term in self.all.values():
            term.aliases = [alias for alias in term.aliases if term_key(alias) != term.key]

    def canonical(self, key: str) -> str:
        """Give the key of the concept that a term's key is another name of."""
        return self._names.get(key, key)

    def _alias(self, key: str, alias: str) -> None:
        other = term_key(alias)
        if not other or other == key:
            return
        # The acronym gives way to what it stands for.
        long, short = (
            (other, key) if acronym_of(key.replace(" ", ""), alias) and len(alias) > len(key) else (key, other)
        )
        long = self._names.get(long, long)
        if long != short and short not in self._names.values():
            self._names.setdefault(short, long)

    def _add(self, finding: TermFinding) -> None:
        key = self.canonical(finding.key)
        term = self.all.setdefault(key, Term(key, first=finding.first))
        if key == finding.key:
            term.forms.update(finding.forms)
        else:
            term.aliases.extend(form for form in finding.forms if form not in term.aliases)
        term.count += finding.count
        term.alone += finding.alone
        term.headings += finding.headings
        term.subjects += finding.subjects
        term.first = min(term.first, finding.first)
        term.parts += 1


def widened(claims: Sequence[RelationFinding], terms: Terms) -> list[RelationFinding]:
    """Give claims under their concepts' own keys; a kind named only once gives way to the wider kind."""
    renamed: list[RelationFinding] = []
    for claim in claims:
        source, target = _named(terms, claim.source), _named(terms, claim.target)
        if claim.type == "is_a" and _alone(terms, target) <= 1:
            words = target.split()
            wider = [" ".join(words[start:]) for start in range(1, len(words))]
            target = next(
                (
                    key
                    for key in wider
                    if " of " not in target and _alone(terms, key) > 1 and key not in _GENERIC and key != source
                ),
                target,
            )
        renamed.append(claim.model_copy(update={"source": source, "target": target}))
    # Where several kinds of X are told of, "the X" is one of them.
    kinds = {claim.target for claim in renamed if claim.type == "is_a"}
    return [claim for claim in renamed if not (claim.definite and claim.source in kinds)]


# "the pigment chlorophyll" is chlorophyll.
_KINDS = word_set(
    "pigment enzyme gas element hormone sugar compound metal mineral organelle polysaccharide particle planet "
    "molecule protein"
)
_ACTS = (
    "tion",
    "sion",
    "sis",
    "ment",
    "ity",
    "ance",
    "ence",
    "ing",
    "ion",
    "al",
    "er",
    "or",
    "cell",
    "bond",
    "law",
    "type",
    "system",
)


def _named(terms: Terms, key: str) -> str:
    words = key.split()
    for number in range(len(words) - 1, 0, -1):
        rest = " ".join(words[number:])
        if (
            words[number - 1] in _KINDS
            and not rest.endswith(_ACTS)
            and _alone(terms, rest) > 0
            and _alone(terms, key) <= 1
        ):
            return terms.canonical(rest)
    return terms.canonical(key)


def _alone(terms: Terms, key: str) -> int:
    term = terms.all.get(key)
    return term.alone if term else 0


def select(terms: Terms, claims: Sequence[RelationFinding], words: int) -> dict[str, Term]:
    """Choose the concepts of a document: what it names often, defines, puts into headings and relates to the rest."""
    degree: Counter[str] = Counter()
    for source, target in {(claim.source, claim.target) for claim in claims}:
        degree[source] += 1
        degree[target] += 1
    fit = [
        term
        for term in terms.all.values()
        if term.forms and fits(term, degree[term.key], defined=bool(terms.definitions.get(term.key)))
    ]
    for term in fit:
        length = len(term.key.split())
        score = math.sqrt(term.alone + 0.25 * (term.count - term.alone)) * (1 + 0.3 * min(length - 1, 2))
        score += 1.2 * min(term.headings, 3) + 0.25 * min(term.subjects, 8) + 0.3 * min(degree[term.key], 6)
        score += 2.0 if terms.definitions.get(term.key) else 0.0
        score += 0.5 if term.aliases else 0.0
        term.score = score
    limit = max(_FEWEST, min(_MOST, int(_DENSITY * math.sqrt(words))))
    ranked = sorted(fit, key=lambda term: (-term.score, term.first, term.key))
    chosen: dict[str, Term] = {}
    for term in ranked:
        if len(chosen) >= limit * _CORE:
            break
        if not _swallowed(term, chosen):
            chosen[term.key] = term
    return _joined(chosen, ranked, claims, limit)


def _joined(
    chosen: dict[str, Term], ranked: Sequence[Term], claims: Sequence[RelationFinding], limit: int
) -> dict[str, Term]:
    """Fill up with the terms that the text relates to the strongest ones, and then with the next strongest."""
    links: Counter[str] = Counter()
    for claim in claims:
        if claim.source in chosen and claim.target not in chosen:
            links[claim.target] += 1
        elif claim.target in chosen and claim.source not in chosen:
            links[claim.source] += 1
    linked = [term for term in ranked if links[term.key]]
    linked.sort(key=lambda term: -(term.score + 0.5 * min(links[term.key], 4)))
    for term in [*linked, *ranked]:
        if len(chosen) >= limit:
            break
        if term.key not in chosen and not _swallowed(term, chosen):
            chosen[term.key] = term
    return chosen


def fits(term: Term, degree: int, *, defined: bool) -> bool:
    """Tell whether a term can be a concept at all: it names something of the text's own subject."""
    words = term.key.split()
    if (
        not 1 <= len(words) <= 4
        or any(word in _UNITS or word.isdigit() for word in words)
        or ("of" in words and term.alone + degree < 3)
    ):
        return False
    if all(word in _GENERIC or singular(word) in _GENERIC for word in words):
        return False
    if len(words) == 1 and (len(words[0]) < 2 or words[0] in english.ADJECTIVES or _only_verb(words[0])):
        return False
    if max(map(len, words)) < 2 or (words[-1] in english.ADJECTIVES and not defined):
        return False
    if words[0] in english.FUNCTION_WORDS or words[-1] in english.FUNCTION_WORDS or "such" in words or "other" in words:
        return False
    return defined or term.headings > 0 or term.alone >= 2 or degree > 0


def _only_verb(word: str) -> bool:
    form = verb_form(word)
    return form is not None and form.form == "base" and not noun_too(form.base)


def _swallowed(term: Term, chosen: dict[str, Term]) -> bool:
    """Tell whether a term is only ever a piece of a longer one already chosen, or a longer one that adds nothing."""
    for key, other in chosen.items():
        if f" {term.key} " in f" {key} " and term.alone * 4 < term.count and other.count * 2 >= term.count:
            return True
    return False

"""Graphs of parts and of documents made one: a concept under two names becomes one node."""
# ruff: noqa: PLR2004 - the numbers count words and letters where they stand

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal

from actors.study.english import word_set
from actors.study.material import Concept, Evidence, KnowledgeGraph, Making, Relation
from actors.study.words import acronym_of, identity_of, singular, term_key

_EXPANDED = re.compile(r"^(?P<outer>[^()]{2,}?)\s*\((?P<inner>[^()]{2,})\)$")
_QUALIFIERS = word_set("so-called called given certain particular various different several many other main the a an")
_MOST_EVIDENCE = 12


def merge_graphs(graphs: Sequence[KnowledgeGraph]) -> KnowledgeGraph:
    """Unite graphs: one node a concept whatever its spelling, one edge a relation, all evidence kept, costs summed."""
    concepts = [(number, concept) for number, graph in enumerate(graphs) for concept in graph.concepts]
    groups = _Groups(len(concepts))
    known: dict[str, int] = {}
    for index, (_, concept) in enumerate(concepts):
        for name in sorted(_names(concept)):
            groups.join(known.setdefault(name, index), index)
    _join_acronyms([concept for _, concept in concepts], groups)
    members: dict[int, list[int]] = defaultdict(list)
    for index in range(len(concepts)):
        members[groups.root(index)].append(index)
    taken: set[str] = set()
    merged: dict[int, Concept] = {}
    for root, indexes in members.items():
        merged[root] = _united([concepts[index][1] for index in indexes], taken)
    places = {(number, concept.id): groups.root(index) for index, (number, concept) in enumerate(concepts)}
    relations = _relations(graphs, places, merged)
    return KnowledgeGraph(
        concepts=tuple(_normalized(list(merged.values()))),
        relations=relations,
        made=sum_makings([graph.made for graph in graphs]),
    )


def sum_makings(makings: Sequence[Making]) -> Making:
    """Add up what several makings cost and dropped; the price is unknown only if all of them are."""
    generators = list(dict.fromkeys(making.generator for making in makings)) or ["offline"]
    prices = [making.price for making in makings if making.price is not None]
    dropped: Counter[str] = Counter()
    for making in makings:
        dropped.update(making.dropped)
    return Making(
        generator=" + ".join(generators),
        calls=sum(making.calls for making in makings),
        tokens_in=sum(making.tokens_in for making in makings),
        tokens_out=sum(making.tokens_out for making in makings),
        price=sum(prices, Decimal(0)) if prices else None,
        seconds=round(sum(making.seconds for making in makings), 3),
        dropped=dict(sorted(dropped.items())),
        degraded=any(making.degraded for making in makings),
        below=sum(making.below for making in makings),
    )


class _Groups:
    def __init__(self, size: int) -> None:
        self._parents = list(range(size))

    def root(self, index: int) -> int:
        while self._parents[index] != index:
            self._parents[index] = self._parents[self._parents[index]]
            index = self._parents[index]
        return index

    def join(self, first: int, second: int) -> None:
        low, high = sorted((self.root(first), self.root(second)))
        self._parents[high] = low


def _names(concept: Concept) -> set[str]:
    names: set[str] = set()
    for label in (concept.label, *concept.aliases):
        expanded = _EXPANDED.match(label.strip())
        spellings = [label]
        if expanded:
            outer, inner = expanded["outer"], expanded["inner"]
            # "energy (kinetic)" qualifies, "central processing unit (CPU)" names twice.
            spellings = [outer, inner] if acronym_of(inner, outer) or acronym_of(outer, inner) else [label]
        for spelling in spellings:
            key = _bare(spelling)
            if key:
                names.add(key)
                names.add(key.replace(" ", ""))
    return names


def _bare(label: str) -> str:
    words = label.split()
    while len(words) > 1 and words[0].lower() in _QUALIFIERS:
        words = words[1:]
    # A short word in capitals is an acronym: "IT" is not "it", and "AIDS" not the plural of "aid".
    if len(words) == 1 and words[0].isupper() and len(words[0]) <= 5:
        return words[0]
    return term_key(" ".join(words))


def _join_acronyms(concepts: Sequence[Concept], groups: _Groups) -> None:
    """Join an acronym to its expansion where a sentence of either introduces the one beside the other."""
    shorts = [(i, c) for i, c in enumerate(concepts) if _acronym(c.label)]
    longs = [(i, c) for i, c in enumerate(concepts) if " " in c.label or "-" in c.label]
    for index, short in shorts:
        for other, long in longs:
            if not acronym_of(short.label, long.label):
                continue
            brief, full = re.escape(short.label.rstrip("s")), re.escape(_stem(long.label))
            pair = re.compile(
                rf"\b{full}\w*\s*[(\[]\s*(?:or |the )?{brief}s?\s*[)\],;]"
                rf"|\b{brief}s?\s*[(\[]\s*(?:or |the )?{full}",
                re.IGNORECASE,
            )
            evidence = [*short.evidence, *long.evidence]
            evidence += [e for e in (short.definition, long.definition) if e]
            if any(pair.search(item.sentence) for item in evidence):
                groups.join(index, other)


def _stem(label: str) -> str:
    head, _, last = label.rpartition(" ")
    return f"{head} {singular(last)}".strip()


def _acronym(label: str) -> bool:
    letters = label.rstrip("s")
    return 2 <= len(letters) <= 8 and letters.isupper()


def _united(members: Sequence[Concept], taken: set[str]) -> Concept:
    best = max(members, key=lambda concept: (not _acronym(concept.label), concept.weight, len(concept.evidence)))
    label = best.label
    expanded = _EXPANDED.match(label)
    if expanded and (
        acronym_of(expanded["inner"], expanded["outer"]) or acronym_of(expanded["outer"], expanded["inner"])
    ):
        label = max(expanded["outer"], expanded["inner"], key=len)
    labels = [name for concept in members for name in (concept.label, *concept.aliases)]
    aliases = tuple(dict.fromkeys(name for name in labels if term_key(name) != term_key(label)))
    base = identity_of(label) or best.id
    identity, number = base, 2
    while identity in taken:
        identity, number = f"{base}-{number}", number + 1
    taken.add(identity)
    defined = [c for c in sorted(members, key=lambda c: -c.weight) if c.definition]
    return Concept(
        id=identity,
        label=label,
        aliases=aliases,
        definition=defined[0].definition if defined else None,
        weight=sum(concept.weight for concept in members),
        evidence=_evidence(e for concept in members for e in concept.evidence),
    )


def _evidence(items: Iterable[Evidence]) -> tuple[Evidence, ...]:
    unique = {(item.document, item.page, item.sentence): item for item in items}
    return tuple(list(unique.values())[:_MOST_EVIDENCE])


def _normalized(concepts: list[Concept]) -> list[Concept]:
    most = max((concept.weight for concept in concepts), default=0.0)
    scaled = [c.model_copy(update={"weight": round(c.weight / most, 4) if most else 0.0}) for c in concepts]
    return sorted(scaled, key=lambda concept: (-concept.weight, concept.id))


def _relations(
    graphs: Sequence[KnowledgeGraph], places: dict[tuple[int, str], int], merged: dict[int, Concept]
) -> tuple[Relation, ...]:
    united: dict[tuple[str, str, str], list[Relation]] = defaultdict(list)
    for number, graph in enumerate(graphs):
        for relation in graph.relations:
            source, target = places.get((number, relation.source)), places.get((number, relation.target))
            if source is None or target is None or source == target:
                continue
            ends = merged[source].id, merged[target].id
            if relation.type == "related":  # says nothing of direction: one edge a pair
                ends = (min(ends), max(ends))
            united[ends[0], relation.type, ends[1]].append(relation)
    typed = {frozenset((source, target)) for source, kind, target in united if kind != "related"}
    relations = [
        Relation(
            source=source,
            target=target,
            type=kind,
            weight=sum(relation.weight for relation in found),
            evidence=_evidence(e for relation in found for e in relation.evidence),
        )
        for (source, kind, target), found in united.items()
        if kind != "related" or frozenset((source, target)) not in typed
    ]
    most = max((relation.weight for relation in relations), default=0.0)
    scaled = [r.model_copy(update={"weight": round(r.weight / most, 4) if most else 0.0}) for r in relations]
    return tuple(sorted(scaled, key=lambda r: (-r.weight, r.source, r.type, r.target)))

"""How concepts are connected: the strongest paths of a graph, told in the source's own sentences."""
# ruff: noqa: PLR2004 - the numbers count words and letters where they stand

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations, pairwise

from actors.study.grounding import Source
from actors.study.material import (
    Concept,
    Evidence,
    Explanation,
    Explanations,
    ExtractedDocument,
    KnowledgeGraph,
    Making,
    Relation,
)
from actors.study.offline.phrasing import said
from actors.study.words import term_key

_LONGEST = 4
_ENDS = 24
_REACH = 8
_RELATED = 0.35
_FADE = 0.85


def explain(graph: KnowledgeGraph, documents: Sequence[ExtractedDocument], limit: int = 8) -> Explanations:
    """Explain the strongest connections between a graph's main concepts, each step with the sentence that states it."""
    began = time.perf_counter()
    dropped: Counter[str] = Counter()
    sources = {document.name: Source(document) for document in documents}
    concepts = {concept.id: concept for concept in graph.concepts}
    edges = _grounded(graph, concepts, sources, dropped)
    items: list[Explanation] = []
    told: Counter[frozenset[str]] = Counter()
    for path in _paths(graph, edges):
        if len(items) >= limit:
            break
        steps = list(pairwise(path))
        if any(told[frozenset(step)] >= 2 for step in steps):
            continue
        told.update(frozenset(step) for step in steps)
        items.append(_told(path, concepts, edges, sources))
    made = Making(
        generator="offline", seconds=round(time.perf_counter() - began, 3), dropped=dict(sorted(dropped.items()))
    )
    return Explanations(items=tuple(items), made=made)


class _Edge:
    def __init__(self, relation: Relation, citation: Evidence, strength: float) -> None:
        self.relation = relation
        self.citation = citation
        self.strength = strength


_Edges = dict[str, dict[str, _Edge]]


def _grounded(
    graph: KnowledgeGraph, concepts: dict[str, Concept], sources: dict[str, Source], dropped: Counter[str]
) -> _Edges:
    edges: _Edges = defaultdict(dict)
    for relation in graph.relations:
        if relation.source not in concepts or relation.target not in concepts:
            dropped["unknown_concept"] += 1
            continue
        cited = [found for item in relation.evidence if (found := _found(item, sources))]
        if not cited:
            dropped["ungrounded"] += 1
            continue
        strength = (0.5 + 0.5 * relation.weight) * (_RELATED if relation.type == "related" else 1.0)
        edge = _Edge(
            relation, min(cited, key=lambda item: (_open(item.sentence), abs(len(item.sentence) - 120))), strength
        )
        known = edges[relation.source].get(relation.target)
        if known is None or known.strength < strength:
            edges[relation.source][relation.target] = edge
            edges[relation.target][relation.source] = edge
    return edges


def _open(sentence: str) -> bool:
    return sentence.split(maxsplit=1)[0].lower() in ("this", "these", "it", "they", "such", "that", "those")


def _found(item: Evidence, sources: dict[str, Source]) -> Evidence | None:
    source = sources.get(item.document)
    found = source.find(item.sentence) if source else None
    return item if found is not None and found.sentence == item.sentence else found


def _paths(graph: KnowledgeGraph, edges: _Edges) -> Iterator[list[str]]:
    """Yield paths, best first: between main concepts, over strong steps; of single steps only the strongest."""
    weights = {concept.id: concept.weight for concept in graph.concepts}
    ends = [concept.id for concept in sorted(graph.concepts, key=lambda c: (-c.weight, c.id)) if concept.id in edges][
        :_ENDS
    ]
    ranked: list[tuple[float, list[str]]] = []
    for start, goal in combinations(ends, 2):
        best = _best(start, goal, edges)
        if best is not None:
            strength, path = best
            interest = {2: 0.5, 3: 1.0, 4: 1.0}.get(len(path), 0.9)
            quoted = {edges[a][b].citation.sentence for a, b in pairwise(path)}
            if len(quoted) < len(path) - 1:
                interest *= 0.4  # one sentence told twice
            typed = all(edges[a][b].relation.type != "related" for a, b in pairwise(path))
            ranked.append(
                (
                    strength * interest * (0.3 + weights[start] + weights[goal]) * (1.5 if typed else 0.6),
                    _forward(path, edges),
                )
            )
    ranked.sort(key=lambda entry: (-entry[0], entry[1]))
    used: Counter[str] = Counter()
    waiting = ranked
    while waiting:
        # A concept already at the end of one explanation makes room for others.
        place = max(
            range(min(len(waiting), 200)),
            key=lambda i: (waiting[i][0] * 0.6 ** (used[waiting[i][1][0]] + used[waiting[i][1][-1]]), -i),
        )
        _, path = waiting.pop(place)
        used.update((path[0], path[-1]))
        yield path


def _best(start: str, goal: str, edges: _Edges) -> tuple[float, list[str]] | None:
    beam: list[tuple[float, list[str]]] = [(1.0, [start])]
    best: tuple[float, list[str]] | None = None
    for _ in range(_LONGEST):
        grown: list[tuple[float, list[str]]] = []
        for strength, path in beam:
            for following, edge in edges[path[-1]].items():
                if following in path:
                    continue
                entry = (strength * edge.strength * (_FADE if len(path) > 1 else 1.0), [*path, following])
                if following == goal:
                    if best is None or entry[0] > best[0]:
                        best = entry
                else:
                    grown.append(entry)
        grown.sort(key=lambda entry: (-entry[0], entry[1]))
        beam = grown[: _REACH * 4]
    return best


def _forward(path: list[str], edges: _Edges) -> list[str]:
    """Turn a path so that most of its steps read from source to target."""
    along = sum(1 if edges[a][b].relation.source == a else -1 for a, b in pairwise(path))
    return path if along >= 0 else path[::-1]


def _told(path: list[str], concepts: dict[str, Concept], edges: _Edges, sources: dict[str, Source]) -> Explanation:
    labels = [concepts[identity].label for identity in path]
    lines: list[str] = []
    citations: list[Evidence] = []
    if len(path) > 2:
        lines.append(f"{_capital(labels[0])} and {labels[-1]} are connected through {_listed(labels[1:-1])}.")
    for a, b in pairwise(path):
        edge = edges[a][b]
        claim = said(edge.relation, concepts[edge.relation.source], concepts[edge.relation.target])
        where = f"p. {edge.citation.page}"
        if len({concept.document for concept in (edge.citation, *citations)}) > 1:
            where = f"{edge.citation.document}, {where}"
        lines.append(f"{_capital(claim)}: “{edge.citation.sentence}” ({where})")
        if edge.citation not in citations:
            citations.append(edge.citation)
    for identity in (path[0], path[-1]):
        said_of = concepts[identity].definition
        definition = _found(said_of, sources) if said_of else None
        if definition and definition not in citations and len(path) <= 3 and term_key(concepts[identity].label):
            lines.append(
                f"The source says of {concepts[identity].label}: “{definition.sentence}” (p. {definition.page})"
            )
            citations.append(definition)
    return Explanation(
        source=labels[0], target=labels[-1], path=tuple(labels), text="\n".join(lines), citations=tuple(citations)
    )


def _listed(labels: Sequence[str]) -> str:
    return labels[0] if len(labels) == 1 else f"{', '.join(labels[:-1])} and {labels[-1]}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]

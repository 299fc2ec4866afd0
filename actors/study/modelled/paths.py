"""The connections of a graph worth explaining: strong paths between concepts that no single sentence joins."""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from itertools import pairwise

from actors.study.material import KnowledgeGraph, Material, Relation

_MOST_HOPS = 4
#: Concepts on a path: two ends that one relation joins need no explanation.
_LEAST = 3
#: Only the weightiest concepts are ends of a path.
_ENDS = 24
_MOST_PATHS_OF_AN_END = 2
#: An edge that only says "related" is a weaker step than one that says how.
_VAGUE = 0.5


class Path(Material):
    """A way through a graph: its concepts by label, and the relation behind each step."""

    labels: tuple[str, ...]
    relations: tuple[Relation, ...]
    #: For each relation, whether the path goes along it (or against it).
    forward: tuple[bool, ...]


def choose_paths(graph: KnowledgeGraph, limit: int) -> list[Path]:
    """Choose at most so many paths: strong steps, weighty ends, two steps or more, and not all about one concept."""
    weights = {concept.id: concept.weight for concept in graph.concepts}
    labels = {concept.id: concept.label for concept in graph.concepts}
    steps: dict[str, dict[str, Relation]] = defaultdict(dict)
    for relation in graph.relations:
        for here, there in ((relation.source, relation.target), (relation.target, relation.source)):
            other = steps[here].get(there)
            if there in weights and (other is None or _strength(relation) > _strength(other)):
                steps[here][there] = relation
    ends = sorted((end for end in weights if end in steps), key=lambda end: (-weights[end], end))[:_ENDS]
    found: list[tuple[float, list[str]]] = []
    for number, start in enumerate(ends):
        reached = _ways(start, steps)
        for way in (reached[end] for end in ends[number + 1 :] if end in reached):
            weakest = min(_strength(steps[a][b]) for a, b in pairwise(way))
            found.append((weakest * (weights[start] + weights[way[-1]]) / len(way), way))
    found.sort(key=lambda entry: (-entry[0], entry[1]))
    ways = [way for _, way in found]
    ways = [way for way in ways if len(way) >= _LEAST] or ways  # a small graph may have no longer ones
    return [_path(way, steps, labels) for way in _varied(ways, limit)]


def _strength(relation: Relation) -> float:
    return max(relation.weight, 0.01) * (_VAGUE if relation.type == "related" else 1.0)


def _ways(start: str, steps: dict[str, dict[str, Relation]]) -> dict[str, list[str]]:
    ways: dict[str, list[str]] = {}
    waiting: list[tuple[float, list[str]]] = [(0.0, [start])]
    while waiting:
        cost, way = heapq.heappop(waiting)
        if way[-1] in ways:
            continue
        ways[way[-1]] = way
        if len(way) > _MOST_HOPS:
            continue
        for there, relation in steps[way[-1]].items():
            if there not in ways:
                heapq.heappush(waiting, (cost + 1 + 1 / (1 + _strength(relation)), [*way, there]))
    return ways


def _varied(ways: list[list[str]], limit: int) -> list[list[str]]:
    chosen: list[list[str]] = []
    ends: Counter[str] = Counter()
    for way in ways:
        if len(chosen) >= limit:
            break
        inside = any(set(way) <= set(other) or set(other) <= set(way) for other in chosen)
        if inside or max(ends[way[0]], ends[way[-1]]) >= _MOST_PATHS_OF_AN_END:
            continue
        ends.update((way[0], way[-1]))
        chosen.append(way)
    return chosen


def _path(way: list[str], steps: dict[str, dict[str, Relation]], labels: dict[str, str]) -> Path:
    relations = tuple(steps[here][there] for here, there in pairwise(way))
    return Path(
        labels=tuple(labels[place] for place in way),
        relations=relations,
        forward=tuple(relation.source == here for relation, here in zip(relations, way, strict=False)),
    )

"""The graph, put together from what reading the parts found."""
# ruff: noqa: PLR2004 - the numbers count words and letters where they stand

from __future__ import annotations

import math
import re
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import combinations

from actors.study.grounding import Source
from actors.study.material import Concept, Evidence, ExtractedDocument, KnowledgeGraph, Making, Relation
from actors.study.offline.mentions import Mentions
from actors.study.offline.parts import PartFindings, RelationFinding
from actors.study.offline.ranking import Term, Terms, select, widened

_MOST_EVIDENCE = 6
_LEAST_TOGETHER = 2
_LEAST_BOUND = 0.25
_ONE_WAY = frozenset({"is_a", "part_of", "causes", "contains", "includes"})


def assemble(document: ExtractedDocument, findings: Sequence[PartFindings]) -> KnowledgeGraph:
    """Build the graph of a document: its main concepts, and the relations that its sentences state between them."""
    began = time.perf_counter()
    evidence = _Evidence(Source(document))
    terms = Terms(findings)
    claims = widened([claim for part in findings for claim in part.relations], terms)
    chosen = select(terms, claims, sum(part.words for part in findings))
    mentions = Mentions(evidence.source, {key: term.names for key, term in chosen.items()})
    concepts: dict[str, Concept] = {}
    for key, term in chosen.items():
        concept = _concept(term, terms, mentions, evidence)
        if concept is not None:
            concepts[key] = concept
    relations = _stated([claim for claim in claims if claim.source in concepts and claim.target in concepts], evidence)
    relations += _together(mentions, concepts, relations, evidence)
    made = Making(
        generator="offline",
        seconds=round(time.perf_counter() - began + sum(part.seconds for part in findings), 3),
        dropped=dict(sorted(evidence.dropped.items())),
    )
    renamed = {key: concept.id for key, concept in concepts.items()}
    return KnowledgeGraph(
        concepts=tuple(_weighed(list(concepts.values()))),
        relations=tuple(
            relation.model_copy(update={"source": renamed[relation.source], "target": renamed[relation.target]})
            for relation in _scaled(relations)
        ),
        made=made,
    )


class _Evidence:
    """Finds every claim's sentence in the source, and counts those that are not there."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.dropped: Counter[str] = Counter()
        self._found: dict[str, Evidence | None] = {}

    def check(self, items: Sequence[Evidence]) -> tuple[Evidence, ...]:
        kept: dict[tuple[str, int], Evidence] = {}
        for item in items:
            if item.sentence not in self._found:
                self._found[item.sentence] = self.source.find(item.sentence)
            found = self._found[item.sentence]
            if found is None:
                self.dropped["ungrounded"] += 1
            else:
                # A sentence that the document repeats stays on the page it was read from.
                kept.setdefault((item.sentence, item.page), item if found.sentence == item.sentence else found)
        return tuple(kept.values())[:_MOST_EVIDENCE]


def _concept(term: Term, terms: Terms, mentions: Mentions, evidence: _Evidence) -> Concept | None:
    definitions = sorted(terms.definitions.get(term.key, []), key=lambda found: -found.strength)
    defining = evidence.check([found.evidence for found in definitions])
    places = mentions.where.get(term.key, [])[:_MOST_EVIDENCE]
    document = evidence.source.name
    named = evidence.check(
        [
            Evidence(sentence=mentions.sentences[i].text, page=mentions.sentences[i].page, document=document)
            for i in places
        ]
    )
    together = tuple(dict.fromkeys((*defining, *named)))[:_MOST_EVIDENCE]
    if not together:
        return None
    return Concept(
        id=re.sub(r"[^\w]+", "-", term.key).strip("-"),
        label=term.label,
        aliases=tuple(dict.fromkeys(term.aliases)),
        definition=defining[0] if defining else None,
        weight=term.score,
        evidence=together,
    )


def _stated(claims: Sequence[RelationFinding], evidence: _Evidence) -> list[Relation]:
    grouped: dict[tuple[str, str, str], list[RelationFinding]] = defaultdict(list)
    for claim in claims:
        if claim.source != claim.target:
            grouped[claim.source, claim.type, claim.target].append(claim)
    relations: list[Relation] = []
    for (source, kind, target), found in grouped.items():
        back = grouped.get((target, kind, source), [])
        if kind in _ONE_WAY and back and (len(back), target) >= (len(found), source):
            continue  # both ways round: one of the two was misread
        support = evidence.check([claim.evidence for claim in found])
        if support:
            strength = max(claim.strength for claim in found) + 0.5 * math.log2(len(support))
            relations.append(Relation(source=source, target=target, type=kind, weight=strength, evidence=support))
    return relations


def _together(
    mentions: Mentions, concepts: dict[str, Concept], stated: Sequence[Relation], evidence: _Evidence
) -> list[Relation]:
    """Relate concepts that stand in the same sentences far more often than chance would have it."""
    total = max(2, len(mentions.sentences))
    pairs: dict[tuple[str, str], list[int]] = defaultdict(list)
    for number, keys in enumerate(mentions.keys):
        for one, other in combinations(sorted(key for key in keys if key in concepts), 2):
            pairs[one, other].append(number)
    joined = {frozenset((relation.source, relation.target)) for relation in stated}
    degree = Counter(end for relation in stated for end in (relation.source, relation.target))
    found: list[tuple[float, str, str, list[int]]] = []
    for (one, other), where in pairs.items():
        if len(where) < _LEAST_TOGETHER or frozenset((one, other)) in joined:
            continue
        chance = len(mentions.where[one]) * len(mentions.where[other]) / total**2
        share = len(where) / total
        bound = math.log(share / chance) / -math.log(share) if share < 1 else 0.0
        if bound >= _LEAST_BOUND:
            found.append((bound * math.log2(1 + len(where)), one, other, where))
    relations: list[Relation] = []
    for bound, one, other, where in sorted(found, key=lambda entry: (-entry[0], entry[1], entry[2])):
        # Enough to tie in what no sentence relates outright; more would bury what the text does say.
        if min(degree[one], degree[other]) >= 2 or max(degree[one], degree[other]) >= 8:
            continue
        sentences = [mentions.sentences[number] for number in where]
        support = evidence.check(
            [Evidence(sentence=s.text, page=s.page, document=evidence.source.name) for s in sentences[:_MOST_EVIDENCE]]
        )
        if support:
            degree.update((one, other))
            relations.append(
                Relation(source=one, target=other, type="related", weight=0.4 * min(1.0, bound), evidence=support)
            )
    return relations


def _weighed(concepts: list[Concept]) -> list[Concept]:
    most = max((concept.weight for concept in concepts), default=1.0) or 1.0
    scaled = [concept.model_copy(update={"weight": round(concept.weight / most, 4)}) for concept in concepts]
    return sorted(scaled, key=lambda concept: (-concept.weight, concept.id))


def _scaled(relations: list[Relation]) -> list[Relation]:
    most = max((relation.weight for relation in relations), default=1.0) or 1.0
    scaled = [relation.model_copy(update={"weight": round(relation.weight / most, 4)}) for relation in relations]
    return sorted(scaled, key=lambda relation: (-relation.weight, relation.source, relation.type, relation.target))

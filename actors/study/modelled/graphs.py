"""The knowledge graph as a model reads it out of a document, held against the document."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from actors.study.material import Concept, Evidence, ExtractedDocument, KnowledgeGraph, Relation
from actors.study.merging import merge_graphs
from actors.study.modelled.answers import RELATION_TYPES, ConceptClaim, GraphAnswer, RelationClaim
from actors.study.modelled.claims import (
    BEYOND,
    DUPLICATE,
    INCOMPLETE,
    NOT_NAMED,
    TOO_LONG,
    UNGROUNDED,
    UNKNOWN_END,
    Answered,
    Ground,
    Stood,
    making_of,
    sends_elsewhere,
    sound_label,
    usage_of,
)
from actors.study.modelled.parts import Part
from actors.study.modelled.prompts import GRAPH, part_prompt
from actors.study.words import term_key
from pipeline.llm import generate

_WORDS_A_CONCEPT = 120
_FEWEST, _MOST = 5, 25
#: More than a picture can show and a student can learn from.
_MOST_IN_ALL = 120


class PartGraph(Answered):
    """What a model says about one part, unchecked, and what asking took."""

    part: int
    answer: GraphAnswer


def read_part(part: Part, model: str, feedback: str = "") -> PartGraph:
    """Ask a model once for the concepts and relations of a part; ``feedback`` is what was wrong the time before."""
    wanted = min(_MOST, max(_FEWEST, part.words // _WORDS_A_CONCEPT))
    task = f"Give at most {wanted} concepts, the most important first, and at most {wanted * 3 // 2} relations."
    made = generate(model, GraphAnswer, instructions=GRAPH, prompt=part_prompt(part, task, feedback))
    return PartGraph(part=part.number, answer=made.output, usage=usage_of(made.usage))


def assemble(document: ExtractedDocument, parts: Sequence[PartGraph]) -> KnowledgeGraph:
    """Keep what the document bears out, unite the parts, and count what was left out and why."""
    ground = Ground(document)
    graphs = [_checked(part, ground) for part in parts]
    return (
        _strongest(merge_graphs(graphs))
        if graphs
        else KnowledgeGraph(concepts=(), relations=(), made=making_of([], Counter()))
    )


def weigh_graph(read: PartGraph, ground: Ground) -> Stood:
    """Say how much of what was read in a part stands."""
    graph = _checked(read, ground)
    return Stood(
        offered=len(read.answer.concepts) + len(read.answer.relations),
        kept=len(graph.concepts) + len(graph.relations),
        dropped=Counter(graph.made.dropped),
    )


def _strongest(graph: KnowledgeGraph) -> KnowledgeGraph:
    beyond = len(graph.concepts) - _MOST_IN_ALL
    if beyond <= 0:
        return graph
    related = {end for relation in graph.relations for end in (relation.source, relation.target)}
    ranked = sorted(graph.concepts, key=lambda concept: (concept.id not in related, -concept.weight, concept.id))
    kept = {concept.id for concept in ranked[:_MOST_IN_ALL]}
    return KnowledgeGraph(
        concepts=tuple(concept for concept in graph.concepts if concept.id in kept),
        relations=tuple(edge for edge in graph.relations if edge.source in kept and edge.target in kept),
        made=graph.made.model_copy(update={"dropped": {**graph.made.dropped, BEYOND: beyond}}),
    )


def _checked(part: PartGraph, ground: Ground) -> KnowledgeGraph:
    dropped: Counter[str] = Counter()
    concepts: dict[str, Concept] = {}
    known: dict[str, str] = {}
    for claim in part.answer.concepts:
        concept, reason = _concept(claim, ground)
        if concept is not None and concept.id in concepts:
            concept, reason = None, DUPLICATE
        if concept is None:
            dropped[reason] += 1
            continue
        concepts[concept.id] = concept
        for name in (claim.label, concept.label, *concept.aliases):
            known.setdefault(term_key(name), concept.id)
    relations: dict[tuple[str, str, str], Relation] = {}
    for stated in part.answer.relations:
        relation, reason = _relation(stated, ground, concepts, known)
        if relation is not None and (relation.source, relation.target, relation.type) in relations:
            relation, reason = None, DUPLICATE
        if relation is None:
            dropped[reason] += 1
        else:
            relations[relation.source, relation.target, relation.type] = relation
    made = making_of([part], dropped)
    return KnowledgeGraph(concepts=tuple(concepts.values()), relations=tuple(relations.values()), made=made)


def _concept(claim: ConceptClaim, ground: Ground) -> tuple[Concept | None, str]:
    if not term_key(claim.label):
        return None, INCOMPLETE
    evidence, reason = ground.evidence(claim.quote)
    if evidence is None:
        return None, reason
    sound = [name for name in (claim.label, *claim.aliases) if sound_label(name)]
    if not sound:
        return None, TOO_LONG
    offered = [name for name in sound if not sends_elsewhere(name, evidence.sentence)]
    spoken = [name for name in offered if ground.names(evidence.sentence, [name]) or ground.source.mentions(name)]
    if not spoken:
        return None, UNGROUNDED
    if not ground.names(evidence.sentence, spoken):
        return None, NOT_NAMED
    label, *aliases = dict.fromkeys(spoken)
    return Concept(
        id=_identity(label),
        label=label,
        aliases=tuple(alias for alias in aliases if term_key(alias) != term_key(label)),
        definition=evidence if claim.defines and ground.names(evidence.sentence, [label]) else None,
        weight=claim.importance / 5,
        evidence=(evidence,),
    ), ""


def _relation(
    claim: RelationClaim, ground: Ground, concepts: dict[str, Concept], known: dict[str, str]
) -> tuple[Relation | None, str]:
    if not claim.source or not claim.target:
        return None, INCOMPLETE
    ends = known.get(term_key(claim.source)), known.get(term_key(claim.target))
    if ends[0] is None or ends[1] is None or ends[0] == ends[1]:
        return None, UNKNOWN_END
    evidence, reason = ground.evidence(claim.quote)
    if evidence is None:
        return None, reason
    if not _states(evidence, ground, concepts[ends[0]], concepts[ends[1]]):
        return None, NOT_NAMED
    kind = re.sub(r"[^a-z]+", "_", claim.type.lower()).strip("_")
    kind = kind if kind in RELATION_TYPES else "related"
    return Relation(source=ends[0], target=ends[1], type=kind, weight=1.0, evidence=(evidence,)), ""


def _states(evidence: Evidence, ground: Ground, *ends: Concept) -> bool:
    # "It consists of ..." names one end; the other then stands beside it, in the same paragraph.
    spoken = [(end.label, *end.aliases) for end in ends]
    passage = ground.source.passage(evidence)
    here = [ground.names(evidence.sentence, terms) for terms in spoken]
    return any(here) and all(named or ground.names(passage, terms) for named, terms in zip(here, spoken, strict=True))


def _identity(label: str) -> str:
    return re.sub(r"[^\w]+", "-", term_key(label)).strip("-")

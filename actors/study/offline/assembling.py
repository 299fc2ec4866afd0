"""The graph, put together from what reading the parts found."""

from __future__ import annotations

import math
import re
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from actors.study.grounding import Source
from actors.study.material import Concept, Evidence, ExtractedDocument, KnowledgeGraph, Making, Relation
from actors.study.offline.mentions import Mentions
from actors.study.offline.parts import PartFindings, RelationFinding
from actors.study.offline.ranking import Term, merged_terms, select
from actors.study.words import term_key

_MOST_EVIDENCE = 6
_LEAST_TOGETHER = 2
_LEAST_BOUND = 0.3
_INVERSE = {"is_a", "part_of", "causes", "produces", "contains", "precedes", "includes"}


def assemble(document: ExtractedDocument, findings: Sequence[PartFindings]) -> KnowledgeGraph:
    """Build the graph of a document: its strongest concepts, and the relations that its sentences state between them."""
    began = time.perf_counter()
    source = Source(document)
    dropped: Counter[str] = Counter()
    grounded = _Grounded(source, dropped)
    terms = merged_terms(findings)
    words = sum(part.words for part in findings)
    claims = [_renamed(claim, terms.canonical) for part in findings for claim in part.relations]
    chosen = select(terms, claims, words)
    mentions = Mentions(source, {key: term.names for key, term in chosen.items()})
    concepts = [_concept(term, terms.definitions.get(key, []), mentions, grounded) for key, term in chosen.items()]
    concepts = [concept for concept in concepts if concept is not None]
    identities = {term_key_id(concept): concept for concept in concepts}
    relations = _stated(claims, {key: concept for key, concept in zip_keys(chosen, identities)}, grounded)
    relations += _together(mentions, identities, relations)
    seconds = time.perf_counter() - began + sum(part.seconds for part in findings)
    return KnowledgeGraph(
        concepts=tuple(sorted(concepts, key=lambda concept: (-concept.weight, concept.id))),
        relations=tuple(_scaled(relations)),
        made=Making(generator="offline", seconds=round(seconds, 3), dropped=dict(sorted(dropped.items()))),
    )

"""``graph.generate``: the knowledge graph of a document, read part by part."""

from __future__ import annotations

from datetime import timedelta

from actors.study import degrading, gates, modelled, offline
from actors.study.material import ExtractedDocument, KnowledgeGraph
from pipeline import AI, Run, actor, splitting
from pipeline.llm import OFFLINE


@actor(name="graph.generate", queue="ai", retry=AI, timeout=timedelta(minutes=10))
def generate_graph(document: ExtractedDocument, run: Run) -> KnowledgeGraph:
    """Build the knowledge graph of a document; what the document does not bear out is left out and counted."""
    run.progress("preparing", 0, f"cutting {document.name} into parts")
    if run.model == OFFLINE:
        parts = offline.split(document)
        run.progress("generating", 10, f"{len(parts)} parts", until=80)
        findings = run.each(read_part_offline, parts)
        run.progress("building", 80, "merging concepts")
        graph = offline.assemble(document, findings)
    else:
        pages = modelled.split(document)
        run.progress("generating", 10, f"{len(pages)} parts", until=80)
        answers = run.each(ask_for_part, pages, run, gates.Against(document))
        run.progress("building", 80, "merging concepts")
        graph = modelled.assemble(document, answers)
        if not graph.concepts and gates.expects_something(pages):
            gates.give_up(run, document.name, answers)
    graph = degrading.marked(graph, run)
    dropped = sum(graph.made.dropped.values())
    found = f"{len(graph.concepts)} concepts, {len(graph.relations)} relations, {dropped} dropped"
    run.progress("validating", 95, found + gates.below(graph.made))
    return graph


def read_part_offline(part: offline.Part) -> offline.PartFindings:
    """Read one part without a model."""
    return offline.read_part(part)


@splitting(modelled.halve)
def ask_for_part(part: modelled.Part, run: Run, document: gates.Against) -> modelled.PartGraph:
    """Have a model read one part."""
    return gates.read_part(part, run, document)

"""``connection.explain``: how concepts of a graph are connected, told from the source."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from actors.study import degrading, gates, modelled, offline
from actors.study.material import Explanations, ExtractedDocument, KnowledgeGraph, Material
from pipeline import AI, Run, actor
from pipeline.llm import OFFLINE


class ConnectionRequest(Material):
    """The graph, the document it was read from, and how many connections to explain."""

    graph: KnowledgeGraph
    document: ExtractedDocument
    limit: int = Field(default=8, ge=1, le=50)


@actor(name="connection.explain", queue="ai", retry=AI, timeout=timedelta(minutes=10))
def explain_connections(request: ConnectionRequest, run: Run) -> Explanations:
    """Explain the strongest connections of a graph, citing passages."""
    documents = [request.document]
    run.progress("preparing", 0, "choosing connections")
    if run.model == OFFLINE:
        run.progress("generating", 20, "telling them from the source")
        explained = offline.explain(request.graph, documents, request.limit)
    else:
        paths = modelled.prepare_paths(request.graph, documents, request.limit)
        run.progress("generating", 20, f"{len(paths)} connections", until=90)
        told = run.each(ask_for_path, paths, run, gates.Against(request.document))
        explained = modelled.assemble_explanations(documents, told)
        if paths and not explained.items:
            gates.give_up(run, request.document.name, told)
    explained = degrading.marked(explained, run)
    run.progress("validating", 95, f"{len(explained.items)} connections explained{gates.below(explained.made)}")
    return explained


def ask_for_path(path: modelled.PathToTell, run: Run, document: gates.Against) -> modelled.ToldPath:
    """Have a model tell one connection."""
    return gates.tell_path(path, run, document)

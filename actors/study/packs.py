"""``pack.assemble``: everything made from some documents, put together; good ones delivered, bad ones named."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, TypeVar

from actors.study.material import (
    DocumentPack,
    DocumentSource,
    Explanations,
    ExtractedDocument,
    KnowledgeGraph,
    Material,
    Quiz,
    StudyPack,
)
from actors.study.merging import merge_graphs, sum_makings
from pipeline import DOCUMENTS, Outcome, Run, actor
from pipeline.artifacts import get_artifacts, withdrawn_if_cancelled

T = TypeVar("T")


class PackParts(Material):
    """What became of each document, in the order of the sources."""

    sources: tuple[DocumentSource, ...]
    title: str = ""
    documents: list[Outcome[ExtractedDocument]]
    graphs: list[Outcome[KnowledgeGraph]]
    quizzes: list[Outcome[Quiz]]
    explanations: list[Outcome[Explanations]]


@actor(name="pack.assemble", queue="documents", retry=DOCUMENTS, timeout=timedelta(minutes=2))
def assemble_pack(parts: PackParts, run: Run) -> StudyPack:
    """Merge what was made of several documents into one pack that says what is missing, and why."""
    run.progress("assembling", 10, f"{len(parts.sources)} documents")
    packs = [_document(parts, at) for at in range(len(parts.sources))]
    graphs = _values(parts.graphs)
    quizzes = _values(parts.quizzes)
    explained = _values(parts.explanations)
    read = _values(parts.documents)
    states = {pack.status for pack in packs}
    pack = StudyPack(
        title=parts.title or _title(read, parts.sources),
        status="complete" if states == {"complete"} else "failed" if states == {"failed"} else "partial",
        documents=tuple(packs),
        graph=merge_graphs(graphs) if graphs else None,
        quiz=Quiz(items=tuple(i for q in quizzes for i in q.items), made=sum_makings([q.made for q in quizzes]))
        if quizzes
        else None,
        explanations=Explanations(
            items=tuple(i for e in explained for i in e.items), made=sum_makings([e.made for e in explained])
        )
        if explained
        else None,
        problems=tuple(f"{pack.document}: {problem}" for pack in packs for problem in pack.problems),
    )
    run.progress("storing", 80, "keeping the results")
    with withdrawn_if_cancelled(run):
        run.step(keep, parts, pack, run.id, run.correlation_id)
    return pack


def keep(parts: PackParts, pack: StudyPack, run_id: str, flow_id: str) -> None:
    """Write the documents and what was made of them to the database; written again, they stay one row each."""
    store = get_artifacts()
    for outcome in parts.documents:
        if (document := outcome.value) is not None:
            store.save_document(
                document.id,
                name=document.name,
                format=document.format,
                pages=document.pages,
                language=document.language,
            )
    for kind, made in (("graph", pack.graph), ("quiz", pack.quiz), ("explanations", pack.explanations)):
        if made is not None:
            store.save(
                run_id=run_id,
                flow_id=flow_id,
                kind=kind,
                body=made.model_dump(mode="json"),
                generator=made.made.generator,
                tokens_in=made.made.tokens_in,
                tokens_out=made.made.tokens_out,
                price=made.made.price,
                seconds=made.made.seconds,
            )
    store.save(run_id=run_id, flow_id=flow_id, kind="pack", body=pack.model_dump(mode="json"), seconds=pack.seconds)


def _document(parts: PackParts, at: int) -> DocumentPack:
    name, document = parts.sources[at].name, parts.documents[at]
    if document.value is None:
        return DocumentPack(document=name, status="failed", problems=(_why(document),))
    problems = list(document.value.warnings)
    made: dict[str, Outcome[Any]] = {
        "graph": parts.graphs[at],
        "quiz": parts.quizzes[at],
        "explanations": parts.explanations[at],
    }
    degraded = [what for what, outcome in made.items() if outcome.value is not None and outcome.value.made.degraded]
    if degraded:
        problems.append(f"{' and '.join(degraded)} made offline, in place of a model: see dramaturg runs regenerate")
    missing = [f"no {what}: {_why(outcome)}" for what, outcome in made.items() if not outcome.completed]
    return DocumentPack(
        document=name,
        status="failed" if len(missing) == len(made) else "partial" if missing else "complete",
        pages=document.value.pages,
        format=document.value.format,
        language=document.value.language,
        problems=(*missing, *problems),
    )


def _why(outcome: Outcome[Any]) -> str:
    return outcome.message or outcome.reason or outcome.state


def _values(outcomes: Sequence[Outcome[T]]) -> list[T]:
    return [outcome.value for outcome in outcomes if outcome.value is not None]


def _title(read: list[ExtractedDocument], sources: Sequence[DocumentSource]) -> str:
    if len(sources) == 1 and read:
        return read[0].title or sources[0].name
    return ", ".join(source.name for source in sources[:3]) + (" and more" if len(sources) > 3 else "")  # noqa: PLR2004 - three names fit a headline

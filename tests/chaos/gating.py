"""Scenarios in which models answer badly: what is published, what it costs, and who is asked in the end."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from itertools import pairwise
from typing import Any

import orjson

from actors.study.graphs import generate_graph
from actors.study.grounding import Source, plain
from actors.study.material import Block, ExtractedDocument, KnowledgeGraph, Quiz
from actors.study.quizzes import QuizRequest, generate_quiz
from pipeline import Models, RunHandle
from pipeline.engine import keys
from pipeline.review import Reviews
from pipeline.testing import Answer, SimulatedProvider
from tests.actors.mailing import Essay, essay
from tests.chaos.stage import Report, Stage
from tests.support.defects import Defective
from tests.support.processes import ROOT
from tests.support.waiting import eventually

#: A text in which the strong model is no better than the cheap one.
HARD = "mitochondri"


def defects(here: Stage, *, copies: int, share: float, seed: int, settled: timedelta) -> Report:
    """Quizzes and graphs by a cheap model of whose claims a share is defective, and by a strong one.

    Essays that are never good enough end with a person. No defect is published; what falls short is repaired, then
    escalated; no run spends an attempt on it.
    """
    report = Report()
    cheap, strong = Defective(share, seed), Defective(share, seed + 1, only_in=HARD)
    documents = [_document(path.name, path.read_text(encoding="utf-8"), number)
                 for number in range(copies)
                 for path in sorted((ROOT / "tests" / "material").glob("*.md"))]  # fmt: skip
    with SimulatedProvider() as provider:
        chain = Models(provider.on("cheap", Answer(cheap)), provider.on("strong", Answer(strong)))
        here.worker(threads=4, modules=("tests.actors.mailing",))
        graphs = [generate_graph.send(document, models=chain) for document in documents]
        quizzes = [generate_quiz.send(QuizRequest(document=document), models=chain) for document in documents]
        essays = [essay.send(Essay(topic=f"{n}", worths=[0.3]), models=chain) for n in range(max(1, copies))]
        approved = _approve(here, essays)
        studied: list[RunHandle[Any]] = [*graphs, *quizzes]
        runs: list[RunHandle[Any]] = [*studied, *essays]
        states = here.settle([run.id for run in runs], settled)
        report.expect(f"all complete: {Counter(states.values())}", set(states.values()) == {"completed"})
        made = [run.result(settled) for run in studied]
    marks = cheap.marks | strong.marks
    sources = {document.name: Source(document) for document in documents}
    wrong = [what for one in made for what in _defective(one, sources, marks)]
    spent = {run.id: here.inspector.show(run.id) or {} for run in runs}
    grades = [grade for run in studied for grade in _grades(here, run.id)]
    outcomes = Counter("taken" if grade["accepted"] else "sent back" for grade in grades)
    items = sum(len(one.items) if isinstance(one, Quiz) else len(one.concepts) + len(one.relations) for one in made)
    calls = sum(one.made.calls for one in made)
    tokens = sum(one.made.tokens_in + one.made.tokens_out for one in made)
    report.figures = {"planted": (cheap.planted + strong.planted).total(), "published defects": len(wrong)}
    report.figures |= {"accepted items": items, "calls": calls, "taken": outcomes["taken"]}
    report.figures |= {"sent back": outcomes["sent back"], "tokens an item": round(tokens / max(1, items))}
    report.figures |= {"escalated": sum(grade["model"].endswith("#strong") for grade in grades), "reviewed": approved}
    report.expect(f"nothing defective is published: {wrong[:3]}", not wrong)
    # Which calls come first is chance, so a short form need not meet all six.
    report.expect(f"kinds of defects were planted: {cheap.planted}", len(cheap.planted) >= 4)
    report.expect(f"every call is accounted for: {calls}", calls == cheap.calls + strong.calls)
    report.expect("drafts were repaired and escalated", outcomes["sent back"] and report.figures["escalated"])
    report.expect("a person was asked about each essay", approved == len(essays))
    tried = {run: (one.get("attempt"), one.get("errors")) for run, one in spent.items()}
    report.expect(f"no attempt is spent: {tried}", all(one == (1, []) for one in tried.values()))
    return report


def _approve(here: Stage, essays: list[RunHandle[str]]) -> int:
    reviews = Reviews(here.store, here.broker.values)
    wanted = {run.id for run in essays}
    eventually(lambda: wanted <= {row.run for row in reviews.list(len(wanted))}, timedelta(seconds=60))
    for row in reviews.list(len(wanted)):
        models = [grade["model"].rpartition("#")[2] for grade in row.item["grades"]]
        assert models == ["cheap", "cheap", "strong", "strong"], models
        reviews.approve(row.run, by="a person")
    return len(wanted)


def _document(name: str, text: str, number: int) -> ExtractedDocument:
    lines = [line.lstrip("# ") for line in text.splitlines() if line.strip()]
    blocks, offset = [], 0
    for line in lines:
        blocks.append(Block(kind="paragraph", text=line, page=1, offset=offset))
        offset += len(line) + 2
    return ExtractedDocument(
        id=f"{number:064d}", name=f"{number}-{name}", format="markdown", language="en", pages=1,
        blocks=tuple(blocks), chunks=(),
    )  # fmt: skip


def _defective(made: KnowledgeGraph | Quiz, sources: dict[str, Source], marks: set[str]) -> list[str]:
    """Give what is published and must not be: planted, without a source, or there twice."""
    wrong = []
    if isinstance(made, KnowledgeGraph):
        for concept in made.concepts:
            wrong += [concept.label for e in concept.evidence if sources[e.document].find(e.sentence) is None]
            wrong += [concept.label for e in concept.evidence if f"{concept.label} | {e.sentence}" in marks]
            wrong += [concept.label] if "cheese" in concept.label else []
        for relation in made.relations:
            wrong += [relation.type for e in relation.evidence if sources[e.document].find(e.sentence) is None]
        labels = sorted(plain(concept.label) for concept in made.concepts)
        return wrong + [one for one, other in pairwise(labels) if one == other]
    for item in made.items:
        planted = f"{item.question} | {item.answer} | {item.passage}" in marks
        if (
            planted
            or "All of the above" in item.options
            or item.answer == "cheese"
            or sources[item.document].find(item.passage) is None
        ):
            wrong.append(item.question)
    questions = sorted(plain(item.question) for item in made.items)
    return wrong + [one for one, other in pairwise(questions) if one == other]


def _grades(here: Stage, run: str) -> list[dict[str, Any]]:
    kept = here.store.read("hgetall", keys.steps(here.store.namespace, run))
    gates = [here.broker.values.unpack(value) for name, value in kept.items() if name.startswith(b"gate:")]
    return [grade for gate in gates for grade in orjson.loads(gate)]

"""Connections explained by a model, each sentence of it resting on one of the source."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from actors.study.material import (
    Evidence,
    Explanation,
    Explanations,
    ExtractedDocument,
    KnowledgeGraph,
    Material,
)
from actors.study.modelled.answers import ExplanationAnswer, StepClaim
from actors.study.modelled.claims import (
    FOREIGN_WORDS,
    INCOMPLETE,
    OFF_THE_PATH,
    UNGROUNDED,
    Answered,
    Ground,
    Stood,
    making_of,
    rests_on,
    sends_elsewhere,
    strays,
    usage_of,
)
from actors.study.modelled.paths import Path, choose_paths
from actors.study.modelled.prompts import EXPLANATION, path_prompt
from pipeline.llm import generate

_PASSAGES_A_HOP = 2
_LONGEST_STEP = 400


class PathToTell(Material):
    """A path with the passages a model may rest its explanation on."""

    path: Path
    passages: tuple[str, ...]
    language: str | None = None


class ToldPath(Answered):
    """What a model says about a path, unchecked, and what asking took."""

    path: Path
    answer: ExplanationAnswer


def prepare_paths(graph: KnowledgeGraph, documents: Sequence[ExtractedDocument], limit: int) -> list[PathToTell]:
    """Choose the paths to explain and gather their passages."""
    grounds = _grounds(documents)
    languages = {document.language for document in documents}
    language = languages.pop() if len(languages) == 1 else None
    return [
        PathToTell(path=path, passages=_passages(path, grounds), language=language)
        for path in choose_paths(graph, limit)
    ]


def tell_path(told: PathToTell, model: str, feedback: str = "") -> ToldPath:
    """Ask a model once to explain a path; ``feedback`` is what was wrong the time before."""
    prompt = path_prompt(told.path.labels, _hops(told.path), told.passages, told.language, feedback)
    made = generate(model, ExplanationAnswer, instructions=EXPLANATION, prompt=prompt)
    return ToldPath(path=told.path, answer=made.output, usage=usage_of(made.usage))


def assemble_explanations(documents: Sequence[ExtractedDocument], told: Sequence[ToldPath]) -> Explanations:
    """Keep the sentences that the documents bear out, and of each path only what still reaches the reader whole."""
    grounds = _grounds(documents)
    dropped: Counter[str] = Counter()
    items = [item for path in told if (item := _explanation(path, grounds, dropped)) is not None]
    return Explanations(items=tuple(items), made=making_of(told, dropped))


def weigh_explanation(told: ToldPath, ground: Ground) -> Stood:
    """Say how many sentences of an explanation stand."""
    dropped: Counter[str] = Counter()
    whole = _explanation(told, {ground.source.name: ground}, dropped)
    fallen = sum(count for reason, count in dropped.items() if reason.startswith("sentence_"))
    offered = len(told.answer.steps)
    return Stood(offered=offered, kept=offered - fallen if whole else 0, dropped=dropped)


def explain(graph: KnowledgeGraph, documents: Sequence[ExtractedDocument], model: str, limit: int) -> Explanations:
    """Explain the strongest connections of a graph, all in one go."""
    return assemble_explanations(documents, [tell_path(path, model) for path in prepare_paths(graph, documents, limit)])


def _explanation(told: ToldPath, grounds: dict[str, Ground], dropped: Counter[str]) -> Explanation | None:
    sentences: list[str] = []
    citations: dict[Evidence, None] = {}
    for claim in told.answer.steps:
        evidence, reason = _supported(claim, told.path, grounds)
        if evidence is None:
            dropped[f"sentence_{reason}"] += 1
            continue
        sentences.append(claim.says if claim.says.endswith((".", "!", "?", "。")) else f"{claim.says}.")
        citations[evidence] = None
    if not sentences:
        dropped[UNGROUNDED] += 1
        return None
    labels = told.path.labels
    return Explanation(
        source=labels[0], target=labels[-1], path=labels, text=" ".join(sentences), citations=tuple(citations)
    )


def _supported(claim: StepClaim, path: Path, grounds: dict[str, Ground]) -> tuple[Evidence | None, str]:
    if not claim.says or len(claim.says) > _LONGEST_STEP:
        return None, INCOMPLETE
    stated = [evidence.sentence for relation in path.relations for evidence in relation.evidence]
    reason = INCOMPLETE
    for ground in grounds.values():
        evidence, reason = ground.evidence(claim.quote)
        if evidence is None:
            continue
        if evidence.sentence not in stated and not ground.names(evidence.sentence, path.labels):
            return None, OFF_THE_PATH
        known = " ".join((evidence.sentence, *stated, *path.labels))
        fits = rests_on(claim.says, known) and not strays(claim.says, known) and not sends_elsewhere(claim.says, known)
        return (evidence, "") if fits else (None, FOREIGN_WORDS)
    return None, reason


def _grounds(documents: Sequence[ExtractedDocument]) -> dict[str, Ground]:
    return {document.name: Ground(document) for document in documents}


def _passages(path: Path, grounds: dict[str, Ground]) -> tuple[str, ...]:
    passages: dict[str, None] = {}
    for relation in path.relations:
        for evidence in relation.evidence[:_PASSAGES_A_HOP]:
            ground = grounds.get(evidence.document)
            text = ground.source.passage(evidence) if ground else evidence.sentence
            passages[f"[{evidence.document}, page {evidence.page}] {text}"] = None
    return tuple(passages)


def _hops(path: Path) -> list[str]:
    steps = zip(path.labels, path.labels[1:], path.relations, path.forward, strict=False)
    return [
        f"- {here} {relation.type} {there}" if forward else f"- {there} {relation.type} {here}"
        for here, there, relation, forward in steps
    ]

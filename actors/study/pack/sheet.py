"""The pack as plain HTML: what is printed, and what is read where scripts do not run."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from actors.study.material import Evidence, Explanations, KnowledgeGraph, Quiz, Relation, StudyPack


def render_sheet(pack: StudyPack) -> str:
    """Write the concepts, the questions, their answers and the connections as HTML, everything escaped."""
    return "\n".join(_sections(pack))


def _sections(pack: StudyPack) -> Iterator[str]:
    yield f"<h1>{escape(pack.title)}</h1>"
    yield f"<p>Study pack, {pack.status}.</p>"
    if pack.problems:
        yield _list(map(escape, pack.problems))
    yield _list(
        escape(f"{one.document}: {one.status}" + (f", {one.pages} pages" if one.pages else ""))
        + "".join(f"<br>{escape(problem)}" for problem in one.problems)
        for one in pack.documents
    )
    if pack.graph is not None:
        yield from _concepts(pack.graph)
    if pack.quiz is not None and pack.quiz.items:
        yield from _questions(pack.quiz)
    if pack.explanations is not None and pack.explanations.items:
        yield from _connections(pack.explanations)
    if pack.quiz is not None and pack.quiz.items:
        yield from _key(pack.quiz)


def _concepts(graph: KnowledgeGraph) -> Iterator[str]:
    names = {concept.id: concept.label for concept in graph.concepts}
    leaving: dict[str, list[Relation]] = {}
    for relation in graph.relations:
        leaving.setdefault(relation.source, []).append(relation)
    yield "<h2>Concepts</h2><dl>"
    for concept in sorted(graph.concepts, key=lambda one: one.label.casefold()):
        also = f" <small>also {escape(', '.join(concept.aliases))}</small>" if concept.aliases else ""
        yield f"<dt>{escape(concept.label)}{also}</dt>"
        told = concept.definition or next(iter(concept.evidence), None)
        if told is not None:
            yield f"<dd>{_cited(told)}</dd>"
        for relation in leaving.get(concept.id, ()):
            end = names.get(relation.target, relation.target)
            yield f"<dd>{escape(relation.type.replace('_', ' '))} → {escape(end)}</dd>"
    yield "</dl>"


def _questions(quiz: Quiz) -> Iterator[str]:
    yield "<h2>Questions</h2><ol>"
    for item in quiz.items:
        yield f"<li>{'True or false? ' if item.kind == 'true_false' else ''}{escape(item.question)}"
        if item.options and item.kind != "true_false":
            yield '<ol type="A">' + "".join(f"<li>{escape(option)}</li>" for option in item.options) + "</ol>"
        yield "</li>"
    yield "</ol>"


def _connections(explanations: Explanations) -> Iterator[str]:
    yield "<h2>Connections</h2>"
    for one in explanations.items:
        yield f"<h3>{escape(' → '.join(one.path))}</h3><p>{escape(one.text)}</p>"
        yield _list(map(_cited, one.citations))


def _key(quiz: Quiz) -> Iterator[str]:
    yield '<h2 class="key">Answers</h2><ol>'
    for item in quiz.items:
        where = Evidence(sentence=item.passage, page=item.page, document=item.document)
        yield f"<li><b>{escape(item.answer)}</b><br>{_cited(where)}</li>"
    yield "</ol>"


def _cited(one: Evidence) -> str:
    return f"{escape(one.sentence)} <cite>{escape(one.document)}, p.&nbsp;{one.page}</cite>"


def _list(items: map[str] | Iterator[str]) -> str:
    return "<ul>" + "".join(f"<li>{item}</li>" for item in items) + "</ul>"

"""``study``: from documents to a pack. Graph and quiz are made at the same time; one bad part spoils no other."""

from __future__ import annotations

from pydantic import Field

from actors.study.connections import explain_connections
from actors.study.documents import extract_document
from actors.study.graphs import generate_graph
from actors.study.material import DocumentSource, Material, StudyPack
from actors.study.packs import assemble_pack
from actors.study.quizzes import generate_quiz
from pipeline import Flow


class StudyRequest(Material):
    """The documents to study, and how much to make of each."""

    documents: tuple[DocumentSource, ...] = Field(min_length=1, max_length=200)
    title: str = ""
    questions: int = Field(default=12, ge=1, le=200, description="questions on each document")
    connections: int = Field(default=8, ge=1, le=50, description="connections explained of each document")


study: Flow[StudyRequest, StudyPack] = Flow("study", StudyRequest)
_document = study.each("documents", extract_document)
_graph = study.add(generate_graph, _document)
_quiz = study.add(generate_quiz, document=_document, questions=study.given("questions"))
_explained = study.add(explain_connections, graph=_graph, document=_document, limit=study.given("connections"))
_pack = study.add(
    assemble_pack,
    sources=study.given("documents"),
    title=study.given("title"),
    documents=study.all(_document),
    graphs=study.all(_graph),
    quizzes=study.all(_quiz),
    explanations=study.all(_explained),
)

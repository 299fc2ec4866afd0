"""``quiz.generate``: questions on a document, each with the passage that supports its answer."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from actors.study import degrading, gates, modelled, offline
from actors.study.material import ExtractedDocument, Material, Quiz
from pipeline import AI, Run, actor, splitting
from pipeline.llm import OFFLINE


class QuizRequest(Material):
    """How many questions on which document."""

    document: ExtractedDocument
    questions: int = Field(default=12, ge=1, le=200)


@actor(name="quiz.generate", queue="ai", retry=AI, timeout=timedelta(minutes=10))
def generate_quiz(request: QuizRequest, run: Run) -> Quiz:
    """Ask questions on a document; an item that breaks a rule or is not in the document is left out and counted."""
    document = request.document
    run.progress("preparing", 0, f"choosing passages of {document.name}")
    if run.model == OFFLINE:
        run.progress("generating", 10, f"{request.questions} questions")
        quiz = offline.make_quiz(document, request.questions)
    else:
        parts, count = modelled.choose_parts(modelled.split(document), request.questions)
        run.progress("generating", 10, f"{len(parts)} passages", until=85)
        answers = run.each(ask_for_questions, parts, run, count, gates.Against(document))
        run.progress("building", 85, "choosing the best")
        quiz = modelled.assemble_quiz(document, answers, request.questions)
        if not quiz.items and gates.expects_something(parts):
            gates.give_up(run, document.name, answers)
    quiz = degrading.marked(quiz, run)
    found = f"{len(quiz.items)} questions, {sum(quiz.made.dropped.values())} dropped"
    run.progress("validating", 95, found + gates.below(quiz.made))
    return quiz


@splitting(modelled.halve)
def ask_for_questions(part: modelled.Part, run: Run, count: int, document: gates.Against) -> modelled.PartQuiz:
    """Have a model ask questions on one part."""
    return gates.make_questions(part, run, count, document)

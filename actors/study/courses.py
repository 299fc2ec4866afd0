"""``lessons``: from documents and a course's plan to its lessons. A document that cannot be read spoils no other."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from actors.study.batches import BatchRequest, BatchResult, generate_lessons
from actors.study.documents import extract_document
from actors.study.lesson.shelf import shelve
from actors.study.lessons import LessonRequest
from actors.study.material import CourseContext, DocumentSource, ExtractedDocument, LessonSpec, Material
from pipeline import DOCUMENTS, Flow, Outcome, Permanent, Run, actor


class CourseRequest(Material):
    """A course: its lessons in order, and the documents to make them from."""

    title: str = Field(default="", max_length=200)
    audience: str = Field(default="", max_length=500)
    documents: tuple[DocumentSource, ...] = Field(min_length=1, max_length=200)
    lessons: tuple[LessonSpec, ...] = Field(min_length=1, max_length=5_000)


class CoursePlan(Material):
    """A course with its documents read."""

    title: str = ""
    audience: str = ""
    lessons: tuple[LessonSpec, ...]
    documents: list[Outcome[ExtractedDocument]]


@actor(name="lesson.plan", queue="documents", retry=DOCUMENTS, timeout=timedelta(minutes=2))
def plan_lessons(plan: CoursePlan, run: Run) -> BatchRequest:
    """Put the documents on the shelf and tell each lesson where it stands; raises ``Permanent`` if none was read."""
    read = [outcome.value for outcome in plan.documents if outcome.value is not None]
    if not read:
        raise Permanent(f"none of {len(plan.documents)} documents could be read")
    run.progress("shelving", 20, f"{len(read)} of {len(plan.documents)} documents")
    stored = tuple(shelve(document) for document in read)
    titles = [lesson.title for lesson in plan.lessons]
    return BatchRequest(
        title=plan.title,
        lessons=tuple(
            LessonRequest(
                lesson=lesson,
                course=CourseContext(
                    title=plan.title,
                    audience=plan.audience,
                    previous=tuple(titles[max(0, place - 5) : place]),
                    next=tuple(titles[place + 1 : place + 6]),
                ),
                documents=stored,
            )
            for place, lesson in enumerate(plan.lessons)
        ),
    )


lessons: Flow[CourseRequest, BatchResult] = Flow("lessons", CourseRequest)
_document = lessons.each("documents", extract_document)
_plan = lessons.add(
    plan_lessons,
    title=lessons.given("title"),
    audience=lessons.given("audience"),
    lessons=lessons.given("lessons"),
    documents=lessons.all(_document),
)
_batch = lessons.add(generate_lessons, _plan)

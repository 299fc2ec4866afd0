"""``lesson.generate``: a lesson of a course, from passages of its documents, published when it is good enough."""

from __future__ import annotations

import json
import time
from datetime import timedelta
from typing import Any

from pydantic import Field

from actors.study.lesson.composing import compose
from actors.study.lesson.drafts import Draft, Found, finished, judged, written
from actors.study.lesson.grading import THRESHOLD
from actors.study.lesson.passages import retrieve
from actors.study.lesson.pieces import Pieces
from actors.study.lesson.support import Support
from actors.study.lesson.writing import ask
from actors.study.material import CourseContext, Lesson, LessonSpec, Material, StoredDocument, Usage
from pipeline import AI, Grade, Permanent, QualityError, Run, actor
from pipeline.artifacts import get_artifacts, withdrawn_if_cancelled
from pipeline.llm import OFFLINE

#: What the database calls a lesson, and the best draft of one that was not good enough.
LESSON, DRAFT = "lesson", "lesson.draft"


class LessonRequest(Material):
    """The lesson that is wanted, where it stands in its course, and the documents to make it from."""

    lesson: LessonSpec
    course: CourseContext = CourseContext()
    documents: tuple[StoredDocument, ...] = Field(min_length=1, max_length=200)
    review: bool = Field(default=True, description="wait for a person when no draft is good enough, or fail at once")


class BelowStandard(Permanent):
    """No draft was good enough; the best one is kept for whoever looks at it."""


@actor(name="lesson.generate", queue="ai", retry=AI, timeout=timedelta(minutes=10))
def generate_lesson(request: LessonRequest, run: Run) -> Lesson:
    """Write a lesson from passages; one of a quality below 0.75 is repaired, escalated or put up for review.

    Raises ``Permanent`` when no passage of the documents bears on it, or when no draft is good enough and nobody is to
    be asked.
    """
    spec = request.lesson
    run.progress("starting", 0, spec.title)
    run.progress("fetching_context", 10, f"{len(request.documents)} documents")
    found = run.step(fetch_context, request)
    support = Support(found.context, spec)

    def check(draft: Draft) -> Grade:
        run.progress("validating", 90, f"grading what {draft.model} wrote")
        return judged(draft, spec, support)

    try:
        draft = run.gate(
            write_draft,
            request,
            found,
            run,
            check=check,
            threshold=THRESHOLD,
            repairs=run.models.tries - 1,
            review=request.review,
        )
    except QualityError as error:
        run.step(keep_best, request, _grades(run), run)
        raise BelowStandard(str(error)) from error
    lesson = finished(run.id, spec, draft, found, written(_grades(run)))
    with withdrawn_if_cancelled(run):
        run.step(keep, lesson, run.id, run.correlation_id)
    run.progress("complete", 100, f"quality {lesson.quality:.2f}, {lesson.words} words, by {lesson.model}")
    return lesson


def fetch_context(request: LessonRequest) -> Found:
    """Retrieve the passages of the documents that bear on the lesson."""
    began = time.perf_counter()
    context = retrieve(request.lesson, request.documents)
    if not context.passages:
        asked = request.lesson.title
        raise Permanent(f"no passage of the {context.searched} in the documents bears on {asked!r} or its objectives")
    return Found(context=context, seconds=round(time.perf_counter() - began, 3))


def write_draft(request: LessonRequest, found: Found, run: Run) -> Draft:
    """Have the model, or the offline generator, write a draft, and sanitize it while it is written."""
    spec = request.lesson
    began = time.perf_counter()
    again = "again, with what the last draft lacked" if run.feedback else f"about {spec.words} words"
    run.progress("generating", 30, f"{run.model}: {again}")
    pieces = Pieces(Support(found.context, spec), spec.title, run.write)
    usage: Usage | None = None
    if run.model == OFFLINE:
        pieces.feed(compose(spec, found.context))
    else:

        def hear(text: str) -> None:
            pieces.feed(text)
            run.progress("generating", 30, f"{run.model}: {pieces.words} of about {spec.words} words")

        made = ask(spec, request.course, found.context, model=run.model, feedback=run.feedback, on_text=hear)
        usage = Usage.model_validate(made.usage.model_dump())
    run.progress("sanitizing", 70, "leaving out what must not be published")
    markdown = pieces.end()
    return Draft(
        markdown=markdown,
        model=run.model,
        usage=usage,
        seconds=round(time.perf_counter() - began, 3),
        dropped=dict(sorted(pieces.dropped.items())),
    )


def keep(lesson: Lesson, run_id: str, flow_id: str) -> None:
    """Write the lesson to the database; written again, it stays one row."""
    get_artifacts().save(
        run_id=run_id,
        flow_id=flow_id,
        kind=LESSON,
        body=lesson.model_dump(mode="json"),
        generator=lesson.model,
        tokens_in=lesson.made.tokens_in,
        tokens_out=lesson.made.tokens_out,
        price=lesson.made.price,
        seconds=lesson.seconds,
    )


def keep_best(request: LessonRequest, grades: list[dict[str, Any]], run: Run) -> None:
    """Write the best draft to the database, with what it lacks, for the person who will look at it."""
    graded = [one for one in grades if one["draft"]]
    best = max(graded, key=lambda one: float(one["score"]), default=None)
    draft = json.loads(run.recall(best["draft"]) or b"null") if best else None
    body = {"request": request.model_dump(mode="json"), "draft": draft, "grades": grades}
    get_artifacts().save(run_id=run.id, flow_id=run.correlation_id, kind=DRAFT, body=body)


def _grades(run: Run) -> list[dict[str, Any]]:
    kept: list[dict[str, Any]] = json.loads(run.recall(f"gate:{write_draft.__name__}") or b"[]")
    return kept

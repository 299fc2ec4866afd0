"""``lesson.review``: a lesson of a batch that failed for good waits here for a person, and then is made after all."""

from __future__ import annotations

import time
from datetime import timedelta

from actors.study.lesson.drafts import Draft, Found, finished, judged
from actors.study.lesson.grading import THRESHOLD
from actors.study.lesson.passages import Context, retrieve
from actors.study.lesson.support import Support
from actors.study.lessons import LessonRequest, keep
from actors.study.material import Lesson, Material
from pipeline import AI, Grade, InvalidInput, QualityError, Run, actor
from pipeline.artifacts import withdrawn_if_cancelled


class LessonReview(Material):
    """A lesson that could not be made, why, and the best draft of it, if there is one."""

    request: LessonRequest
    batch: str = ""
    reason: str = ""
    draft: Draft | None = None


@actor(name="lesson.review", queue="documents", retry=AI, timeout=timedelta(minutes=2))
def review_lesson(review: LessonReview, run: Run) -> Lesson:
    """Wait for a person, who approves the draft, writes another or gives the lesson up; then keep it as any other."""
    spec = review.request.lesson
    found = run.step(fetch_what_is_there, review.request)
    support = Support(found.context, spec)

    def check(draft: Draft) -> Grade:
        return judged(draft, spec, support)

    draft = run.gate(offer_draft, review, check=check, threshold=THRESHOLD, repairs=0)
    lesson = finished(run.id, spec, draft, found, ())
    with withdrawn_if_cancelled(run):
        run.step(keep, lesson, run.id, run.correlation_id)
    return lesson


def fetch_what_is_there(request: LessonRequest) -> Found:
    """Retrieve the passages that the draft is held against; a person may go on without any."""
    began = time.perf_counter()
    try:
        context = retrieve(request.lesson, request.documents)
    except InvalidInput:
        context = Context(passages=(), searched=0)
    return Found(context=context, seconds=round(time.perf_counter() - began, 3))


def offer_draft(review: LessonReview) -> Draft:
    """Give the draft that a person is to decide about."""
    if review.draft is None:
        raise QualityError(review.reason or "there is no draft of it")
    return review.draft

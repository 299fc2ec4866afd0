"""``lesson.batch``: many lessons as runs of their own; good ones are delivered, the others named with their input."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from pydantic import Field

from actors.study.lesson_reviews import LessonReview, review_lesson
from actors.study.lessons import DRAFT, LessonRequest, generate_lesson
from actors.study.material import Lesson, Material
from pipeline import AI, Models, Outcome, Permanent, Run, actor
from pipeline.artifacts import get_artifacts, withdrawn_if_cancelled
from pipeline.llm import OFFLINE

#: What the database calls what became of a batch.
BATCH = "lesson.batch"

#: Why a run ended that would end the same way again: its input, a key, or the best that all models could do.
_HOPELESS = re.compile(r"permanent|content|context_overflow|quality|crash_loop|too_large|incompatible|rejected")


class BatchRequest(Material):
    """The lessons that are wanted, each with its documents."""

    title: str = Field(default="", max_length=200)
    lessons: tuple[LessonRequest, ...] = Field(min_length=1, max_length=5_000)
    retries: str = Field(default="", description="the run of the batch whose failed items these are, if it is one")
    places: tuple[int, ...] = Field(default=(), description="of the lessons in that batch, from 0; in order if none")


class BatchLesson(Material):
    """One lesson that was made; the database has it under its run."""

    item: int = Field(description="its place in the request that first asked for it, from 0")
    title: str
    run: str
    quality: float
    model: str
    words: int
    tokens: int


class BatchFailure(Material):
    """One lesson that was not made, and what can be done about it."""

    item: int = Field(description="its place in the request that first asked for it, from 0")
    input: LessonRequest
    state: str
    reason: str
    message: str
    retryable: bool = Field(description="whether the same input may end well another time")
    review: str = Field(default="", description="the run that waits for a person to decide about it, if one does")


class BatchResult(Material):
    """What became of a batch."""

    title: str
    retries: str = ""
    total: int
    succeeded: int
    failed: int
    success_rate: float
    lessons: tuple[BatchLesson, ...]
    failures: tuple[BatchFailure, ...]
    tokens: int

    @property
    def summary(self) -> str:
        """What became of it, in a line."""
        reviewed = sum(bool(one.review) for one in self.failures)
        told = f"{self.succeeded} of {self.total} lessons made ({self.success_rate:.0%}), {self.failed} failed"
        retryable = sum(one.retryable for one in self.failures)
        return f"{told}: {retryable} may be retried, {reviewed} are up for review" if self.failed else told


@actor(name="lesson.batch", queue="documents", retry=AI, timeout=timedelta(minutes=5))
def generate_lessons(request: BatchRequest, run: Run) -> BatchResult:
    """Make many lessons in parallel, each saved as it comes; what failed is listed, and put up for review if hopeless.

    Raises ``Permanent``, with the summary, only if not a single lesson could be made.
    """
    run.progress("generating", 5, f"{len(request.lessons)} lessons")
    asked = [one.model_copy(update={"review": False}) for one in request.lessons]
    outcomes = run.gather(generate_lesson, asked, models=run.models)
    run.progress("summarizing", 95, "seeing what became of them")
    result = run.step(sum_up, request, outcomes)
    reviews = run.step(put_up, result, run)
    failures = tuple(one.model_copy(update={"review": reviews.get(one.item, "")}) for one in result.failures)
    result = result.model_copy(update={"failures": failures})
    with withdrawn_if_cancelled(run):
        run.step(keep_batch, result, run.id, run.correlation_id)
    run.progress("complete", 100, result.summary)
    if not result.succeeded:
        reasons = sorted({one.message or one.reason for one in result.failures})
        raise Permanent(f"{result.summary}. {'; '.join(reasons[:3])}")
    return result


def again(run_id: str, former: BatchResult, *, hopeless: bool = False) -> BatchRequest | None:
    """Give the request that tries again what failed and may end well, or all that failed; none if there is nothing."""
    failed = [one for one in former.failures if one.retryable or hopeless]
    if not failed:
        return None
    lessons = tuple(one.input for one in failed)
    return BatchRequest(title=former.title, lessons=lessons, retries=run_id, places=tuple(one.item for one in failed))


def sum_up(request: BatchRequest, outcomes: list[Outcome[Lesson]]) -> BatchResult:
    """Say which lessons were made and which were not."""
    made: list[BatchLesson] = []
    failures: list[BatchFailure] = []
    places = request.places or tuple(range(len(outcomes)))
    for item, given, outcome in zip(places, request.lessons, outcomes, strict=True):
        lesson = outcome.value
        if lesson is not None:
            made.append(
                BatchLesson(
                    item=item,
                    title=lesson.title,
                    run=lesson.run,
                    quality=lesson.quality,
                    model=lesson.model,
                    words=lesson.words,
                    tokens=lesson.tokens,
                )
            )
        else:
            failures.append(
                BatchFailure(
                    item=item,
                    input=given,
                    state=outcome.state,
                    reason=outcome.reason,
                    message=outcome.message,
                    retryable=not (outcome.state == "dead" and _HOPELESS.search(outcome.reason)),
                )
            )
    return BatchResult(
        title=request.title,
        retries=request.retries,
        total=len(outcomes),
        succeeded=len(made),
        failed=len(failures),
        success_rate=round(len(made) / len(outcomes), 4),
        lessons=tuple(made),
        failures=tuple(failures),
        tokens=sum(one.tokens for one in made),
    )


def put_up(result: BatchResult, run: Run) -> dict[int, str]:
    """Put every lesson up for review that no other try would make better; gives the runs that wait, by item."""
    hopeless = [one for one in result.failures if not one.retryable]
    # What the lessons left behind is found by the id that they have in common, which is the batch's if it had none.
    drafts = _drafts(run.correlation_id or run.id, result.total) if hopeless else {}
    waiting: dict[int, str] = {}
    for failure in hopeless:
        review = LessonReview(
            request=failure.input,
            batch=run.id,
            reason=failure.message or failure.reason,
            draft=drafts.get(_key(failure.input.model_dump(mode="json"))),
        )
        handle = review_lesson.send(
            review,
            key=f"{run.id}/{failure.item}",  # asked again after a crash, it is the same run
            group=run.group,
            correlation_id=run.correlation_id,
            models=Models(OFFLINE),
        )
        waiting[failure.item] = handle.id
    return waiting


def keep_batch(result: BatchResult, run_id: str, flow_id: str) -> None:
    """Write what became of the batch to the database, for whoever retries what failed."""
    get_artifacts().save(run_id=run_id, flow_id=flow_id, kind=BATCH, body=result.model_dump(mode="json"))


def _drafts(flow_id: str, most: int) -> dict[str, Any]:
    kept = get_artifacts().list(kind=DRAFT, flow_id=flow_id, limit=most)
    return {_key(one.body["request"]): one.body["draft"] for one in kept}


def _key(request: dict[str, Any]) -> str:
    return LessonRequest.model_validate(request | {"review": False}).model_dump_json()

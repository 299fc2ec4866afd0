"""What became of a batch of lessons, told to people and to programs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.cli.output import say, took

if TYPE_CHECKING:
    from actors.study.batches import BatchFailure, BatchResult


@dataclass(slots=True)
class Taught:
    """What came of it."""

    batch: str
    result: BatchResult
    out: Path
    files: list[str]
    problems: list[str]
    seconds: float

    @property
    def status(self) -> str:
        """Whether all lessons are there, some of them, or none."""
        return "complete" if not self.result.failed else "partial" if self.result.succeeded else "failed"


def as_json(taught: Taught) -> dict[str, Any]:
    """Give what ``lessons --json`` prints."""
    told = taught.result.model_dump(mode="json")
    failures = [{**one, "title": one["input"]["lesson"]["title"]} for one in told.pop("failures")]
    return {
        "status": taught.status,
        "batch": taught.batch,
        **told,
        "seconds": round(taught.seconds, 3),
        "out": str(taught.out),
        "files": taught.files,
        "failures": failures,
        "problems": taught.problems,
    }


def print_summary(taught: Taught) -> None:
    """Print what was made, what was not and why, and where it is."""
    result = taught.result
    style = {"complete": "bold green", "partial": "bold yellow", "failed": "bold red"}[taught.status]
    say(f"{result.title or 'Lessons'}: {result.summary}, {took(taught.seconds)}", style)
    for one in result.lessons:
        say(f"  {one.item + 1:3}  {one.title}: quality {one.quality:.2f}, {one.words} words, by {one.model}")
    for failure in result.failures:
        what = "may be retried" if failure.retryable else f"up for review: dramaturg review show {failure.review}"
        say(f"  {failure.item + 1:3}  {failure.input.lesson.title}: {_why(failure)} ({what})", "yellow")
    for problem in taught.problems:
        say(f"  {problem}", "yellow")
    if any(one.retryable for one in result.failures):
        say(f"Try them again: dramaturg lessons --retry-failed {taught.batch} --out {taught.out}")
    if taught.files:
        say(f"Read them in {taught.out}", "bold")


def failures_of(result: BatchResult) -> list[dict[str, Any]]:
    """Give what failed as it is written beside the lessons."""
    return [
        {"item": one.item, "title": one.input.lesson.title, "why": _why(one), "retryable": one.retryable,
         "review": one.review}
        for one in result.failures
    ]  # fmt: skip


def _why(failure: BatchFailure) -> str:
    return failure.message or failure.reason or failure.state

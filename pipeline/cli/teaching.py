"""Lessons from end to end: what was asked is checked, workers are started, the batch is followed, files are written."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field, ValidationError

from actors.study.batches import BATCH, BatchRequest, BatchResult, again, generate_lessons
from actors.study.courses import CourseRequest
from actors.study.courses import lessons as flow_of_lessons
from actors.study.lesson.folder import require_folder, write_lessons
from actors.study.lessons import LESSON
from actors.study.material import DocumentSource, Lesson, LessonSpec, Material
from pipeline import InvalidInput, Models
from pipeline.artifacts import get_artifacts
from pipeline.blobs import get_blobs
from pipeline.cli.counting import Counting, Watch
from pipeline.cli.crew import Crew, logging_to, new_log
from pipeline.cli.exits import Exit, Stop, usage
from pipeline.cli.interrupts import Interrupts
from pipeline.cli.opening import opened
from pipeline.cli.taught import Taught, failures_of
from pipeline.settings import Settings

if TYPE_CHECKING:
    from pipeline.inspector import Inspector


class CourseFile(Material):
    """A course as it is written in a file; its documents are paths."""

    title: str = Field(default="", max_length=200)
    audience: str = Field(default="", max_length=500)
    documents: tuple[str, ...] = Field(min_length=1, max_length=200)
    lessons: tuple[LessonSpec, ...] = Field(min_length=1, max_length=5_000)


@dataclass(frozen=True, slots=True)
class Order:
    """What was asked for, checked: a course and its documents, or the batch whose failures are tried again."""

    course: CourseFile | None
    files: tuple[Path, ...]
    batch: str
    out: Path
    models: Models | None
    timeout: timedelta | None
    settings: Settings


def order(file: Path | None, *, out: Path, models: str, retry_failed: str, timeout: float | None) -> Order:
    """Check what was asked for before anything starts; raises a failure with the exit code of wrong usage."""
    if (file is None) == (not retry_failed):
        raise usage("Name the file of a course, or with --retry-failed the batch whose failures are tried again.")
    course = None if file is None else _course(file)
    files = () if file is None or course is None else tuple(file.parent / name for name in course.documents)
    missing = [str(one) for one in files if not one.is_file()]
    if missing:
        raise usage("\n".join(f"{one} is no file" for one in missing))
    return Order(
        course=course,
        files=files,
        batch=retry_failed,
        out=require_folder(out),
        models=_chain(models) if models else None,
        timeout=None if timeout is None else timedelta(seconds=timeout),
        settings=Settings.load(),
    )


def teach(asked: Order, counting: Counting, *, verbose: bool = False) -> Taught:
    """Do it; nothing that was started for it runs on afterwards.

    Raises ``Unavailable`` when Redis is out of reach or the workers cannot work, ``KeyboardInterrupt`` when somebody
    stopped it and ``TimeoutError`` when it took too long; in both of these every run of it was asked to stop.
    """
    with Interrupts() as interrupts, ExitStack() as stack:
        began = time.monotonic()
        log = None if verbose else new_log(asked.settings.home / "logs")
        stack.enter_context(logging_to(log, asked.settings))
        project = stack.enter_context(opened(settings=asked.settings, fit=True))
        batch, documents = _send(asked)
        crew = stack.enter_context(Crew(asked.settings, log=log))
        interrupts.again = crew.hurry
        watch = Watch(project.inspector, crew, interrupts, [*documents, batch])
        try:
            with counting.bar():
                watch.to_the_end(counting, asked.timeout)
        except (KeyboardInterrupt, TimeoutError):
            watch.call_off()
            raise
        problems = _problems(project.inspector, documents)
        taught = _taught(asked, batch, problems, project.inspector, time.monotonic() - began)
        watch.until_asked([one.review for one in taught.result.failures if one.review])
        return taught


def _course(file: Path) -> CourseFile:
    try:
        return CourseFile.model_validate_json(file.read_bytes())
    except OSError as error:
        raise usage(f"{file} cannot be read: {error.strerror or error}") from error
    except ValidationError as error:
        told = [f"{'.'.join(map(str, one['loc'])) or 'it'}: {one['msg']}" for one in error.errors(include_url=False)]
        raise usage("\n".join(f"{file}: {one}" for one in told[:10])) from None


def _chain(text: str) -> Models:
    from pipeline.llm import parse_model

    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise usage("--models: names no model; write offline, or a chain such as openai:gpt-4o-mini,offline")
    for name in names:
        parse_model(name)
    return Models(*names)


def _send(asked: Order) -> tuple[str, dict[str, str]]:
    """Give the run of the batch, and the name of the document by the run that reads it."""
    if asked.course is None:
        return generate_lessons.send(_failed_of(asked.batch), models=asked.models).id, {}
    sources = tuple(DocumentSource(blob=get_blobs().put(file), name=file.name[-255:]) for file in asked.files)
    flow = flow_of_lessons.send(
        CourseRequest(
            title=asked.course.title, audience=asked.course.audience, documents=sources, lessons=asked.course.lessons
        ),
        models=asked.models,
    )
    runs = {handle.id: name for name, handle in flow.runs.items()}
    batch = next(run for run, name in runs.items() if name == generate_lessons.actor_name)
    names = [source.name for source in sources]
    return batch, {run: names[int(name[:-1].split("[")[1])] for run, name in runs.items() if name.endswith("]")}


def _failed_of(batch: str) -> BatchRequest:
    store = get_artifacts()
    kept = store.find(batch, BATCH) or next(iter(store.list(kind=BATCH, flow_id=batch, limit=1)), None)
    if kept is None:
        raise InvalidInput(f"--retry-failed {batch}: there is no such batch in the database", field="retry-failed")
    request = again(kept.run_id, BatchResult.model_validate(kept.body))
    if request is None:
        raise InvalidInput(f"--retry-failed {batch}: nothing in it may be retried", field="retry-failed")
    return request


def _taught(asked: Order, batch: str, problems: list[str], inspector: Inspector, seconds: float) -> Taught:
    store = get_artifacts()
    kept = store.find(batch, BATCH)
    if kept is None:
        record = inspector.show(batch) or {}
        told = [error["message"] for error in record.get("errors", [])][-1:] or [str(record.get("reason", ""))]
        raise Stop("\n".join((f"The lessons could not be made: {told[0]}", *problems)), Exit.FAILED)
    result = BatchResult.model_validate(kept.body)
    rows = {one.item: store.find(one.run, LESSON) for one in result.lessons}
    made = {item: Lesson.model_validate(row.body) for item, row in rows.items() if row is not None}
    index = {"batch": result.retries or batch, "title": result.title, "failures": failures_of(result)}
    files = write_lessons(made, index, asked.out, add=bool(result.retries)) if made else []
    return Taught(batch, result, asked.out, files, problems, seconds)


def _problems(inspector: Inspector, documents: dict[str, str]) -> list[str]:
    problems = []
    for run_id, name in documents.items():
        record = inspector.show(run_id) or {}
        if record.get("state") != "completed":
            errors = record.get("errors", [])
            problems.append(f"{name}: {errors[-1]['message'] if errors else record.get('reason', '')}")
    return problems

"""A study from end to end: what was asked is checked, workers are started, the flow is followed, the pack is written.

The one file of the command line that knows an actor: ``study`` and ``demo`` are commands of a domain.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic import ValidationError

import actors.study
from actors.study.flows import StudyRequest, study
from actors.study.material import DocumentPack, DocumentSource, StudyPack
from actors.study.pack import require_place, write_pack
from pipeline import FlowHandle, InvalidInput, Models, RunFailed
from pipeline.blobs import get_blobs
from pipeline.cli.crew import Crew, logging_to, new_log
from pipeline.cli.exits import Exit, Stop, usage
from pipeline.cli.following import PATIENCE, Following
from pipeline.cli.interrupts import Interrupts
from pipeline.cli.opening import opened
from pipeline.cli.showing import View
from pipeline.fetching import AddressRefused, name_of, read_address
from pipeline.settings import Settings, hide_userinfo

#: Stands for a document that has not been taken in yet.
_NO_BLOB = "0" * 64

#: What an address begins with; all else is the path of a file.
_WEB = ("http://", "https://")


@dataclass(frozen=True, slots=True)
class Order:
    """What was asked for, checked; what is no file is the address of one."""

    files: tuple[Path | str, ...]
    out: Path
    models: Models | None
    questions: int
    title: str
    timeout: timedelta | None
    settings: Settings


@dataclass(slots=True)
class Made:
    """What came of it; ``folder`` is where the pack was written, if anything could be made."""

    pack: StudyPack
    folder: Path | None


def order(
    named: Sequence[Path | str], *, out: Path, models: str, questions: int | None, title: str, timeout: float | None
) -> Order:
    """Check what was asked for before anything starts; raises a failure with the exit code of wrong usage."""
    files = [_file_or_address(one) for one in named]
    mistakes = [mistake for file in files if (mistake := _mistake(file))]
    if mistakes:
        raise usage("\n".join(mistakes))
    settings = Settings.load()
    given: dict[str, Any] = {"title": title} | ({} if questions is None else {"questions": questions})
    try:
        request = StudyRequest(documents=tuple(_source(file, _NO_BLOB) for file in files), **given)
    except ValidationError as error:
        told = [f"{_option(problem['loc'])}: {problem['msg']}" for problem in error.errors(include_url=False)]
        raise usage("\n".join(told)) from None
    chain = _chain(models or ",".join(settings.models))
    return Order(
        files=tuple(files),
        out=require_place(out),
        models=chain if models else None,
        questions=request.questions,
        title=title,
        timeout=None if timeout is None else timedelta(seconds=timeout),
        settings=settings,
    )


def demo_documents() -> list[Path]:
    """Give the documents that come along."""
    folder = Path(actors.study.__file__).parent / "demo"
    return sorted(file for file in folder.iterdir() if file.is_file() and not file.name.startswith((".", "_")))


def make(asked: Order, view: View, *, verbose: bool = False) -> Made:
    """Do it; nothing that was started for it runs on afterwards.

    Raises ``Unavailable`` when Redis is out of reach or the workers cannot work, ``KeyboardInterrupt`` when somebody
    stopped it and ``TimeoutError`` when it took too long; in both of these every run of it was asked to stop.
    """
    with Interrupts() as interrupts, ExitStack() as stack:
        began = time.monotonic()
        log = None if verbose else new_log(asked.settings.home / "logs")
        stack.enter_context(logging_to(log, asked.settings))
        project = stack.enter_context(opened(settings=asked.settings, fit=True))
        sources, refused = _take_in(asked.files, interrupts)
        if not sources:
            return Made(StudyPack(title=asked.title, status="failed", documents=tuple(refused)), None)
        crew = stack.enter_context(Crew(asked.settings, log=log))
        interrupts.again = crew.hurry
        flow = study.send(
            StudyRequest(documents=sources, title=asked.title, questions=asked.questions), models=asked.models
        )
        following = Following(flow, project.inspector, crew, interrupts, [source.name for source in sources])
        try:
            with view:
                following.to_the_end(asked.timeout, view)
        except (KeyboardInterrupt, TimeoutError):
            following.call_off(view)
            raise
        pack = _finished(_result(flow), refused, time.monotonic() - began, following.spent())
        return Made(pack, None if pack.status == "failed" else write_pack(pack, asked.out))


def _file_or_address(named: Path | str) -> Path | str:
    # A path would make one slash of the two.
    return named if isinstance(named, str) and named.lower().startswith(_WEB) else Path(named)


def _mistake(file: Path | str) -> str:
    if isinstance(file, str):
        try:
            read_address(file)
        except AddressRefused as error:
            return f"{hide_userinfo(file.partition('?')[0])}: {error}"
        return ""
    try:
        kind = file.stat().st_mode
        if stat.S_ISDIR(kind):
            return f"{file} is a folder; name the documents in it"
        if not stat.S_ISREG(kind):
            return f"{file} is not a file"
        with file.open("rb"):
            return ""
    except (OSError, ValueError) as error:
        return f"{file} cannot be read: {getattr(error, 'strerror', None) or error}"


def _source(file: Path | str, blob: str = "") -> DocumentSource:
    if isinstance(file, str):
        return DocumentSource(address=file)
    return DocumentSource(blob=blob or get_blobs().put(file), name=_name(file))


def _name(file: Path | str) -> str:
    if isinstance(file, str):
        return name_of(read_address(file))
    # Names are bytes on disk; what is no text in them is shown as a question mark.
    return os.fsencode(file.name).decode("utf-8", "replace")[-255:]


def _option(where: tuple[int | str, ...]) -> str:
    return "FILE..." if where[0] == "documents" else f"--{where[0]}"


def _chain(text: str) -> Models:
    from pipeline.llm import parse_model

    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise usage("--models: names no model; write offline, or a chain such as openai:gpt-4o-mini,offline")
    for name in names:
        parse_model(name)
    return Models(*names)


def _take_in(
    files: Sequence[Path | str], interrupts: Interrupts
) -> tuple[tuple[DocumentSource, ...], list[DocumentPack]]:
    sources, refused = [], []
    for file in files:
        interrupts.check()
        try:
            sources.append(_source(file))
        except InvalidInput as error:  # one that is too large, or went away since, spoils no other
            refused.append(DocumentPack(document=_name(file), status="failed", problems=(str(error),)))
    return tuple(sources), refused


def _result(flow: FlowHandle[StudyPack]) -> StudyPack:
    try:
        return flow.result(timeout=PATIENCE)
    except RunFailed as error:
        raise Stop(f"The pack could not be put together: {error}", Exit.FAILED) from error


def _finished(pack: StudyPack, refused: list[DocumentPack], seconds: float, spent: dict[str, float]) -> StudyPack:
    problems = (f"{one.document}: {problem}" for one in refused for problem in one.problems)
    return pack.model_copy(
        update={
            "documents": (*pack.documents, *refused),
            "status": "partial" if refused and pack.status == "complete" else pack.status,
            "problems": (*pack.problems, *problems),
            "seconds": round(seconds, 3),
            "stages": spent,
        }
    )

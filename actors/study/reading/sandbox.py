"""Reads one document in a child process that may use so much memory, time and output and no more.

The child is a fresh interpreter, not a fork of the threaded worker, and it gets none of the worker's environment, so
no key. It hands back JSON. Its folder and its process group, ``tesseract`` included, are gone when the call returns or
raises.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import selectors
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from actors.study.material import Block, Chunk, ExtractedDocument
from actors.study.reading.readers.limits import Limits
from pipeline.errors import InvalidInput, ResourceExhausted, Timeout

#: Appended to the path, so that no module of ours can stand before one of the library's.
_BOOT = "import sys; sys.path.append(sys.argv[1]); from readers.child import main; main()"
_HERE = str(Path(__file__).parent)
_KEPT_ENVIRONMENT = ("PATH", "PYTHONPATH", "PYTHONHOME", "LANG", "LC_ALL", "TESSDATA_PREFIX", "LD_LIBRARY_PATH")
_TICK_S = 0.2  # an exception thrown into this thread lands between two waits
_OUTPUT_PER_CHARACTER = 6
_OUTPUT_ROOM = 4 * 1024 * 1024

#: Children at once in one process: each may take its limit of memory, and more of them would only share the cores.
_slots = threading.BoundedSemaphore(2 * (os.cpu_count() or 1))


def read_document(
    path: Path,
    *,
    name: str,
    progress: Callable[[str, int, int], None] | None = None,
    limits: Limits = Limits(),  # noqa: B008 - a frozen value
) -> ExtractedDocument:
    """Read a document of any supported kind, by its content; ``progress`` hears (stage, done, total).

    Raises ``InvalidInput`` with a sentence for the user if it cannot be read, ever; ``Timeout`` if the machine was too
    busy to read it now.
    """
    shown = _shown(name)
    try:
        digest, size = _digest(path)
    except (FileNotFoundError, IsADirectoryError, PermissionError) as problem:
        raise InvalidInput(f"{shown} cannot be opened: {problem.strerror}", field="name") from problem
    if size > limits.file_size:
        raise InvalidInput(f"{shown} has {size // 1024**2:,} MB: at most {limits.file_size // 1024**2:,} MB are read")
    with _slot():
        found = _ask_child(path, shown, progress, limits)
    return _document(found, digest, name)


def _document(found: dict[str, Any], digest: str, name: str) -> ExtractedDocument:
    spans = found.pop("chunks")
    bare = ExtractedDocument(
        id=digest, name=name, chunks=(), blocks=tuple(Block(**block) for block in found.pop("blocks")), **found
    )
    text = bare.text
    chunks = tuple(
        Chunk(
            text=text[span["offset"] : span["offset"] + span["length"]],
            page=span["page"],
            offset=span["offset"],
            heading=span["heading"],
        )
        for span in spans
    )
    return bare.model_copy(update={"chunks": chunks})


def _ask_child(
    path: Path, shown: str, progress: Callable[[str, int, int], None] | None, limits: Limits
) -> dict[str, Any]:
    with (
        tempfile.TemporaryDirectory(prefix="dramaturg-reading-", ignore_cleanup_errors=True) as folder,
        _child(folder) as child,
    ):
        task = {"path": str(path.resolve()), "name": shown, "folder": folder, "limits": limits.to_json()}
        answer = _converse(child, task, shown, progress, limits)
        if answer is None:
            raise InvalidInput(f"{shown} {_cause_of_death(child, limits)}")
    if "unreadable" in answer:
        raise InvalidInput(f"{shown} {answer['unreadable']}")
    if "busy" in answer:
        raise Timeout(f"{shown} was not read in time: {answer['busy']}")
    if "crashed" in answer:
        failure = InvalidInput(f"{shown} cannot be read: it is damaged, or built in a way that is not understood")
        failure.add_note(answer["crashed"])
        raise failure
    found: dict[str, Any] = answer["document"]
    return found


@contextmanager
def _child(folder: str) -> Iterator[subprocess.Popen[bytes]]:
    environment = {key: os.environ[key] for key in _KEPT_ENVIRONMENT if key in os.environ}
    environment |= {"HOME": folder, "TMPDIR": folder, "OMP_THREAD_LIMIT": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        child = subprocess.Popen(  # noqa: S603 - our own interpreter and program
            [sys.executable, "-P", "-s", "-c", _BOOT, _HERE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            env=environment,
            start_new_session=True,
        )
    except (OSError, MemoryError) as problem:
        raise ResourceExhausted(f"no process could be started to read a document: {problem}") from problem
    try:
        yield child
    finally:
        _end(child)


def _end(child: subprocess.Popen[bytes]) -> None:
    if child.returncode is not None:
        return
    # The group outlives its leader while tesseract runs. The leader was not waited for, so its id is still ours;
    # if it is dead already the signal does not change how it died.
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    for pipe in (child.stdin, child.stdout):
        if pipe is not None:
            with suppress(BrokenPipeError):
                pipe.close()
    child.wait()


def _converse(
    child: subprocess.Popen[bytes],
    task: dict[str, Any],
    shown: str,
    progress: Callable[[str, int, int], None] | None,
    limits: Limits,
) -> dict[str, Any] | None:
    assert child.stdin is not None
    try:
        child.stdin.write(json.dumps(task).encode() + b"\n")
        child.stdin.flush()
    except BrokenPipeError:
        return None
    for line in _lines(child, shown, limits):
        message: dict[str, Any] = json.loads(line)
        if "progress" in message:
            if progress is not None:
                progress(*message["progress"])
        elif "alive" not in message:
            return message
    return None


def _lines(child: subprocess.Popen[bytes], shown: str, limits: Limits) -> Iterator[bytes]:
    """Yield what the child writes, line by line, as long as it keeps to its limits."""
    assert child.stdout is not None
    silence = limits.silence.total_seconds()
    quiet_until = time.monotonic() + silence
    end = quiet_until + limits.total.total_seconds()
    most = _OUTPUT_PER_CHARACTER * limits.characters + _OUTPUT_ROOM
    buffer = bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(child.stdout, selectors.EVENT_READ)
        while True:
            if time.monotonic() > min(end, quiet_until):
                raise Timeout(f"{shown} was not read in time: the machine is too busy, or its disk does not answer")
            if not selector.select(_TICK_S):
                continue
            data = os.read(child.stdout.fileno(), 1 << 20)
            if not data:
                return
            seen = len(buffer)
            buffer += data
            if len(buffer) > most:
                raise InvalidInput(f"{shown} holds more text than can be handled: split it into parts")
            quiet_until = time.monotonic() + silence
            while (line_end := buffer.find(b"\n", seen)) >= 0:
                line = bytes(buffer[:line_end])
                del buffer[: line_end + 1]
                seen = 0
                yield line


def _cause_of_death(child: subprocess.Popen[bytes], limits: Limits) -> str:
    _end(child)
    status = child.returncode
    if status == -signal.SIGXCPU:
        return "takes too long to read: a part of it is damaged or far too complicated"
    if status in {-signal.SIGTERM, -signal.SIGHUP, -signal.SIGINT}:
        raise ResourceExhausted("the process that read a document was ended from outside")
    return (
        f"cannot be read: it is damaged, or needs more than {limits.memory // 1024**2} MB of memory "
        f"({signal.Signals(-status).name if status < 0 else f'status {status}'})"
    )


@contextmanager
def _slot() -> Iterator[None]:
    while not _slots.acquire(timeout=_TICK_S):
        pass
    try:
        yield
    finally:
        _slots.release()


def _digest(path: Path) -> tuple[str, int]:
    if not path.is_file():
        # A pipe or a device would never end.
        raise FileNotFoundError(2, "it is no file" if path.exists() else "there is no such file")
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return digest, file.tell()


_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
_LONGEST_NAME = 120


def _shown(name: str) -> str:
    # Names come from strangers: no line breaks, no text that runs backwards, no essay in the middle of a message.
    plain = _UNPRINTABLE.sub("\ufffd", name.replace("\\", "/").rsplit("/", 1)[-1]) or "the document"
    return plain if len(plain) <= _LONGEST_NAME else plain[: _LONGEST_NAME - 12] + "\u2026" + plain[-11:]

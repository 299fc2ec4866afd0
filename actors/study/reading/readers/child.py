"""The child process: takes one task on its input, limits itself, reads the document, writes JSON lines.

Lines are ``{"progress": [stage, done, total]}`` and ``{"alive": true}`` any number of times, then one of
``{"document": {...}}``, ``{"unreadable": reason}``, ``{"busy": reason}`` and ``{"crashed": traceback}``.
Its input stays open as long as the parent lives: when it
closes, the child and its ``tesseract`` end and their folder goes.
"""

from __future__ import annotations

import json
import math
import os
import resource
import shutil
import signal
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import IO, Any

from .chunks import cut_chunks
from .finishing import finish
from .kinds import kind_of
from .language import guess_language
from .limits import Limits
from .pieces import Busy, Stage, Task, Unreadable


def main() -> None:
    """Read the one document named on standard input."""
    # Libraries that print must not write between our lines.
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    asked = json.loads(sys.stdin.buffer.readline())
    limits = Limits.from_json(asked["limits"])
    _confine(limits)
    threading.Thread(target=_die_with_parent, args=(asked["folder"],), daemon=True).start()
    patience = _Patience(out, limits)
    task = Task(
        path=Path(asked["path"]), name=asked["name"], limits=limits, progress=patience.report, alive=patience.alive
    )
    try:
        answer: dict[str, Any] = {"document": _read(task)}
    except Unreadable as reason:
        answer = {"unreadable": str(reason)}
    except Busy as reason:
        answer = {"busy": str(reason)}
    except (MemoryError, RecursionError):
        answer = {"unreadable": f"needs more than {limits.memory // 1024**2} MB of memory to be read: split it"}
    except Exception:  # noqa: BLE001 - a reader that fails is an answer too; the parent shows it
        answer = {"crashed": traceback.format_exc(limit=-8)}
    _write(out, answer)


def _read(task: Task) -> dict[str, Any]:
    task.progress("parsing", 0, 1)
    kind = kind_of(task.path, task.name)
    draft = _reader(kind)(task)
    task.progress("formatting", 0, 1)
    blocks = finish(draft, task.limits)
    text = "\n\n".join(block["text"] for block in blocks)
    title = next((block["text"] for block in blocks if block["kind"] == "heading"), None)
    document = {
        "format": draft.format,
        "title": (draft.title or title or "")[:300] or None,
        "language": guess_language(text),
        "pages": max(draft.pages, 1),
        "ocr_pages": draft.ocr_pages,
        "blocks": blocks,
        "chunks": cut_chunks(blocks, text),
        "warnings": draft.warnings,
    }
    task.progress("formatting", 1, 1)
    return document


def _reader(kind: str) -> Any:
    # Each reader brings a library along: only the one that is needed is imported.
    if kind == "pdf":
        from .pdf import read_pdf as read
    elif kind == "docx":
        from .word import read_word as read
    elif kind == "pptx":
        from .slides import read_slides as read
    elif kind == "html":
        from .html import read_html as read
    elif kind == "markdown":
        from .markdown import read_markdown as read
    elif kind == "image":
        from .image import read_image as read
    else:
        from .plain import read_plain as read
    return read


def _confine(limits: Limits) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory, limits.memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (limits.file_size, limits.file_size))
    whole = math.ceil(limits.total.total_seconds()) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (whole, whole))


class _Patience:
    """Passes progress on and renews the processor time; without progress the kernel ends the process."""

    def __init__(self, out: IO[bytes], limits: Limits) -> None:
        self._out = out
        self._lock = threading.Lock()
        self._grant_s = limits.patience.total_seconds()
        self._told = 0.0
        self._renewed = -1.0
        self._renew()

    def report(self, stage: Stage, done: int, total: int) -> None:
        self._renew()
        now = time.monotonic()
        # Hundreds of pages a second: nobody can watch every one.
        if 0 < done < total and now - self._told < 0.05:  # noqa: PLR2004 - 20 a second
            return
        self._told = now
        with self._lock:
            _write(self._out, {"progress": [stage, done, total]})

    def alive(self) -> None:
        """Say that something is waited for; from any thread."""
        with self._lock:
            _write(self._out, {"alive": True})

    def _renew(self) -> None:
        used = time.process_time()
        if used - self._renewed < 0.5 and self._renewed >= 0:  # noqa: PLR2004 - the limit counts whole seconds
            return
        self._renewed = used
        _soft, hard = resource.getrlimit(resource.RLIMIT_CPU)
        resource.setrlimit(resource.RLIMIT_CPU, (min(math.ceil(used + self._grant_s), hard), hard))


def _die_with_parent(folder: str) -> None:
    while os.read(0, 4096):
        pass
    shutil.rmtree(folder, ignore_errors=True)
    os.killpg(0, signal.SIGKILL)


def _write(out: IO[bytes], message: dict[str, Any]) -> None:
    out.write(json.dumps(message, ensure_ascii=False).encode("utf-8", "replace") + b"\n")
    out.flush()

"""Reads pictures of text with the ``tesseract`` program, in blocks and paragraphs as it sees them."""

from __future__ import annotations

import math
import resource
import shutil
import subprocess
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass
from statistics import median
from typing import IO, Any

from .cleaning import Hyphens
from .marks import bullet_end
from .pieces import Busy, Piece, Task

#: A sheet of A4 at 300 dots an inch; more costs time and reads no better.
PIXELS = 9_000_000
_WORST_WORD = 25.0
_HEADING = 1.35  # of the usual line's height
_HEADING_WORDS = 14
_WALL_FACTOR = 10  # a busy machine takes longer than the processor time that is granted
_BEAT_S = 2.0


class OcrFailed(Exception):  # noqa: N818 - says what happened
    """A picture that tesseract could not read; the message goes on where the page is named."""


@dataclass(slots=True)
class _Line:
    words: list[str]
    height: int

    @property
    def text(self) -> str:
        return " ".join(self.words)


def tesseract() -> str | None:
    """Say where the program is, none if it is not installed."""
    return shutil.which("tesseract")


def recognize(program: str, picture: Any, page: int, task: Task) -> list[Piece]:
    """Read a greyscale picture (a Pillow image) of a page."""
    # An uncompressed picture costs nothing to write and to read. It goes through a file, in the child's own folder:
    # Popen.communicate() cannot go on writing after a timeout.
    with tempfile.TemporaryFile() as file:
        file.write(b"P5 %d %d 255\n" % picture.size + picture.tobytes())
        file.seek(0)
        table = _run(program, file, task)
    return _pieces(_paragraphs(table), page)


def _run(program: str, picture: IO[bytes], task: Task) -> str:
    seconds = task.limits.ocr_patience.total_seconds()
    command = [program, "stdin", "stdout", "-l", "eng", "--psm", "3", "--dpi", "300", "tsv"]
    with subprocess.Popen(  # noqa: S603 - found on the path, told nothing of the document's
        command, stdin=picture, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        if hasattr(resource, "prlimit"):
            grant = math.ceil(seconds)
            resource.prlimit(process.pid, resource.RLIMIT_CPU, (grant, grant + 1))
        try:
            output, errors = _wait(process, task, seconds * _WALL_FACTOR)
        except BaseException:
            process.kill()
            raise
    if process.returncode < 0:
        raise OcrFailed("takes too long to recognize")
    if process.returncode:
        told = errors.decode("utf-8", "replace").strip().splitlines()
        raise OcrFailed(f"was refused by tesseract ({told[-1][:120] if told else process.returncode})")
    return output.decode("utf-8", "replace")


def _wait(process: subprocess.Popen[bytes], task: Task, seconds: float) -> tuple[bytes, bytes]:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            return process.communicate(timeout=_BEAT_S)
        except subprocess.TimeoutExpired:
            task.alive()
    raise Busy("the machine is too busy to recognize text")


def _paragraphs(table: str) -> list[list[_Line]]:
    paragraphs: dict[tuple[str, str], dict[str, _Line]] = defaultdict(dict)
    for row in table.splitlines()[1:]:
        cells = row.split("\t")
        if len(cells) < 12 or cells[0] not in {"4", "5"}:  # noqa: PLR2004 - the columns of tesseract's table
            continue
        lines = paragraphs[cells[2], cells[3]]
        if cells[0] == "4":
            lines[cells[4]] = _Line([], int(cells[9]))
        elif cells[11].strip() and float(cells[10]) >= _WORST_WORD and cells[4] in lines:
            lines[cells[4]].words.append(cells[11].strip())
    found = [[line for line in lines.values() if line.words] for lines in paragraphs.values()]
    return [lines for lines in found if lines]


def _pieces(paragraphs: list[list[_Line]], page: int) -> list[Piece]:
    hyphens = Hyphens()
    heights = [line.height for lines in paragraphs for line in lines for _ in line.words]
    usual = median(heights) if heights else 1
    pieces: list[Piece] = []
    for lines in paragraphs:
        text = lines[0].text
        for line in lines[1:]:
            text = hyphens.join(text, line.text)
        if sum(1 for character in text if character.isalnum()) < max(2, 0.4 * len(text)):
            continue  # specks and rules read as punctuation
        large = min(line.height for line in lines) >= _HEADING * usual
        mark = bullet_end(text)
        if large and len(lines) <= 2 and len(text.split()) <= _HEADING_WORDS:  # noqa: PLR2004 - a heading is short
            level = 1 if lines[0].height >= _HEADING * _HEADING * usual else 2
            pieces.append(Piece("heading", text, page, level))
        elif mark:
            pieces.append(Piece("list_item", text[mark:], page))
        else:
            pieces.append(Piece("paragraph", text, page))
    return pieces

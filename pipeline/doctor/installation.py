"""Looks at this machine: Python, folders, disk, programs and the optional libraries."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
import tempfile
from datetime import timedelta
from pathlib import Path

from pipeline.doctor.language_models import asks_models
from pipeline.finding import Finding
from pipeline.settings import Settings

OLDEST_PYTHON = (3, 11)

#: Less free space than this is told.
LITTLE_SPACE_BYTES = 1024**3

#: What each extra brings, by the names its parts are imported under.
EXTRAS = {
    "documents": ("pypdfium2", "docx", "pptx", "selectolax", "markdown_it", "PIL"),
    "llm": ("pydantic_ai", "openai", "anthropic", "genai_prices"),
}

_ASKING = timedelta(seconds=10)


def check_machine(settings: Settings) -> list[Finding]:
    """Say whether Python and the folder for state are as they must be."""
    return [_python(), _writable("state is kept", settings.home, "DRAMATURG_HOME")]


def check_disk(settings: Settings) -> list[Finding]:
    """Say whether blobs can be written, and how much room is left."""
    return [_writable("blobs are kept", settings.blobs_folder, "DRAMATURG_BLOBS"), *_spaces(settings)]


def check_documents(settings: Settings) -> list[Finding]:
    """Say whether documents of all kinds can be read, and models be asked."""
    found = [_extra("documents", "documents cannot be read")]
    if asks_models(settings.models):
        found.append(_extra("llm", "no language model can be asked"))
    return [*found, _tesseract()]


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] < OLDEST_PYTHON:
        return Finding("error", f"Python is {version}.", "Install Python 3.11 or later.")
    return Finding("ok", f"Python is {version}.")


def _writable(what: str, folder: Path, setting: str) -> Finding:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"x")
    except OSError as error:
        return Finding("error", f"{folder}, where {what}, cannot be written: {error.strerror}.", f"Set {setting}.")
    return Finding("ok", f"{folder}, where {what}, can be written.")


def _spaces(settings: Settings) -> list[Finding]:
    found: dict[int, Finding] = {}
    for folder in (settings.home, settings.blobs_folder):
        there = folder
        while not there.exists():
            there = there.parent
        found.setdefault(there.stat().st_dev, _space(there))
    return list(found.values())


def _space(folder: Path) -> Finding:
    free = shutil.disk_usage(folder).free
    shown = f"{free / 1024**3:.1f} GB are free in {folder}."
    if free < LITTLE_SPACE_BYTES:
        mend = "Make room: Redis and the database stop when the disk is full."
        return Finding("warning", shown, mend)
    return Finding("ok", shown)


def _extra(extra: str, otherwise: str) -> Finding:
    missing = [name for name in EXTRAS[extra] if importlib.util.find_spec(name) is None]
    if missing:
        return Finding(
            "warning",
            f"Without {', '.join(missing)} {otherwise}.",
            f"Install the extra: pip install 'dramaturg[{extra}]'.",
        )
    return Finding("ok", f"The extra {extra} is installed.")


def _tesseract() -> Finding:
    program = shutil.which("tesseract")
    mend = "Install it: apt install tesseract-ocr, or brew install tesseract."
    if program is None:
        return Finding("warning", "The tesseract program is missing: scanned documents cannot be read.", mend)
    try:
        answer = subprocess.run(  # noqa: S603 - a program found on the path, with a fixed argument
            [program, "--list-langs"],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_ASKING.total_seconds(),
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return Finding("warning", f"{program} does not run: {error}.", mend)
    languages = sorted(set(answer.stdout.split("\n")[1:]) - {"", "osd"})
    if not languages:
        return Finding("warning", f"{program} knows no language.", "Install one: apt install tesseract-ocr-eng.")
    return Finding("ok", f"Scanned documents are read by {program} in {', '.join(languages)}.")

"""Lessons on disk: a file for each, with its sources, and one that says what became of them all."""

from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from actors.study.lesson.cleaning import escaped
from actors.study.material import Lesson
from pipeline.errors import InvalidInput, ResourceExhausted

INDEX = "lessons.json"

_LITTER = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})


def require_folder(out: Path) -> Path:
    """Give the full path of a folder that is new, empty, or holds lessons; raises ``InvalidInput`` for another."""
    place = out.expanduser().resolve()
    if place.exists() and not place.is_dir():
        raise InvalidInput(f"--out {out}: there is a file of this name; name a folder", field="out")
    if place.is_dir():
        names = {one.name for one in place.iterdir()} - _LITTER
        if names and not _index(place):
            raise InvalidInput(
                f"--out {out}: the folder holds files that are not lessons; name a new or empty folder", field="out"
            )
    return place


def write_lessons(made: Mapping[int, Lesson], index: Mapping[str, Any], place: Path, *, add: bool) -> list[str]:
    """Write lessons by their place in the course, and the index; lessons that are there stay if these ``add`` to them.

    Each file appears whole or stays as it was. Raises ``ResourceExhausted`` when the disk is full.
    """
    files = {file_of(item, lesson.title): as_file(lesson) for item, lesson in made.items()}
    rows: list[dict[str, Any]] = [
        {"item": item, "title": one.title, "file": file_of(item, one.title), "run": one.run, "quality": one.quality,
         "model": one.model, "words": one.words}
        for item, one in made.items()
    ]  # fmt: skip
    if add:
        rows += [row for row in _index(place).get("lessons", []) if row["item"] not in made]
    told = {**index, "lessons": sorted(rows, key=lambda row: int(row["item"]))}
    try:
        place.mkdir(parents=True, exist_ok=True)
        for name, text in (files | {INDEX: json.dumps(told, ensure_ascii=False, indent=1) + "\n"}).items():
            fresh = place / f".{name[:80]}.{secrets.token_hex(4)}.partial"
            with fresh.open("w", encoding="utf-8", newline="") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(place / name)
    except OSError as error:
        raise ResourceExhausted(f"--out {place}: {error.strerror or error}") from error
    return sorted(files)


def file_of(item: int, title: str) -> str:
    """Give the name of a lesson's file: its place, from 1, and what of its title every file system takes."""
    slug = "-".join(re.findall(r"[a-z0-9]+", title.lower()))[:60].strip("-")
    return f"{item + 1:03}-{slug or 'lesson'}.md"


def as_file(lesson: Lesson) -> str:
    """Give a lesson with its sources as Markdown."""
    lines = [
        f"- [{one.number}] {escaped(one.document)}, page {one.page}: {escaped(one.sentence)}"
        for one in lesson.citations
    ]
    return lesson.markdown + ("\n---\n\n" + "\n".join(_marked(lines)) + "\n" if lines else "")


def _marked(lines: Sequence[str]) -> list[str]:
    # A number in brackets at the start of an item could be read as the box of a task.
    return [line.replace("- [", "- \\[", 1).replace("]", "\\]", 1) for line in lines]


def _index(place: Path) -> dict[str, Any]:
    try:
        found = json.loads((place / INDEX).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) and {"batch", "lessons"} <= found.keys() else {}

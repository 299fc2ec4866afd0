"""A study pack on disk: a folder that is there whole, or not at all."""

from __future__ import annotations

import errno
import json
import os
import secrets
import shutil
from contextlib import suppress
from pathlib import Path

from actors.study.material import StudyPack
from actors.study.pack.graph_files import graph_json, graph_ml
from actors.study.pack.page import render_page
from actors.study.pack.quiz_files import quiz_csv, quiz_gift, quiz_json
from pipeline.errors import InvalidInput, ResourceExhausted

PAGE, PACK = "index.html", "pack.json"
GRAPH_FILES = ("graph.json", "graph.graphml")
QUIZ_FILES = ("quiz.json", "quiz.gift", "quiz.csv")

#: Every name a pack may hold; a folder that holds another is somebody's own and is not replaced.
NAMES = frozenset({PAGE, PACK, *GRAPH_FILES, *QUIZ_FILES})

# What file browsers leave behind in a folder they have shown.
LITTER = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.EIO})


def write_pack(pack: StudyPack, out: Path) -> Path:
    """Write the pack to the folder ``out``, in the place of a former pack if one is there, and return its full path.

    ``out`` appears complete or stays as it was. A folder that holds anything but a former pack is refused with
    ``InvalidInput``; a full disk is ``ResourceExhausted``.
    """
    try:
        place = out.expanduser().resolve()
        _check(place, out)
        files = contents(pack)
        place.parent.mkdir(parents=True, exist_ok=True)
        fresh = place.with_name(f".{place.name[:80]}.{secrets.token_hex(4)}.partial")
        try:
            _write(files, fresh)
            _put_in_place(fresh, place)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
        _sync(place.parent)
    except OSError as error:
        raise _told(error, out) from error
    return place


def require_place(out: Path) -> Path:
    """Give the full path of ``out``; raises ``InvalidInput``, as ``write_pack`` does, if no pack may be put there."""
    try:
        place = out.expanduser().resolve()
        _check(place, out)
        above = next(one for one in place.parents if one.exists())
        if not os.access(above, os.W_OK | os.X_OK):
            raise InvalidInput(f"--out {out}: {above} cannot be written", field="out")
    except OSError as error:
        raise _told(error, out) from error
    return place


def contents(pack: StudyPack) -> dict[str, str]:
    """Make the files of a pack, name to text; a part that could not be made has no files."""
    files = {PACK: pack.model_dump_json(indent=1) + "\n"}
    if pack.graph is not None:
        texts = graph_json(pack, pack.graph), graph_ml(pack.graph)
        files |= dict(zip(GRAPH_FILES, texts, strict=True))
    if pack.quiz is not None:
        files |= dict(
            zip(QUIZ_FILES, (quiz_json(pack.quiz), quiz_gift(pack, pack.quiz), quiz_csv(pack.quiz)), strict=True)
        )
    return files | {PAGE: render_page(pack, sorted(files))}


def _check(place: Path, out: Path) -> None:
    if place == Path.cwd() or place in Path.cwd().parents:
        raise InvalidInput(f"--out {out}: this folder is in use; name a folder inside it", field="out")
    above = next(one for one in place.parents if one.exists())
    if not above.is_dir():
        raise InvalidInput(f"--out {out}: {above.name} is a file; name a folder", field="out")
    if not place.exists():
        return
    if not place.is_dir():
        raise InvalidInput(f"--out {out}: there is a file of this name; name a folder", field="out")
    names = {one.name for one in place.iterdir()} - LITTER
    if names and not _is_pack(place, names):
        raise InvalidInput(
            f"--out {out}: the folder holds files that are not a study pack; name a new or empty folder", field="out"
        )


def _is_pack(place: Path, names: set[str]) -> bool:
    if PACK not in names or not names <= NAMES:
        return False
    try:
        found = json.loads((place / PACK).read_text(encoding="utf-8"))
    except ValueError:
        return False
    return isinstance(found, dict) and {"title", "status", "documents"} <= found.keys()


def _write(files: dict[str, str], fresh: Path) -> None:
    fresh.mkdir()
    for name, text in files.items():
        with (fresh / name).open("w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    _sync(fresh)


def _put_in_place(fresh: Path, place: Path) -> None:
    if not place.exists() or not any(place.iterdir()):
        fresh.rename(place)  # takes the place of an empty folder too, and fails if it is empty no more
        return
    former = fresh.with_suffix(".former")
    place.rename(former)
    try:
        fresh.rename(place)
    except OSError:
        with suppress(OSError):  # the first error tells what happened
            former.rename(place)
        raise
    _discard(former)


def _discard(former: Path) -> None:
    # By name: a file somebody put in since it was looked at stays, in a folder beside the pack.
    with suppress(OSError):  # the new pack is in place; what is left of the old one does no harm
        for name in NAMES | LITTER:
            (former / name).unlink(missing_ok=True)
        former.rmdir()


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _told(error: OSError, out: Path) -> Exception:
    reason = error.strerror or str(error)
    if error.errno in FULL:
        return ResourceExhausted(f"--out {out}: {reason}; nothing was written")
    return InvalidInput(f"--out {out}: {reason}; nothing was written", field="out")

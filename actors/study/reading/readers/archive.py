"""Looks through an office file's zip directory before anything of it is unpacked."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path, PurePosixPath
from xml.parsers import expat

from .limits import Limits
from .pieces import Unreadable

_MB = 1024 * 1024
_SMALL = 1 * _MB  # an entry this small is harmless at any ratio
_BOMB = "is a decompression bomb: unpacked it would be far larger than any document"


def check_archive(path: Path, limits: Limits) -> None:
    """Raise ``Unreadable`` for bombs, nested archives, hostile names, encryption and XML that declares entities."""
    try:
        with zipfile.ZipFile(path) as archive:
            _check(archive, limits, embedded=False)
    except (zipfile.BadZipFile, EOFError, OSError, ValueError, NotImplementedError, zipfile.zlib.error) as problem:  # type: ignore[attr-defined]  # zipfile's own zlib
        raise Unreadable("is damaged: parts of it cannot be unpacked") from problem


def _check(archive: zipfile.ZipFile, limits: Limits, *, embedded: bool) -> None:
    entries = archive.infolist()
    if len(entries) > limits.zip_entries:
        raise Unreadable(f"has {len(entries):,} files inside: at most {limits.zip_entries:,} are read")
    names: set[str] = set()
    total = 0
    for entry in entries:
        path = PurePosixPath(entry.filename)
        if path.is_absolute() or ".." in path.parts or "\\" in entry.filename or "\x00" in entry.orig_filename:
            raise Unreadable("holds a file name that leads outside of it: it was made to do harm")
        if entry.filename in names:
            raise Unreadable("holds the same file twice: it is damaged or was made to do harm")
        names.add(entry.filename)
        if entry.flag_bits & 0x1:
            raise Unreadable("is encrypted: remove its password and try again")
        total += entry.file_size
        if entry.file_size > _SMALL and entry.file_size > limits.zip_ratio * max(entry.compress_size, 1):
            raise Unreadable(_BOMB)
    if total > limits.zip_unpacked:
        raise Unreadable(f"{_BOMB} ({total // _MB:,} MB)")
    for entry in entries:
        _check_entry(archive, entry, limits, embedded=embedded)


def _check_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, limits: Limits, *, embedded: bool) -> None:
    with archive.open(entry) as file:
        if entry.filename.endswith((".xml", ".rels", ".vml")):
            _refuse_doctype(file.read())
            return
        if file.read(4) != b"PK\x03\x04":
            return
    # Charts carry their workbook along, under embeddings/. It is never opened, only measured.
    if embedded or "embeddings" not in PurePosixPath(entry.filename).parts:
        raise Unreadable("holds an archive inside an archive: unpack it and send the documents in it")
    with zipfile.ZipFile(io.BytesIO(archive.read(entry))) as inner:
        _check(inner, limits, embedded=True)


class _RootReached(Exception):  # noqa: N818 - not an error
    pass


def _refuse_doctype(xml: bytes) -> None:
    def doctype(*_: object) -> None:
        raise Unreadable("declares XML entities, which no office program writes: it was made to do harm")

    def root(*_: object) -> None:
        raise _RootReached

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = doctype
    parser.StartElementHandler = root
    try:
        parser.Parse(xml, True)
    except _RootReached:
        return
    except expat.ExpatError as problem:
        raise Unreadable("is damaged: parts of it are not valid XML") from problem

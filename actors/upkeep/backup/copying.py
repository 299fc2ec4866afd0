"""Copies what an installation keeps: Redis first, then the database, then the blobs.

In this order nothing that a copy names is missing from it: a blob, or a row, is there before a run's record says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import orjson

from actors.upkeep.backup.manifest import Manifest, Part, Piece, read_manifest
from actors.upkeep.backup.stream import Chunks
from actors.upkeep.backup.work import Work
from pipeline.blobs import BlobMissing
from pipeline.errors import Permanent

#: Blobs are copied, tried out and counted in shards: by the first digit of their hash.
DIGITS = "0123456789abcdef"


class Entry(NamedTuple):
    """A line of the index of blobs: a blob, its size, and the pieces that hold it."""

    sha: str
    size: int
    pieces: tuple[Piece, ...]

    def line(self) -> bytes:
        """Give it as it is written."""
        return orjson.dumps([self.sha, self.size, [[one.name, one.size, one.sha256] for one in self.pieces]]) + b"\n"


def read_entry(line: bytes) -> Entry:
    """Give an entry from its line; raises ``Permanent`` for anything else."""
    try:
        sha, size, pieces = orjson.loads(line)
        return Entry(sha, size, tuple(Piece(name=name, size=bytes_, sha256=one) for name, bytes_, one in pieces))
    except (ValueError, TypeError) as error:
        raise Permanent(f"The index of the blobs is damaged: {error}.") from error


def copy_redis(work: Work, backup: str) -> Part:
    """Copy what Redis holds at one moment."""
    with work.installation.redis_copy(work.proceed, work.folder) as (held, lines):
        part = work.pack(Chunks(lines), backup, "redis", "redis")
    return part.model_copy(
        update={
            "counts": {"keys": held.keys, "held_ms": held.held_ms},
            "digest": held.digest,
            "taken_ms": held.taken_ms,
        }
    )


def copy_database(work: Work, backup: str) -> Part:
    """Copy the database as it is at one moment, and count what was copied."""
    database = work.database
    with database.copied(work.folder) as copy:
        part = work.pack(copy.source, backup, "database", database.kind)
        return part.model_copy(update={"counts": copy.counts()})


def copy_blobs(digit: str, work: Work, backup: str, before: str) -> Part:
    """Copy the blobs of a shard that the backup ``before`` does not have, and write down where all of them are.

    A blob whose bytes are not those of its hash is left out and counted as damaged.
    """
    blobs, counts = work.installation.blobs, {"blobs": 0, "new": 0, "damaged": 0}

    def entries() -> Iterator[bytes]:
        known = _known(work, digit, before)
        have = next(known, None)
        for sha in blobs.listed(digit):
            while have is not None and have.sha < sha:
                have = next(known, None)
            if have is not None and have.sha == sha:
                entry: Entry | None = have
            else:
                entry = _copy_blob(work, sha, counts)
            if entry is not None:
                counts["blobs"] += 1
                yield entry.line()

    part = work.pack(Chunks(entries()), backup, f"blobs-{digit}", "blobs", lock=False)
    return part.model_copy(update={"counts": counts})


def entries_of(work: Work, manifest: Manifest, part: Part) -> Iterator[Entry]:
    """Give the index of a shard; it waits in a file, however long it is."""
    place = work.folder / f"index-{part.sha256[:16]}"
    with place.open("wb") as into:
        size, sha = work.unpacker(manifest, lock=False).unpack(part.pieces, into)
    require_whole(part, size, sha)
    with place.open("rb") as lines:
        for line in lines:
            yield read_entry(line)
    place.unlink(missing_ok=True)


def require_whole(part: Part, size: int, sha: str) -> None:
    """Raise ``Permanent`` unless a stream is the one that was copied."""
    if (size, sha) != (part.size, part.sha256):
        raise Permanent(f"A part of the backup ({part.kind}) is damaged: it is not the stream that was copied.")


def _known(work: Work, digit: str, before: str) -> Iterator[Entry]:
    if not before:
        return
    earlier = read_manifest(work.place, before)
    if earlier.recipients != work.settings.recipients or len(earlier.blobs) != len(DIGITS):
        return  # what others can open is not for those of today
    yield from entries_of(work, earlier, earlier.blobs[DIGITS.index(digit)])


def _copy_blob(work: Work, sha: str, counts: dict[str, int]) -> Entry | None:
    try:
        path: Path = work.installation.blobs.path(sha)
        with path.open("rb") as file:
            part = work.pack_blob(file, sha)
    except (BlobMissing, FileNotFoundError):
        return None  # it went away since it was listed
    if part.sha256 != sha:
        counts["damaged"] += 1
        return None
    counts["new"] += 1
    return Entry(sha, part.size, part.pieces)

"""Puts a backup back: blobs, then the database, then Redis, so that runs go on when all they need is there."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Literal

from pydantic import BaseModel

from actors.upkeep.backup.copying import entries_of, require_whole
from actors.upkeep.backup.locking import Writable
from actors.upkeep.backup.manifest import Manifest
from actors.upkeep.backup.stream import Lines
from actors.upkeep.backup.work import Work
from pipeline.errors import InvalidInput, Permanent

What = Literal["redis", "database", "blobs"]

#: All that a backup may have, in the order in which it is put back.
WHAT: tuple[What, ...] = ("blobs", "database", "redis")


class Restored(BaseModel):
    """What was put back."""

    id: str
    blobs: int = 0
    tables: int = 0
    rows: int = 0
    keys: int = 0
    #: Runs that were being worked on when the copy was taken; they are in line again.
    running: int = 0
    #: When the copy of Redis was taken: what runs did after it is not known.
    taken_at: datetime | None = None


def restore(
    work: Work, manifest: Manifest, *, what: Collection[What], force: Collection[What], ask: bool = True
) -> Restored:
    """Put parts of a backup back; nothing is touched unless all of them may be.

    A target that is not empty is overwritten only if ``force`` names it. With ``ask`` a run asks before an effect that
    may have happened after the copy was taken. Raises ``InvalidInput`` that says what is in the way.
    """
    if not work.unpacker(manifest).can_open:
        raise InvalidInput("The backup is encrypted: set DRAMATURG_BACKUP_IDENTITY to the file with the age identity.")
    missing = [one for one in what if one not in manifest.parts]
    if missing:
        raise InvalidInput(f"The backup {manifest.id} has no {' and no '.join(missing)}.")
    if manifest.database is not None and "database" in what:
        if work.database.kind != manifest.database.kind:
            raise InvalidInput(
                f"The backup is of {manifest.database.kind}, and DATABASE_URL is of {work.database.kind}."
            )
        work.database.require_free(force="database" in force)
    if "redis" in what:
        work.installation.require_free_redis(force="redis" in force)
    done = Restored(id=manifest.id)
    if "blobs" in what:
        done.blobs = _put_back_blobs(work, manifest)
    if "database" in what:
        _put_back_database(work, manifest, done)
    if "redis" in what:
        _put_back_redis(work, manifest, done, ask=ask)
    return done


def _put_back_blobs(work: Work, manifest: Manifest) -> int:
    blobs, unpacker, count = work.installation.blobs, work.unpacker(manifest), 0
    place = work.folder / "blob"
    for part in manifest.blobs:
        for entry in entries_of(work, manifest, part):
            if not blobs.exists(entry.sha):
                with place.open("wb") as into:
                    unpacker.unpack(entry.pieces, into)
                if blobs.put(place) != entry.sha:
                    raise Permanent(f"The backup of the blob {entry.sha} is damaged.")
            count += 1
    place.unlink(missing_ok=True)
    return count


def _put_back_database(work: Work, manifest: Manifest, done: Restored) -> None:
    part, unpacker = manifest.database, work.unpacker(manifest)
    if part is None:
        return

    def unpack(into: Writable) -> None:
        require_whole(part, *unpacker.unpack(part.pieces, into))

    work.database.put_back(unpack, part.counts)
    done.tables, done.rows = len(part.counts), sum(part.counts.values())


def _put_back_redis(work: Work, manifest: Manifest, done: Restored, *, ask: bool) -> None:
    if manifest.redis is None:
        return
    copy = work.installation.put_back(ask=ask)
    require_whole(manifest.redis, *work.unpacker(manifest).unpack(manifest.redis.pieces, Lines(copy.add)))
    held, done.running = copy.finish()
    done.keys = held.keys
    done.taken_at = datetime.fromtimestamp(held.taken_ms / 1000, UTC)

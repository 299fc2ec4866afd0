"""Tries a backup out: reads it back from its place, puts it back somewhere else, and counts."""

from __future__ import annotations

from actors.upkeep.backup.copying import entries_of, require_whole
from actors.upkeep.backup.locking import Writable
from actors.upkeep.backup.manifest import Checked, Manifest, Part
from actors.upkeep.backup.stream import Lines
from actors.upkeep.backup.work import REHEARSAL, Work
from pipeline.errors import Permanent
from pipeline.installation import RedisCopy, private_redis

_LOCKED = Checked(
    proof="checksums",
    note="It is locked, and there is no identity here to open it: its bytes are those that were written.",
)


def try_redis(work: Work, manifest: Manifest, part: Part) -> Checked:
    """Put the copy of Redis into a Redis of its own and compare all keys; without a server program, read and count."""
    unpacker = work.unpacker(manifest)
    if not unpacker.can_open:
        unpacker.compare(part.pieces)
        return _LOCKED
    with private_redis(work.installation.namespace, work.folder / REHEARSAL) as there:
        copy = RedisCopy() if there is None else there[1]
        require_whole(part, *unpacker.unpack(part.pieces, Lines(copy.add)))
        held, _ = copy.finish()
        if there is not None:
            with there[0].redis_copy(folder=work.folder) as (held, _):
                pass
        if (held.keys, held.digest) != (part.counts["keys"], part.digest):
            raise Permanent("The backup of Redis is not what was copied: put back, its keys are others.")
        if there is None:
            return Checked(proof="read", note="No Redis server program is here to restore it into.")
    return Checked(proof="restored")


def try_database(work: Work, manifest: Manifest, part: Part) -> Checked:
    """Put the copy of the database into one made for it, and count the rows of every table."""
    unpacker = work.unpacker(manifest)
    if not unpacker.can_open:
        unpacker.compare(part.pieces)
        return _LOCKED

    def unpack(into: Writable) -> None:
        require_whole(part, *unpacker.unpack(part.pieces, into))

    return work.database.try_out(unpack, part.counts, work.folder)


def try_blobs(part: Part, work: Work, manifest: Manifest) -> Checked:
    """Read every blob of a shard, and make its hash anew."""
    unpacker, count = work.unpacker(manifest), 0
    for entry in entries_of(work, manifest, part):
        count += 1
        if not unpacker.can_open:
            unpacker.compare(entry.pieces)
        elif unpacker.unpack(entry.pieces, _Nowhere()) != (entry.size, entry.sha):
            raise Permanent(f"The backup of the blob {entry.sha} is damaged.")
    if count != part.counts["blobs"]:
        raise Permanent(f"The backup has {count} blobs in place of {part.counts['blobs']}.")
    return Checked(proof="restored") if unpacker.can_open else _LOCKED


def try_all(work: Work, manifest: Manifest) -> dict[str, Checked]:
    """Try out everything a backup has; raises ``Permanent`` that says what is damaged."""
    checked: dict[str, Checked] = {}
    if manifest.redis is not None:
        checked["redis"] = try_redis(work, manifest, manifest.redis)
    if manifest.database is not None:
        checked["database"] = try_database(work, manifest, manifest.database)
    for part in manifest.blobs:
        checked["blobs"] = try_blobs(part, work, manifest)
    return checked


class _Nowhere:
    def write(self, data: bytes) -> int:
        return len(data)

"""Removes what is no longer kept, and what killed runs left behind."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from actors.upkeep.backup.copying import entries_of
from actors.upkeep.backup.manifest import BLOBS, MANIFESTS, PARTS, Manifest, backups, path_of, read_manifest
from actors.upkeep.backup.place import Item
from actors.upkeep.backup.retention import kept
from actors.upkeep.backup.work import Work
from pipeline.errors import Failure

_STAMP = "%Y%m%dT%H%M%SZ"


def name_of(at: datetime, run_id: str) -> str:
    """Give the name of a backup; names are in the order of time."""
    return f"{at:{_STAMP}}-{run_id[-8:]}"


def time_of(backup: str) -> datetime | None:
    """Give the time in a backup's name; none for a file that somebody put there."""
    try:
        return datetime.strptime(backup.partition("-")[0], _STAMP).replace(tzinfo=UTC)
    except ValueError:
        return None


def remove_old(work: Work, newest: str) -> list[str]:
    """Remove the backups that retention does not keep; ``newest`` always stays. Gives their names."""
    times = {name: at for name in backups(work.place) if (at := time_of(name)) is not None}
    stay = kept(times.values(), work.settings.keep)
    gone = [name for name, at in times.items() if at not in stay and name != newest]
    for name in gone:  # without its manifest it is no backup any more, whatever happens next
        work.place.delete(path_of(name))
        work.proceed(0)
    return gone


def remove_leftovers(work: Work, now: datetime, gone: list[str]) -> int:
    """Remove files that no backup holds: at once those of backups that are gone, others when they are old enough."""
    manifests = list(_readable(work))
    whole = len(manifests) == len(list(backups(work.place)))
    held = {piece.name for one in manifests for parts in one.parts.values() for part in parts for piece in part.pieces}
    count = 0
    for item in list(work.place.list(PARTS)):
        backup = item.name.split("/")[1]
        # A manifest that cannot be read may hold anything of its own.
        unreadable = not whole and backup not in {one.id for one in manifests}
        if item.name not in held and (backup in gone or (_old(item, work, now) and not unreadable)):
            count += _remove(work, item)
    for item in list(work.place.list(MANIFESTS)):
        if item.name.rpartition("/")[2].startswith(".") and _old(item, work, now):
            count += _remove(work, item)
    return count + (_remove_blobs(work, now, manifests) if whole else 0)


def _remove_blobs(work: Work, now: datetime, manifests: list[Manifest]) -> int:
    count = 0
    for number in range(16):
        held: set[str] = set()
        for manifest in manifests:
            for part in manifest.blobs[number : number + 1]:
                held.update(piece.name for entry in entries_of(work, manifest, part) for piece in entry.pieces)
        for item in list(work.place.list(f"{BLOBS}/{number:x}")):
            if item.name not in held and _old(item, work, now):
                count += _remove(work, item)
    return count


def _readable(work: Work) -> Iterator[Manifest]:
    for name in backups(work.place):
        try:
            yield read_manifest(work.place, name)
        except Failure:
            continue  # it is told by ls and verify; here it only keeps things from being removed


def _old(item: Item, work: Work, now: datetime) -> bool:
    return now - item.changed > work.settings.leftovers


def _remove(work: Work, item: Item) -> int:
    work.place.delete(item.name)
    work.proceed(0)
    return 1

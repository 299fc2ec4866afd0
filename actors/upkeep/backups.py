"""backup.daily: copies Redis, the database and the blobs, tries the copy out, and only then removes old ones."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict

from actors.upkeep.backup.copying import DIGITS, copy_blobs, copy_database, copy_redis
from actors.upkeep.backup.manifest import Checked, Manifest, Part, Proof, backups, read_manifest, write_manifest
from actors.upkeep.backup.tidying import name_of, remove_leftovers, remove_old, time_of
from actors.upkeep.backup.trying import try_blobs, try_database, try_redis
from actors.upkeep.backup.work import Work, working
from pipeline import Limit, Permanent, Retry, Run, actor
from pipeline.installation import get_installation


class BackupRequest(BaseModel):
    """What is to be backed up; all of it unless something else is said."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    what: tuple[Literal["redis", "database", "blobs"], ...] = ("redis", "database", "blobs")


class Begun(BaseModel):
    """A backup that has begun: its name, its time, and the backup before it."""

    id: str
    at: datetime
    before: str = ""
    #: For whom it is locked: all of it for the same ones.
    recipients: tuple[str, ...] = ()


class BackupReport(BaseModel):
    """What was backed up, how far it was tried out, and what was removed."""

    id: str
    place: str
    proof: Proof
    notes: tuple[str, ...] = ()
    keys: int = 0
    tables: int = 0
    rows: int = 0
    blobs: int = 0
    new_blobs: int = 0
    damaged_blobs: int = 0
    encrypted: bool = False
    #: Bytes in its place, blobs not counted.
    stored: int = 0
    #: For how long nobody could write to Redis while its last keys were copied.
    held_ms: int = 0
    removed: tuple[str, ...] = ()


@actor(
    name="backup.daily",
    queue="upkeep",
    retry=Retry(attempts=6, base=timedelta(seconds=30), cap=timedelta(minutes=30)),
    timeout=timedelta(hours=12),
    limits=[Limit("backup", concurrency=1)],
)
def backup_daily(request: BackupRequest, run: Run) -> BackupReport:
    """Make a backup, try it out by restoring it, publish it, and remove the old ones; each part is a step.

    Nobody sees it before it was tried out, and nothing old is removed before it can be seen.
    """
    moved = 0

    def proceed(count: int) -> None:
        nonlocal moved
        moved += count
        run.check_cancelled()

    with working(get_installation(), proceed) as work:
        begun = run.step(begin, run, work)
        if begun.id in backups(work.place):  # published by an attempt that could not say so, or before a restore
            return _report(work, read_manifest(work.place, begun.id), ())
        if begun.recipients != work.settings.recipients:
            raise Permanent("DRAMATURG_BACKUP_RECIPIENTS was changed while this backup was made: make another one.")
        manifest = _copy(request, run, work, begun)
        manifest = _try(run, work, manifest)
        run.progress("publishing", 95)
        run.step(publish, work, manifest)
        run.progress("tidying", 96)
        gone = run.step(tidy, work, begun, run)
        run.progress("tidying", 100)
        return _report(work, manifest, tuple(gone))


def begin(run: Run, work: Work) -> Begun:
    """Give the backup its name, and find the one before it."""
    at = run.now
    names = [name for name in backups(work.place) if time_of(name)]
    return Begun(id=name_of(at, run.id), at=at, before=names[-1] if names else "", recipients=work.settings.recipients)


def publish(work: Work, manifest: Manifest) -> str:
    """Write the manifest: from this moment the backup is there."""
    write_manifest(work.place, manifest)
    return manifest.id


def tidy(work: Work, begun: Begun, run: Run) -> list[str]:
    """Remove the backups that are not kept, and what no backup holds."""
    gone = remove_old(work, begun.id)
    remove_leftovers(work, run.now, gone)
    return gone


def _copy(request: BackupRequest, run: Run, work: Work, begun: Begun) -> Manifest:
    redis: Part | None = None
    database: Part | None = None
    blobs: list[Part] = []
    run.progress("redis", 1)
    if "redis" in request.what:
        redis = run.step(copy_redis, work, begun.id)
    run.progress("database", 15)
    if "database" in request.what:
        database = run.step(copy_database, work, begun.id)
    run.progress("blobs", 35, until=60)
    if "blobs" in request.what:
        blobs = run.each(copy_blobs, DIGITS, work, begun.id, begun.before)
    return Manifest(
        id=begun.id,
        at=begun.at,
        recipients=work.settings.recipients,
        redis=redis,
        database=database,
        blobs=tuple(blobs),
    )


def _try(run: Run, work: Work, manifest: Manifest) -> Manifest:
    return manifest.model_copy(update={"checked": dict(_tried(run, work, manifest))})


def _tried(run: Run, work: Work, manifest: Manifest) -> Iterator[tuple[str, Checked]]:
    run.progress("trying redis", 60)
    if manifest.redis is not None:
        yield "redis", run.step(try_redis, work, manifest, manifest.redis)
    run.progress("trying database", 68)
    if manifest.database is not None:
        yield "database", run.step(try_database, work, manifest, manifest.database)
    run.progress("trying blobs", 80, until=95)
    if manifest.blobs:
        yield "blobs", run.each(try_blobs, manifest.blobs, work, manifest)[0]


def _report(work: Work, manifest: Manifest, gone: tuple[str, ...]) -> BackupReport:
    counts = manifest.database.counts if manifest.database else {}
    notes = tuple(dict.fromkeys(checked.note for checked in manifest.checked.values() if checked.note))
    parts = [part for several in manifest.parts.values() for part in several]
    return BackupReport(
        id=manifest.id,
        place=str(work.place),
        proof=manifest.proof,
        notes=notes,
        keys=manifest.redis.counts["keys"] if manifest.redis else 0,
        held_ms=manifest.redis.counts["held_ms"] if manifest.redis else 0,
        tables=len(counts),
        rows=sum(counts.values()),
        blobs=sum(part.counts["blobs"] for part in manifest.blobs),
        new_blobs=sum(part.counts["new"] for part in manifest.blobs),
        damaged_blobs=sum(part.counts["damaged"] for part in manifest.blobs),
        encrypted=bool(manifest.recipients),
        stored=sum(part.stored for part in parts),
        removed=gone,
    )

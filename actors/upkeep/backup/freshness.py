"""Says whether there is a backup that is new enough, for those who ask how things are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Literal, NamedTuple

from actors.upkeep.backup.manifest import backups, read_manifest
from actors.upkeep.backup.place import open_place
from actors.upkeep.backup.settings import BackupSettings
from actors.upkeep.backup.tidying import time_of
from pipeline.errors import Failure

#: A daily backup, and two hours to make it.
FRESH = timedelta(hours=26)


class Freshness(NamedTuple):
    """What is to be said, how bad it is, and what mends it."""

    level: Literal["ok", "warning", "error"]
    what: str
    mend: str = ""


def look(now: datetime | None = None) -> Freshness | None:
    """Look at the newest backup; nothing is said where backups are not configured."""
    settings = BackupSettings.current()
    if not settings.to:
        return None
    mend = "Make one: dramaturg backup now. Is backup.daily scheduled, and does a worker serve the queue upkeep?"
    try:
        place = open_place(settings)
        for name in sorted((name for name in backups(place) if time_of(name)), reverse=True):
            try:
                found = read_manifest(place, name)
            except Failure as error:
                return Freshness("error", f"Backups: {error}", mend)
            age = (now or datetime.now(UTC)) - found.at
            told = f"Backups: the newest in {place} is {age.total_seconds() / 3600:.0f} h old ({name}, {found.proof})."
            return Freshness("ok", told) if age <= FRESH else Freshness("error", told, mend)
    except Failure as error:
        return Freshness("error", f"Backups: {error}", "Look at the settings DRAMATURG_BACKUP_...")
    return Freshness("warning", f"Backups: there is none yet in {place}.", mend)

"""When actors start by themselves: one line a schedule."""

from __future__ import annotations

from actors.upkeep.backup.settings import BackupSettings
from actors.upkeep.backups import BackupRequest, backup_daily
from actors.upkeep.stats import RollupRequest, rollup_stats
from pipeline import every


def declare() -> None:
    """Declare every schedule of the project; called once the settings are known."""
    every("5 * * * *", rollup_stats, RollupRequest(), misfire="last")
    if BackupSettings.current().to:  # without a place to put it there is nothing to do at night
        every("0 3 * * *", backup_daily, BackupRequest(), misfire="last")

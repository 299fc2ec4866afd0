"""Where backups go, how they are locked, and how many are kept."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import BeforeValidator, ByteSize, Field, SecretStr
from pydantic_settings import NoDecode

from actors.upkeep.backup.retention import Keep
from pipeline.sections import Section


def _names(value: object) -> object:
    if isinstance(value, str):
        return tuple(name for part in value.split(",") if (name := part.strip()))
    return value


class BackupSettings(Section):
    """Settings of backups: ``DRAMATURG_BACKUP_...``."""

    prefix: ClassVar[str] = "DRAMATURG_BACKUP_"

    to: str = Field(default="", description="a folder, or s3://bucket/prefix; none: backups are not configured")
    endpoint: str = Field(default="", description="the address of an object store that is not Amazon's")
    region: str = Field(default="us-east-1", description="its region")
    access_key: SecretStr | None = Field(default=None, description="its access key; none: the AWS_... variables")
    secret_key: SecretStr | None = Field(default=None, description="its secret key")
    recipients: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_names)] = Field(
        default=(), description="age recipients (age1...), with commas between; none: backups are not encrypted"
    )
    identity: Path | None = Field(default=None, description="file with the age identity that opens backups")
    daily: int = Field(default=7, ge=1, le=3660, description="days whose last backup is kept")
    weekly: int = Field(default=4, ge=0, le=520, description="weeks whose last backup is kept")
    monthly: int = Field(default=12, ge=0, le=1200, description="months whose last backup is kept")
    piece: ByteSize = Field(
        default=ByteSize(16 * 1024**2),
        ge=16 * 1024,
        le=1024**3,
        description="the size of the files that a backup is cut into; as much is held in memory",
    )
    level: int = Field(default=3, ge=1, le=19, description="how hard zstd tries")
    programs: Path | None = Field(default=None, description="folder of pg_dump, mariadb-dump and so on; none: the PATH")
    scratch_url: SecretStr | None = Field(
        default=None, description="a database server where restored backups are counted; none: the one backed up"
    )
    leftovers_days: int = Field(default=3, ge=1, le=365, description="age at which what a killed run left is removed")

    @property
    def keep(self) -> Keep:
        """How many backups are kept."""
        return Keep(self.daily, self.weekly, self.monthly)

    @property
    def leftovers(self) -> timedelta:
        """How old what no backup holds must be before it is removed."""
        return timedelta(days=self.leftovers_days)

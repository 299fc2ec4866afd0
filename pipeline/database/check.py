"""Looks at a database: whether it is there, new enough, in our newest shape, near, and has room for our connections."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from pipeline.database import CONNECTIONS, Database, NoDatabase, NoDriver, newest_revision
from pipeline.database.address import Kind, kind_of
from pipeline.errors import PipelineError
from pipeline.finding import Finding
from pipeline.settings import Settings, hide_userinfo

if TYPE_CHECKING:
    import sqlalchemy as sa

#: The oldest version of each that all of this is tested with, or that knows what we ask of it.
OLDEST: dict[Kind, tuple[int, ...]] = {"sqlite": (3, 35), "postgresql": (14,), "mariadb": (10, 11)}

#: A database that takes longer to answer is far away: every run waits for it several times.
FAR = timedelta(milliseconds=50)

#: MariaDB refuses what is larger than its packet; results may be as large as this.
PACKET_BYTES = 16 * 1024**2

_MIGRATE = "Run dramaturg database migrate; else the next worker does it."


@dataclass(frozen=True, slots=True)
class Seen:
    """What a look at a database found; ``revision`` is none where nothing was migrated yet."""

    kind: Kind
    version: str
    old: bool
    revision: str | None
    newest: str
    latency_ms: float
    #: How many connections the server allows, and MariaDB's largest packet in bytes; 0 where there is no such limit.
    connections: int = 0
    packet: int = 0

    @property
    def migrated(self) -> bool:
        """Whether it has the newest shape."""
        return self.revision == self.newest

    @property
    def newer(self) -> bool:
        """Whether a newer version of dramaturg has used it."""
        return self.revision is not None and self.revision > self.newest


def look_at(database: Database, kind: Kind) -> Seen:
    """Ask a database about itself; raises ``NoDatabase``."""
    with database.begin() as connection:
        version = connection.dialect.server_version_info or ()
        latency_ms = min(_asked_ms(connection) for _ in range(3))
        connections, packet = _limits(connection, kind)
    return Seen(
        kind=kind,
        version=".".join(str(part) for part in version),
        old=tuple(part for part in version if isinstance(part, int)) < OLDEST[kind],
        revision=database.revision(),
        newest=newest_revision(),
        latency_ms=latency_ms,
        connections=connections,
        packet=packet,
    )


def check_database(settings: Settings) -> list[Finding]:
    """Say what is right and what is wrong with the database of the settings, and how to mend it."""
    url = settings.database.get_secret_value()
    shown = f"Database: {hide_userinfo(url)}"
    database = Database(url)
    try:
        if not database.is_there():
            return [Finding("ok", f"{shown}, made when it is needed.")]
        seen = look_at(database, kind_of(url))
    except NoDriver as error:
        told, _, mend = str(error).partition(": ")
        return [Finding("error", f"{shown}. {told}.", f"Install it: {mend}")]
    except NoDatabase as error:
        return [Finding("error", f"{shown}. {error}", "Start it, let us in, or set DATABASE_URL.")]
    except PipelineError as error:
        return [Finding("error", f"{shown}. {error}", "Set DATABASE_URL.")]
    finally:
        database.close()
    return [*_shape(seen, shown), *_limited(seen, settings.processes)]


def _shape(seen: Seen, shown: str) -> list[Finding]:
    if seen.old:
        oldest = ".".join(map(str, OLDEST[seen.kind]))
        return [Finding("error", f"{shown} is of version {seen.version}.", f"Use {oldest} or later.")]
    if seen.newer:
        told = f"{shown} has revision {seen.revision}, of a newer version of dramaturg than this one."
        return [Finding("error", told, "Install that version.")]
    if not seen.migrated:
        shape = "is empty" if seen.revision is None else f"has an older shape ({seen.revision}, not {seen.newest})"
        return [Finding("warning", f"{shown} {shape}.", _MIGRATE)]
    return [Finding("ok", f"{shown}, version {seen.version}, answers in {seen.latency_ms:.1f} ms.")]


def _limited(seen: Seen, processes: int) -> list[Finding]:
    found = []
    if seen.latency_ms > FAR / timedelta(milliseconds=1):
        told = f"The database takes {seen.latency_ms:.0f} ms to answer."
        found.append(Finding("warning", told, "Let workers run near it."))
    if 0 < seen.connections < processes * CONNECTIONS:
        told = f"{processes} worker processes open up to {processes * CONNECTIONS} connections to the database"
        mend = "Raise max_connections there, or lower DRAMATURG_PROCESSES."
        found.append(Finding("warning", f"{told}, which allows {seen.connections}.", mend))
    if 0 < seen.packet < PACKET_BYTES:
        told = f"The database refuses results of more than {seen.packet // 1024:,} KiB."
        found.append(Finding("warning", told, "Set max_allowed_packet to 16M or more."))
    return found


def _asked_ms(connection: sa.Connection) -> float:
    began = time.perf_counter()
    connection.exec_driver_sql("SELECT 1").all()
    return (time.perf_counter() - began) * 1000


def _limits(connection: sa.Connection, kind: Kind) -> tuple[int, int]:
    if kind == "postgresql":
        return int(connection.exec_driver_sql("SHOW max_connections").scalar_one()), 0
    if kind == "mariadb":
        connections, packet = connection.exec_driver_sql("SELECT @@max_connections, @@max_allowed_packet").one()
        return int(connections), int(packet)
    return 0, 0

"""The long forms of what is promised of databases: servers that are killed and stay away for a while."""

from __future__ import annotations

from tests.chaos import databases_away
from tests.chaos.scenario import MINUTE, SECOND, Scenario
from tests.chaos.stage import Report, Stage
from tests.support.databases import DatabaseServer, MariaDbServer, PostgresServer


def _away(make: type[DatabaseServer], here: Stage) -> Report:
    server = make()  # type: ignore[call-arg] # one of the two, which know their own folder
    try:
        return databases_away.away(
            here, server, runs=200, pages=10, times=4, length=8 * SECOND, settled=2 * MINUTE, workers=4
        )
    finally:
        server.remove()


DATABASE_SCENARIOS = (
    Scenario("F29a", "PostgreSQL is killed 4 times", lambda here, _seed: _away(PostgresServer, here)),
    Scenario("F29b", "MariaDB is killed 4 times", lambda here, _seed: _away(MariaDbServer, here)),
)

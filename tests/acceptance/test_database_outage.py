"""The database goes away while runs write to it: nothing is lost, nothing is there twice (F29)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.chaos import databases_away
from tests.chaos.stage import Stage
from tests.support.databases import DatabaseServer

SECOND = timedelta(seconds=1)


@pytest.mark.parametrize("name", ["postgres_server", "mariadb_server"])
def test_runs_wait_for_a_database_that_is_away(here: Stage, name: str, request: pytest.FixtureRequest) -> None:
    """It is killed in the middle of their writes; they go on when it is back, without an attempt spent."""
    server: DatabaseServer = request.getfixturevalue(name)
    report = databases_away.away(
        here, server, runs=8, pages=4, times=1, length=1.5 * SECOND, settled=30 * SECOND, workers=1
    )
    assert not report.broken, report

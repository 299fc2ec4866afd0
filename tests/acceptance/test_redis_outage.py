"""Redis goes away, or its answers get lost: nothing is lost with it, nothing is done twice (R06, R08, R12)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from pipeline import Unavailable
from tests.actors.plain import echo
from tests.chaos import losing
from tests.chaos.stage import Stage, stage
from tests.support.proxy import Fault, Proxy
from tests.support.redis_server import RedisServer

SECOND = timedelta(seconds=1)


@pytest.mark.parametrize("point", losing.POINTS)
def test_runs_go_on_after_an_outage_as_if_there_had_been_none(here: Stage, point: str) -> None:
    """R06: longer than a lease, at a failure's commit, at a step's result, at a renewal."""
    report = losing.outage(here, point=point, runs=6, length=3 * SECOND, settled=20 * SECOND)
    assert not report.broken, report


@pytest.mark.parametrize("fault", Fault)
def test_any_command_of_a_run_may_be_lost(here: Stage, fault: Fault) -> None:
    """R08: on its way to Redis or back, at every point of a run of three steps."""
    report = losing.lost_replies(here, faults=(fault,))
    assert not report.broken, report


def test_a_killed_redis_loses_nothing_that_was_on_disk(tmp_path: Path) -> None:
    """R12: workers are not restarted, and go on when it is back."""
    with RedisServer() as server, stage(server.url, tmp_path, server=server) as here:
        report = losing.redis_killed(here, runs=30, times=1, every=0.2 * SECOND, back=0.5 * SECOND, settled=30 * SECOND)
    assert not report.broken, report


@pytest.mark.parametrize("fault", Fault)
def test_a_send_whose_call_is_lost_is_one_run(redis_url: str, tmp_path: Path, fault: Fault) -> None:
    """F9: the sender sends again under the same id, and that the run ended meanwhile changes nothing."""
    with Proxy(redis_url) as between, stage(between.url, tmp_path) as here:
        here.worker(url=redis_url)
        echo.send("warm").result(10 * SECOND)
        (between.lose_reply_of if fault is Fault.LOSE_REPLY else between.lose_request_of)(1)
        handle = echo.send("once")
        assert handle.result(10 * SECOND) == "once"
        assert echo.send("afterwards").result(10 * SECOND) == "afterwards"
        assert len(here.ledger.entries(what="effect", run=handle.id)) == 1


def test_a_send_to_a_redis_that_is_away_says_so(redis_url: str, tmp_path: Path) -> None:
    """The sender is told, and nothing is left behind."""
    with Proxy(redis_url) as between, stage(between.url, tmp_path) as here:
        between.down()
        with pytest.raises(Unavailable):
            echo.send("never")
        between.up()
        assert not here.inspector.list_runs()


def test_a_sender_with_many_connections_sends_at_once_when_redis_was_restarted(tmp_path: Path) -> None:
    """All of its connections are dead, and it need not find that out one by one."""
    with RedisServer() as server, stage(server.url, tmp_path, server=server):
        with ThreadPoolExecutor(16) as pool:
            list(pool.map(lambda n: echo.send_many([f"{n}"] * 400), range(64)))
        server.restart()
        assert echo.send("at once").state() == "queued"

"""Redis users that may do what is needed and no more: the rights are known, and what is dangerous is denied (S13)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import redis

from pipeline import Send
from pipeline.engine import server_rights
from pipeline.engine.connection import connect
from pipeline.engine.server_rights import CALLED, DANGEROUS, LOOKING, SCRIPTED, acl_file, denied
from tests.actors.plain import Trouble, echo, stumble
from tests.chaos.stage import stage
from tests.support.command_line import CommandLine
from tests.support.guarded_redis import GuardedRedis

ROOT = Path(__file__).parents[2]
_CALL = re.compile(r"redis\.p?call\(([^,)]*)")


@pytest.fixture(scope="module")
def guarded() -> Iterator[GuardedRedis]:
    """A server with the users of deploy/redis/users.acl, whose only other user is the test."""
    with GuardedRedis(strict=True) as server:
        yield server


def test_the_file_of_users_is_the_one_that_the_code_asks_for() -> None:
    """It is written from the code's own table: ``pipeline.engine.server_rights.acl_file()``."""
    assert (ROOT / "deploy" / "redis" / "users.acl").read_text() == acl_file()


def test_every_command_of_a_script_is_in_the_table() -> None:
    """A script that calls something new would be refused where rights are few: the table says it first."""
    called = set()
    for path in (ROOT / "pipeline" / "engine" / "lua").glob("*.lua"):
        for words in _CALL.findall(path.read_text()):
            named = re.findall(r"'([A-Z]+)'", words)
            assert named or words == "unpack(words", f"{path.name} calls {words}"
            called |= set(named)
    assert called == SCRIPTED


def test_a_user_may_do_what_is_needed_on_its_own_keys_and_nothing_dangerous(guarded: GuardedRedis) -> None:
    """FLUSHALL, CONFIG SET, KEYS and others are denied, and so are the keys of another namespace."""
    with connect(guarded.url) as client, guarded.client() as tester:
        assert denied(client, "dramaturg", SCRIPTED | CALLED) == []
        assert set(denied(client, "dramaturg", DANGEROUS)) == set(DANGEROUS)
        for words in (("FLUSHALL",), ("CONFIG", "SET", "appendonly", "no"), ("KEYS", "*"), ("GET", "{other}:run:1")):
            with pytest.raises(redis.exceptions.NoPermissionError):
                client.execute_command(*words)
        with pytest.raises(redis.exceptions.NoPermissionError):
            client.publish("{other}:x", "y")
        tester.acl_log_reset()


def test_everything_works_with_these_rights(guarded: GuardedRedis, tmp_path: Path) -> None:
    """A worker, delays, retries, keys, cancels, logs that are followed and commands; Redis refused none of it."""
    with stage(guarded.url, tmp_path) as here:
        here.worker(threads=2)
        plain = echo.send_many([Send(payload="a", key="k"), Send(payload="b", delay=timedelta(seconds=1), group="g")])
        failing = stumble.send(Trouble(times=1))
        late = echo.send("never", delay=timedelta(hours=1))
        assert late.cancel() == "cancelled"
        told = [event.event for event in here.inspector.events(failing.id, timeout=timedelta(seconds=30))]
        assert told[-1] == "completed"
        assert [handle.result(timedelta(seconds=30)) for handle in plain] == ["a", "b"]
        found = CommandLine(ROOT, here.env())("doctor", "--json").json["findings"]
        [rights] = [
            finding
            for finding in found
            if finding["check"] == "redis.rights" and "nothing dangerous" in finding["what"]
        ]
        assert rights["level"] == "ok"
        assert guarded.refused() <= {"config|get toplevel", "acl|getuser toplevel"}


def test_who_may_only_look_can_check_a_deploy(guarded: GuardedRedis, tmp_path: Path) -> None:
    """The third user changes nothing, and deploy-check needs no more."""
    looking = guarded.url_of("dramaturg-look")
    with stage(guarded.url, tmp_path) as here:
        echo.send("x")
        run = CommandLine(ROOT, here.env(REDIS_URL=looking))
        report = run("deploy-check", "tests.actors.cast", "--json").json
        assert report["checked"] >= 1
        with connect(looking) as client, pytest.raises(redis.exceptions.NoPermissionError):
            client.set("{dramaturg}:x", "y")
    with guarded.client() as tester:
        tester.acl_log_reset()
    assert LOOKING <= SCRIPTED | CALLED
    assert server_rights.BACKUP.isdisjoint(CALLED)

"""A copy of Redis: of one moment while everybody writes, and the same when it is put back."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
import redis

from pipeline.blobs import Blobs
from pipeline.engine.records import Commit, NewRun
from pipeline.engine.store import Store
from pipeline.engine.tracked import Everything, Tracked
from pipeline.errors import InvalidInput, Permanent
from pipeline.installation import Installation, RedisCopy
from pipeline.settings import SecretUrl
from tests.support.processes import ROOT
from tests.support.redis_server import RedisServer
from tests.support.waiting import eventually

NS = "copied"

#: Every call changes five keys at once, to the same number.
WRITING = """
import sys
import time
from pipeline.engine.connection import connect
client, n = connect(sys.argv[1]), int(sys.argv[2])
script = client.register_script('''
local n = redis.call('INCR', KEYS[1] .. 'a')
redis.call('SET', KEYS[1] .. 'b', n)
redis.call('HSET', KEYS[1] .. 'run:' .. n % 1500, 'n', n)
redis.call('HSET', KEYS[1] .. 'run:new' .. n, 'n', n)
redis.call('ZADD', KEYS[1] .. 'delayed', n, n)
if n % 7 == 0 then redis.call('DEL', KEYS[1] .. 'run:new' .. n - 1) end
''')
while True:
    time.sleep(0.001)  # as fast as a busy installation, and not as fast as Redis
    script(keys=["{copied}:"])
"""


@pytest.fixture(scope="module")
def other() -> Iterator[RedisServer]:
    """Another, empty Redis."""
    with RedisServer() as server:
        yield server


def installation(url: str, folder: Path) -> Installation:
    return Installation(SecretUrl(url), NS, SecretUrl("sqlite://"), Blobs(folder / "blobs"), folder)


def rows_of(lines: list[bytes]) -> dict[str, list[object]]:
    rows: dict[str, list[object]] = {}
    for line in lines[1:-1]:
        _, key, _, _, _, items = orjson.loads(line)
        rows.setdefault(key, []).extend(items)
    return rows


def test_a_copy_is_of_one_moment_while_others_write(
    redis_server: RedisServer, redis_client: redis.Redis, tmp_path: Path
) -> None:
    """Five keys that always change together are the same in the copy, and what was removed is not in it."""
    with redis_client.pipeline(transaction=False) as pipe:
        for number in range(1500):
            pipe.hset(f"{{{NS}}}:run:{number}", mapping={"n": 0, "message": "x" * 200})
        pipe.execute()
    writers = [subprocess.Popen([sys.executable, "-c", WRITING, redis_server.url, str(n)], cwd=ROOT) for n in range(2)]
    try:
        eventually(lambda: int(redis_client.get(f"{{{NS}}}:a") or 0) > 100)
        before = int(redis_client.get(f"{{{NS}}}:a") or 0)
        with installation(redis_server.url, tmp_path).redis_copy(folder=tmp_path) as (held, lines):
            rows = rows_of(list(lines))
        at = int(rows["a"][0])  # type: ignore[call-overload]
        assert at > before, "nobody wrote meanwhile"
        assert rows["b"] == [str(at)]
        assert max(float(score) for _, score in rows["delayed"]) == at  # type: ignore[misc]
        assert [dict(rows[f"run:new{at}"])["n"]] == [str(at)]  # type: ignore[call-overload]
        assert dict(rows[f"run:{at % 1500}"])["n"] == str(at)  # type: ignore[call-overload]
        new = {int(key.removeprefix("run:new")) for key in rows if key.startswith("run:new")}
        assert new == {n for n in range(1, at + 1) if (n + 1) % 7 or n == at}
        assert held.held_ms < 1000
        after = int(redis_client.get(f"{{{NS}}}:a") or 0)
        eventually(lambda: int(redis_client.get(f"{{{NS}}}:a") or 0) > after)
    finally:
        for writer in writers:
            writer.kill()
            writer.wait()


def test_every_kind_of_key_comes_back_as_it_was(
    redis_server: RedisServer, redis_client: redis.Redis, other: RedisServer, tmp_path: Path
) -> None:
    """Bytes that are no text, long lists and sets of scores, streams and their last id, and times to live."""
    p = f"{{{NS}}}:"
    redis_client.set(p + "string", b"\xff\x00\xfe")
    redis_client.set(p + "short", "x", px=500_000)
    redis_client.rpush(p + "list", *[f"{n}".encode() + b"\x80" for n in range(7000)])
    redis_client.zadd(p + "zset", {f"m{n}": n * 1.1e14 / 7 for n in range(7000)} | {"inf": float("inf")})
    redis_client.hset(p + "hash", mapping={b"\xf0": b"\xf1", "": "empty"} | {f"f{n}": n for n in range(7000)})
    redis_client.sadd(p + "set", *range(200))
    for n in range(3):
        redis_client.xadd(p + "ended", {"a": n}, id=f"{n + 1}-1")
    redis_client.xdel(p + "ended", "3-1")
    redis_client.xadd(p + "empty", {"a": 1}, id="9-9")
    redis_client.xtrim(p + "empty", 0)
    redis_client.set("not ours", "x")
    redis_client.lpush(p + "wake:q", "1")
    with installation(redis_server.url, tmp_path).redis_copy() as (held, lines):
        told = list(lines)
    assert held.keys == 7, "all but the one that goes away by itself"
    with other.client() as there:
        there.flushall()
        copy = RedisCopy(there, NS)
        for line in told:
            copy.add(line)
        assert copy.finish()[0][:2] == held[:2]
        names = sorted(redis_client.keys(p + "*"))
        assert sorted(there.keys("*")) == [name for name in names if not name.endswith(b"wake:q")]
        for name in names:
            if not name.endswith((b"wake:q", b"ended", b"empty")):
                assert there.dump(name) == redis_client.dump(name) or there.type(name) in {b"hash", b"set", b"zset"}
        assert there.hgetall(p + "hash") == redis_client.hgetall(p + "hash")
        assert there.zrange(p + "zset", 0, -1, withscores=True) == redis_client.zrange(
            p + "zset", 0, -1, withscores=True
        )
        assert there.smembers(p + "set") == redis_client.smembers(p + "set")
        assert 0 < there.pttl(p + "short") <= 500_000
        assert [entry[0] for entry in there.xrange(p + "ended")] == [b"1-1", b"2-1"]
        assert there.xinfo_stream(p + "ended")["last-generated-id"] == b"3-1"
        assert there.xinfo_stream(p + "empty")["last-generated-id"] == b"9-9"
        with installation(other.url, tmp_path).redis_copy() as (again, _):
            assert again[:2] == held[:2]


def test_a_copy_that_is_cut_short_or_changed_is_refused(
    redis_server: RedisServer, redis_client: redis.Redis, tmp_path: Path
) -> None:
    """The end says how many keys there are, and what they hash to."""
    redis_client.set(f"{{{NS}}}:a", "1")
    with installation(redis_server.url, tmp_path).redis_copy() as (_, lines):
        told = list(lines)
    short = RedisCopy()
    for line in told[:-1]:
        short.add(line)
    with pytest.raises(Permanent, match="end is missing"):
        short.finish()
    changed = RedisCopy()
    *others, end = [line.replace(b'"1"', b'"2"') for line in told]
    for line in others:
        changed.add(line)
    with pytest.raises(Permanent, match="damaged"):
        changed.add(end)


@pytest.fixture
def runs(redis_client: redis.Redis) -> Store:
    """A run that is running with an effect begun, one in line, one that is due tomorrow, and one that ended."""
    store = Store(redis_client, NS)
    for name, delay_ms in (("going", 0), ("ended", 0), ("waiting", 0), ("tomorrow", 86_400_000)):
        store.enqueue([NewRun(id=name, actor="a", queue="q", message=b"{}", delay_ms=delay_ms, number=len(name))])
    leases, _ = store.claim("old", "c1", {"q": 9}, {"a": 1}, want=2, lease_ms=60_000)
    assert sorted(lease.run_id for lease in leases) == ["ended", "going"]
    store.save_checkpoint("going", 1, "step", b"1")
    store.commit([Commit("ended", 1, "completed", result=b"1")])
    return store


def put_back(runs: Store, server: RedisServer, folder: Path, *, ask: bool = True) -> int:
    """Copy, lose everything, and put it back."""
    here = installation(server.url, folder)
    with here.redis_copy() as (_, lines):
        told = list(lines)
    runs.client.flushall()
    here.require_free_redis(force=False)
    copy = here.put_back(ask=ask)
    for line in told:
        copy.add(line)
    return copy.finish()[1]


def test_runs_in_flight_go_on_and_their_old_worker_is_shut_out(
    runs: Store, redis_server: RedisServer, tmp_path: Path
) -> None:
    """What was running is in line, at its old place and at no cost; no number of an old lease fits any more."""
    assert put_back(runs, redis_server, tmp_path) == 1
    for fence in range(1, 50):
        assert runs.save_checkpoint("going", fence, "stale", b"1") == -1
    assert runs.renew("old", [("going", 1)], lease_ms=1000) == {"going": "lost"}
    leases, _ = runs.claim("new", "c2", {"q": 9}, {"a": 1}, want=9, lease_ms=60_000)
    assert [lease.run_id for lease in leases] == ["going", "waiting"]
    assert leases[0].has_steps
    assert leases[0].starts == 1, "a start that the loss of a machine cut short is no sign of a crash loop"
    for fence in range(1, 50):
        for name in ("going", "waiting"):
            assert runs.commit([Commit(name, fence, "completed")]) == [-1]
    assert runs.load_checkpoints("going")["step"] == b"1"
    done = [Commit(lease.run_id, lease.fence, "completed") for lease in leases]
    assert runs.commit(done) == [1, 1]


def test_only_runs_that_may_have_gone_on_doubt_their_effects(
    runs: Store, redis_server: RedisServer, tmp_path: Path
) -> None:
    """Not one that was not due before now, nor one that had ended; and none if nothing happened since."""
    put_back(runs, redis_server, tmp_path)
    assert [
        name for name in ("going", "waiting", "tomorrow", "ended") if "~restored" in runs.load_checkpoints(name)
    ] == [
        "going",
        "waiting",
    ]
    runs.client.flushall()


def test_nobody_doubts_where_nothing_can_have_happened(runs: Store, redis_server: RedisServer, tmp_path: Path) -> None:
    """The workers were stopped before the copy was taken."""
    put_back(runs, redis_server, tmp_path, ask=False)
    assert "~restored" not in runs.load_checkpoints("going")


def test_a_redis_in_use_is_left_alone(runs: Store, redis_server: RedisServer, tmp_path: Path) -> None:
    """By what it holds, and by who uses it; a namespace beside it does not count."""
    here = installation(redis_server.url, tmp_path)
    with pytest.raises(InvalidInput, match="not empty"):
        here.require_free_redis(force=False)
    here.require_free_redis(force=True)
    runs.renew("old", [("going", 1)], lease_ms=1000)
    runs.client.zadd(f"{{{NS}}}:workers", {"w": runs.client.time()[0] * 1000})
    with pytest.raises(InvalidInput, match="stop them"):
        here.require_free_redis(force=True)
    Installation(here.redis_url, "beside", here.database, here.blobs, tmp_path).require_free_redis(force=False)


def test_thousands_of_changes_before_one_answer_are_all_heard(redis_client: redis.Redis) -> None:
    """However many keys others write while a question is on its way."""
    heard: set[bytes] = set()
    with Tracked(redis_client, b"{x}:", heard.add) as line:
        for number in range(3_000):
            redis_client.set(f"{{x}}:{number}", 1)  # one by one: each is told in a message of its own
        assert line.ask("PING") in {b"PONG", "PONG"}
    assert len(heard) == 3_000


def test_a_redis_that_is_emptied_meanwhile_is_not_copied(redis_client: redis.Redis) -> None:
    """What was read belongs to no moment any more: the copy is to begin anew."""
    with Tracked(redis_client, b"{x}:", lambda _: None) as line:
        redis_client.set("{x}:1", 1)
        redis_client.flushall()
        with pytest.raises(Everything):
            line.ask("PING")

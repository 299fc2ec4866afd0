"""The tools of the fault tests do what they say: a fault test that injects nothing proves nothing."""

import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.support.checker import check
from tests.support.ledger import Ledger
from tests.support.processes import alive, processes
from tests.support.proxy import Command, Fault, Proxy
from tests.support.resp import message_end
from tests.support.waiting import eventually


@pytest.fixture(params=["unix", "tcp"])
def proxy(request: pytest.FixtureRequest, redis_url: str) -> Iterator[Proxy]:
    with Proxy(redis_url, tcp=request.param == "tcp") as between:
        yield between


def client_of(url: str, timeout: float = 2) -> redis.Redis:
    return redis.Redis.from_url(url, socket_timeout=timeout, retry=Retry(NoBackoff(), 0))


def test_a_proxy_in_clear_weather_changes_nothing(proxy: Proxy) -> None:
    """Every kind of reply comes through, and every command is named."""
    client = client_of(proxy.url)
    big = "x" * 300_000
    assert client.set("a", big)
    assert client.get("a") == big.encode()
    assert client.eval("return {1, 'two', {3}, false}", 0) == [1, b"two", [3], None]
    with client.pipeline(transaction=True) as pipeline:
        pipeline.incr("n")
        pipeline.incr("n")
        pipeline.hset("h", mapping={"x": 1})
        assert pipeline.execute() == [1, 2, 1]
    sha = client.script_load("return 1")
    assert client.evalsha(sha, 0) == 1
    names = [command.name for command in proxy.commands]
    assert names[-1] == f"EVALSHA {sha}"
    assert {"SET", "GET", "MULTI", "EXEC"} <= set(names)


def test_down_cuts_and_refuses_until_up(proxy: Proxy) -> None:
    """As when Redis or its machine is gone."""
    client = client_of(proxy.url)
    client.ping()
    proxy.down()
    with pytest.raises(redis.ConnectionError):
        client.ping()
    with pytest.raises(redis.ConnectionError):
        client_of(proxy.url).ping()
    proxy.up()
    assert client.ping()


def test_down_ends_a_blocking_call_at_once(proxy: Proxy) -> None:
    """A worker that waits for work notices."""
    client = client_of(proxy.url, timeout=30)
    failures: list[Exception] = []

    def wait() -> None:
        try:
            client.blpop(["nothing"], timeout=20)
        except redis.ConnectionError as problem:
            failures.append(problem)

    waiting = threading.Thread(target=wait)
    waiting.start()
    eventually(lambda: any(command.name == "BLPOP" for command in proxy.commands))
    proxy.down()
    waiting.join(5)
    assert len(failures) == 1


def test_a_lost_reply_was_executed_and_a_lost_request_was_not(proxy: Proxy, redis_client: redis.Redis) -> None:
    """The two halves of not knowing."""
    client = client_of(proxy.url)
    client.ping()
    proxy.lose_reply_of(2)
    client.incr("n")
    with pytest.raises(redis.ConnectionError):
        client.incr("n")
    assert redis_client.get("n") == b"2"
    client.ping()
    proxy.lose_request_of(1)
    with pytest.raises(redis.ConnectionError):
        client.incr("n")
    assert redis_client.get("n") == b"2"
    assert client.incr("n") == 3


def test_a_reply_is_lost_out_of_the_middle_of_a_pipeline(proxy: Proxy, redis_client: redis.Redis) -> None:
    """Everything sent was executed; the answers stop."""
    client = client_of(proxy.url)
    client.ping()
    proxy.lose_reply_of(2)
    with client.pipeline(transaction=False) as pipeline:
        for name in "abc":
            pipeline.incr(name)
        with pytest.raises(redis.ConnectionError):
            pipeline.execute()
    assert redis_client.mget("a", "b") == [b"1", b"1"]


def test_a_test_may_decide_for_each_command(proxy: Proxy, redis_client: redis.Redis) -> None:
    """For sweeps over every command of a run, and for killing somebody in between."""
    client = client_of(proxy.url)
    client.ping()
    seen: list[str] = []

    def decide(command: Command) -> Fault | None:
        seen.append(command.name)
        return Fault.LOSE_REQUEST if command.words[:2] == (b"SET", b"b") else None

    proxy.on_command = decide
    client.set("a", 1)
    with pytest.raises(redis.ConnectionError):
        client.set("b", 1)
    assert redis_client.mget("a", "b") == [b"1", None]
    assert seen == ["SET", "SET"]


def test_stalled_bytes_arrive_late_and_swallowed_ones_never(proxy: Proxy, redis_client: redis.Redis) -> None:
    """A partition that heals, and a connection that is half open."""
    client = client_of(proxy.url, timeout=0.3)
    client.ping()
    proxy.stall()
    with pytest.raises(redis.TimeoutError):
        client.incr("late")
    assert redis_client.get("late") is None
    proxy.heal()
    eventually(lambda: redis_client.get("late") == b"1")
    client.ping()
    proxy.swallow()
    with pytest.raises(redis.TimeoutError):
        client.incr("never")
    proxy.heal()
    assert client.ping()
    assert redis_client.get("never") is None


def test_a_delay_is_felt_both_ways(proxy: Proxy) -> None:
    """Slow networks are told from dead ones."""
    client = client_of(proxy.url)
    client.ping()
    proxy.delay(timedelta(milliseconds=50))
    begun = time.monotonic()
    client.ping()
    assert 0.1 <= time.monotonic() - begun < 1


@pytest.mark.parametrize(
    ("text", "end"),
    [
        (b"+OK\r\n", 5),
        (b"*2\r\n$1\r\na\r\n$-1\r\n+rest", 16),
        (b"%1\r\n+k\r\n*1\r\n:1\r\n", 16),
        (b"$5\r\nabc", None),
        (b"*2\r\n:1\r\n", None),
        (b"*-1\r\n", 5),
        (b"PING\r\n", 6),
    ],
)
def test_messages_end_where_the_protocol_says(text: bytes, end: int | None) -> None:
    """Of both versions, whole and cut."""
    assert message_end(text) == end


def test_the_ledger_keeps_what_a_killed_process_wrote(tmp_path: Path) -> None:
    """Several processes write at once, and one is killed right after."""
    ledger = Ledger(tmp_path / "ledger.db")
    program = """
import sys
from tests.support.ledger import record
for number in range(100):
    record("effect", sys.argv[1], key=f"{sys.argv[1]}-{number}")
print("written", flush=True)
sys.stdin.read() or __import__("threading").Event().wait()
"""
    with processes(tmp_path, ledger.env) as running:
        writers = [running.python("-c", program, f"run{number}") for number in range(3)]
        for writer in writers:
            writer.wait_for_output("written")
            writer.kill()
    assert ledger.count("effect") == 300
    assert len({entry.worker for entry in ledger.entries(run="run1")}) == 1


def test_the_checker_finds_each_kind_of_damage(tmp_path: Path) -> None:
    """Lost, doubled, forgotten, stale and pending, each of them planted once; and a repeat, which is allowed."""
    ledger = Ledger(tmp_path / "ledger.db")
    ledger.accept(["good", "lost", "hollow", "pending"])
    for step in ("read", "write", "write", "send", "read"):
        ledger.record("step", "good", step=step)
    ledger.record("effect", "good", fence=2, key="a")
    ledger.record("effect", "good", fence=1, key="a")
    states = {"good": "completed", "lost": None, "hollow": "completed", "pending": "running"}
    findings = check(ledger, states, effect="effect")
    assert findings.lost == ["lost", "hollow"]
    assert findings.doubled == ["a"]
    assert findings.repeated == ["good/write"]
    assert findings.forgotten == ["good/read"]
    assert len(findings.stale) == 1
    assert findings.pending == ["pending"]
    assert not findings.clean
    assert "lost 2" in str(findings)


def test_a_quiet_ledger_is_clean(tmp_path: Path) -> None:
    """The checker does not cry wolf."""
    ledger = Ledger(tmp_path / "ledger.db")
    ledger.accept(["good"])
    ledger.record("step", "good", step="read")
    ledger.record("effect", "good", step="read", fence=1, key="a")
    assert check(ledger, {"good": "completed"}, effect="effect").clean


def test_what_a_test_started_is_gone_afterwards_even_the_orphans(tmp_path: Path) -> None:
    """A child in a session of its own, whose parent was killed, goes too."""
    if not Path("/proc/self/environ").exists():
        pytest.skip("orphans are found in /proc, which this system has not")
    program = """
import subprocess, sys, time
print(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True).pid, flush=True)
time.sleep(600)
"""
    with processes(tmp_path) as running:
        parent = running.python("-c", program)
        parent.wait_for_output("\n")
        orphan = int(parent.output)
        parent.kill()
        assert alive(orphan)
    eventually(lambda: not alive(orphan))

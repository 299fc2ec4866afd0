"""What a supervisor hears of children that report: real processes, a real pipe, and a silence that is really kept."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
import redis

from pipeline.engine import supervisor as supervising
from pipeline.engine.redis_watch import RedisWatch
from pipeline.engine.store import Store
from pipeline.engine.supervisor import Supervisor, WorkerEvent
from pipeline.engine.supervisor_probes import SupervisorProbes, supervised
from pipeline.engine.vitals import VITALS, Report, Vitals
from pipeline.probes.settings import ProbesSettings
from tests.support.probed import ask, free_ports
from tests.support.processes import ROOT
from tests.support.redis_server import RedisServer
from tests.support.waiting import eventually

CHILD = """
import signal, sys, threading
from pipeline.engine.lifeline import watch_supervisor
from pipeline.engine.vitals import Report, Vitals
stop = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stop.set())
watch_supervisor(stop.set, grace=__import__("datetime").timedelta(seconds=5))
vitals = Vitals()
while not stop.wait(0.1):
    vitals.report(Report(started=True, stopping=False, livez={}, readyz={}))
"""


@contextmanager
def supervisor() -> Iterator[tuple[Supervisor, list[WorkerEvent]]]:
    """A supervisor in a thread, over children that do nothing but report."""
    story: list[WorkerEvent] = []
    command = [sys.executable, "-c", CHILD]
    env = {"PYTHONPATH": str(ROOT)}
    here = Supervisor(command, processes=1, grace=timedelta(seconds=5), env=env, on_event=story.append, reporting=True)
    thread = threading.Thread(target=here.run)
    thread.start()
    try:
        yield here, story
    finally:
        here.stop()
        thread.join(15)
    assert not thread.is_alive()


def test_a_child_that_falls_silent_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """SIGSTOP stands for a process none of whose threads gets to run; it counts as stuck."""
    monkeypatch.setattr(supervising, "SILENCE", timedelta(seconds=1))
    monkeypatch.setattr(supervising, "TURN", timedelta(seconds=0.5))
    with supervisor() as (here, story):
        (child,) = here.children
        eventually(lambda: child.up)
        eventually(lambda: child.settled)
        first = child.pid
        assert first is not None
        os.kill(first, signal.SIGSTOP)
        eventually(lambda: child.up and child.pid != first, timedelta(seconds=15))
    assert [event.name for event in story][:3] == ["worker_started", "worker_silent", "worker_died"]
    assert story[2].reason == "stuck"


def test_whoever_was_stopped_itself_blames_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """A supervisor that did not run for a while has heard nothing: its children are not at fault."""
    monkeypatch.setattr(supervising, "SILENCE", timedelta(seconds=2))
    monkeypatch.setattr(supervising, "TURN", timedelta(seconds=0.5))
    with supervisor() as (here, story):
        (child,) = here.children
        eventually(lambda: child.up)
        assert child.heard is not None
        os.kill(child.pid or 0, signal.SIGSTOP)
        here.on_turn = lambda: time.sleep(3)
        eventually(lambda: time.monotonic() - here.turned_at > 2)
        stood_still, here.on_turn = here.turned_at, lambda: None
        eventually(lambda: here.turned_at > stood_still)  # by now it has looked at a child that said nothing for 3 s
        os.kill(child.pid or 0, signal.SIGCONT)
        eventually(lambda: child.silent(time.monotonic()) < 0.5)
        assert [event.name for event in story] == ["worker_started"]


def test_a_report_that_is_too_long_is_shortened_and_arrives_whole_or_not_at_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A pipe takes four kilobytes at once; more would be torn where it is nearly full, because nobody reads."""
    reading, writing = os.pipe()
    monkeypatch.setenv(VITALS, str(writing))
    vitals = Vitals()
    ill = {f"check {n}": "x" * 300 for n in range(50)}
    for n in range(500):
        vitals.report(Report(started=True, stopping=bool(n % 2), livez={}, readyz=ill))
    os.close(writing)
    with open(reading, "rb") as lines:  # noqa: PTH123 - a descriptor
        told = [Report(**json.loads(line)) for line in lines]
    assert 5 < len(told) < 500
    assert "check 0" in told[-1].readyz


def test_children_that_are_asked_to_leave_are_told_to_drain_before_they_say_so(redis_client: redis.Redis) -> None:
    """The supervisor knows first; and one that has ended is told from one that starts."""
    watch = RedisWatch(Store(redis_client, "vitals"))
    with supervisor() as (here, _):
        (child,) = here.children
        probes = SupervisorProbes(here, watch)
        eventually(lambda: child.up)
        assert probes.together("startupz").failing == {"workers": "none of 1 is ready: starting"}
        watch._look()
        assert probes.together("startupz").ok
        assert probes.together("readyz").ok
        child.kill_at = time.monotonic() + 60
        assert probes.child("readyz", child).failing == {"draining": "it was asked to stop: it claims nothing more"}
        child.kill_at = None
        os.kill(child.pid or 0, signal.SIGSTOP)
        heard = child.heard
        assert heard is not None
        eventually(lambda: heard.silent(time.monotonic()) > 0.5)
        heard.at -= 31
        assert probes.child("livez", child).failing.keys() == probes.child("readyz", child).failing.keys() == {"loop"}
        os.kill(child.pid or 0, signal.SIGCONT)
        here.turned_at -= 31
        assert "has done nothing for 3" in probes.livez().failing["loop"]
    assert probes.child("livez", child).failing == {"process": "it has ended"}
    assert probes.together("startupz").ok  # it has been ready once


def test_systemd_hears_when_the_first_worker_is_up_and_while_the_loop_turns(
    redis_client: redis.Redis, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """READY, then WATCHDOG at each turn, STOPPING when it stops; and the figures' folder is gone with it."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(10)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "600000")
        monkeypatch.setenv("TMPDIR", str(tmp_path))
        monkeypatch.setattr("tempfile.tempdir", None)
        port = free_ports(2)
        command = [sys.executable, "-c", CHILD]
        here = Supervisor(
            command, processes=1, grace=timedelta(seconds=5), env={"PYTHONPATH": str(ROOT)}, reporting=True
        )
        store = Store(redis_client, "vitals")
        with supervised(here, store, redis_url=redis_server.url, settings=ProbesSettings(port=port)):
            assert list(tmp_path.glob("dramaturg-metrics-*"))
            thread = threading.Thread(target=here.run)
            thread.start()
            heard = [systemd.recv(100)]
            while heard[-1] != b"READY=1":
                heard.append(systemd.recv(100))
            assert systemd.recv(100) == b"WATCHDOG=1"
            eventually(lambda: ask(port, "/readyz").status == 200)
            here.stop()
            while heard[-1] != b"STOPPING=1":
                heard.append(systemd.recv(100))
            thread.join(15)
        assert ask(port, "/livez").status == 0
        assert not list(tmp_path.glob("dramaturg-metrics-*"))


def test_what_redis_refuses_is_said_in_words_of_ours(redis_server: RedisServer, redis_url: str) -> None:
    """Rights that are missing, a password that is wrong; and never what a server or an address says."""
    with redis_server.client() as client:
        client.execute_command("ACL", "SETUSER", "reader", "on", ">secret-word", "~*", "+@read", "+ping", "+hello")
    try:
        reader = redis.Redis.from_url(redis_url, username="reader", password="secret-word")
        wrong = redis.Redis.from_url(redis_url, username="reader", password="another-word")
        for client, told in ((reader, "may not run our scripts"), (wrong, "refuses our user or password")):
            watch = RedisWatch(Store(client, "vitals"))
            assert watch.check() == "Redis has not answered yet"
            watch._look()
            said = watch.check()
            assert said is not None
            assert told in said
            assert "word " not in said.replace("password", "")
            client.close()
    finally:
        with redis_server.client() as client:
            client.execute_command("ACL", "DELUSER", "reader")


def test_an_answer_of_redis_that_is_old_says_nothing(redis_client: redis.Redis) -> None:
    """Where nobody looks any more, nobody knows; what is written expires by itself."""
    watch = RedisWatch(Store(redis_client, "vitals"))
    watch._look()
    assert watch.check() is None
    assert 0 < redis_client.pttl("{vitals}:probe") <= 60_000
    assert watch._last is not None
    watch._last = (watch._last[0] - 11, None)
    assert watch.check() == "nobody has looked for 11 s whether Redis can be written"
    watch._asked_at = time.monotonic() - 3
    assert watch.check() == "Redis has not answered for 3 s"

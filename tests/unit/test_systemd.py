"""What systemd is told, through a real socket of the kind that it gives."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import structlog

from pipeline.probes.pulse import Pulse
from pipeline.probes.systemd import Systemd


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[socket.socket]:
    """The end that systemd reads."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "4000000")
        monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
        yield listening


def test_systemd_hears_that_a_process_is_up_lives_and_stops(heard: socket.socket) -> None:
    """Up once, alive as often as is said, stopping once."""
    systemd = Systemd()
    assert systemd.every == timedelta(seconds=2)
    for told in (systemd.ready, systemd.ready, systemd.alive, systemd.alive, systemd.stopping, systemd.stopping):
        told()
    assert [heard.recv(100) for _ in range(4)] == [b"READY=1", b"WATCHDOG=1", b"WATCHDOG=1", b"STOPPING=1"]
    heard.setblocking(False)
    with pytest.raises(BlockingIOError):
        heard.recv(100)


def test_what_a_process_starts_is_not_the_unit(heard: socket.socket) -> None:
    """The variables are gone once they are read: children have their own lives."""
    Systemd()
    assert not {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"} & set(os.environ)
    assert Systemd().every is None


def test_a_name_outside_the_file_system_is_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    """As systemd gives it to units in a namespace of their own: with @ in place of a zero byte."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind("\0dramaturg-test-" + str(os.getpid()))
        listening.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", f"@dramaturg-test-{os.getpid()}")
        Systemd().ready()
        assert listening.recv(100) == b"READY=1"


def test_the_watchdog_of_another_process_is_not_fed(heard: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    """A unit may watch one process of several."""
    monkeypatch.setenv("WATCHDOG_PID", "1")
    systemd = Systemd()
    systemd.alive()
    systemd.ready()
    assert heard.recv(100) == b"READY=1"


def test_a_socket_that_is_gone_is_told_and_harms_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The work goes on."""
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "none"))
    with structlog.testing.capture_logs() as lines:
        Systemd().ready()
    assert [line["event"] for line in lines] == ["systemd_not_told"]


def test_a_pulse_tells_of_its_start_its_loop_and_its_stop(heard: socket.socket) -> None:
    """The first beat says that the process is up; one that is stopping beats no more, and lives."""
    stopping: list[bool] = []
    pulse = Pulse()
    pulse.stops_when(lambda: bool(stopping))
    assert pulse.starting() is not None
    pulse.beat()
    assert [heard.recv(100), heard.recv(100)] == [b"READY=1", b"WATCHDOG=1"]
    assert pulse.starting() is pulse.loop() is pulse.draining() is None
    pulse._beat_at -= 31  # it has stood still for so long
    assert pulse.loop() == "the main loop has not turned for 31 s"
    stopping.append(True)
    assert pulse.loop() is None
    assert pulse.draining() is not None
    pulse.end()
    assert heard.recv(100) == b"STOPPING=1"

"""Machines on one: network namespaces with addresses of their own, joined by a bridge, each to be cut off."""

from __future__ import annotations

import os
import shutil
import subprocess
import uuid
from collections.abc import Sequence
from typing import Self

import pytest

#: Addresses that are for tests between networks (RFC 2544).
_NET = "198.18.77"


def require_namespaces() -> None:
    """Skip a test that needs network namespaces where there are none to be had; it fails where DRAMATURG_CI is 1."""
    reason = ""
    if os.geteuid() != 0:
        reason = "network namespaces can only be made by root"
    elif shutil.which("ip") is None:
        reason = "the program ip is not installed"
    else:
        probe = f"dt-probe-{os.getpid()}"
        made = subprocess.run(["ip", "netns", "add", probe], capture_output=True, text=True, check=False)
        if made.returncode:
            reason = f"network namespaces cannot be made here: {made.stderr.strip()}"
        else:
            subprocess.run(["ip", "netns", "del", probe], check=True)
    if reason and os.environ.get("DRAMATURG_CI") == "1":
        pytest.fail(reason)
    elif reason:
        pytest.skip(reason)


class Machines:
    """Machines by name, with addresses ``198.18.77.2`` on; this one has the first address of that net."""

    def __init__(self, *names: str) -> None:
        mark = uuid.uuid4().hex[:4]
        self._bridge = f"dt{mark}"
        self._spaces = {name: f"dt-{mark}-{name}" for name in names}
        self._ends = {name: f"dt{mark}{n}" for n, name in enumerate(names)}
        self._addresses = {name: f"{_NET}.{n + 2}" for n, name in enumerate(names)}

    def on(self, name: str, *command: str) -> list[str]:
        """Give a command that runs on a machine."""
        return ["ip", "netns", "exec", self._spaces[name], *command]

    def machine(self, name: str) -> tuple[str, list[str]]:
        """Give the address of a machine, and what a command begins with that runs there."""
        return self._addresses[name], self.on(name)

    def cut(self, name: str) -> None:
        """Take a machine off the net: what it sends is lost, and nobody is told."""
        _ip("link", "set", self._ends[name], "down")

    def heal(self, name: str) -> None:
        """Put a machine back on the net."""
        _ip("link", "set", self._ends[name], "up")

    def __enter__(self) -> Self:
        try:
            _ip("link", "add", self._bridge, "type", "bridge")
            _ip("addr", "add", f"{_NET}.1/24", "dev", self._bridge)
            _ip("link", "set", self._bridge, "up")
            for name, space in self._spaces.items():
                end, inner = self._ends[name], f"{self._ends[name]}i"
                _ip("netns", "add", space)
                _ip("link", "add", end, "type", "veth", "peer", "name", inner, "netns", space)
                _ip("link", "set", end, "master", self._bridge, "up")
                inside = ["netns", "exec", space, "ip"]
                _ip(*inside, "addr", "add", f"{self._addresses[name]}/24", "dev", inner)
                _ip(*inside, "link", "set", inner, "up")
                _ip(*inside, "link", "set", "lo", "up")
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._remove()

    def _remove(self) -> None:
        for space in self._spaces.values():
            _ip("netns", "del", space, check=False)
        _ip("link", "del", self._bridge, check=False)


def _ip(*words: str, check: bool = True) -> None:
    command: Sequence[str] = ["ip", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert not check or done.returncode == 0, f"{' '.join(command)}: {done.stderr}"

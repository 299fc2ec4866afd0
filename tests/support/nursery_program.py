"""A process that has imported the project, and forks itself for each worker or command that a test asks for.

A child is what ``python -m MODULE`` would have been: a process and a session of its own, with its own environment,
folder and streams, and nothing opened. Only the second of importing is saved.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
from typing import Any

#: What every worker and most commands import; never ``pipeline.app``, which reads the environment and connects.
PRELOADED = (
    "actors",
    "schedules",
    "middleware",
    "pipeline.blobs",
    "pipeline.cli.program",
    "pipeline.database",
    "pipeline.database.engine",
    "pipeline.engine.embedded",
    "pipeline.engine.worker",
    "pipeline.policies",
    "pipeline.schedule",
    "sqlalchemy",
)

#: The programs there are, and the function that each is.
PROGRAMS = {"pipeline.engine.worker": "main", "pipeline.cli": "main"}

_LARGEST = 1 << 20


def main(descriptor: int) -> None:
    """Serve until the test that started it is gone; in a child, be the program that was asked for."""
    for name in PRELOADED:
        importlib.import_module(name)
    importlib.import_module("actors").declare()
    gc.freeze()
    request = _serve(socket.socket(fileno=descriptor))
    if request is None:
        return
    module, *arguments = request["argv"]
    sys.argv = [module, *arguments]
    program = getattr(importlib.import_module(module), PROGRAMS[module])
    sys.exit(program(arguments) if module == "pipeline.engine.worker" else program())


def _serve(control: socket.socket) -> dict[str, Any] | None:
    waking, woken = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
    control.send(b'{"ready": true}')
    while True:
        readable, _, _ = select.select([control, waking], [], [])
        if waking in readable:
            os.read(waking, 4096)
            _reap(control)
        if control not in readable:
            continue
        data, descriptors, _, _ = socket.recv_fds(control, _LARGEST, 3)
        if not data:
            return None
        request: dict[str, Any] = json.loads(data)
        pid = os.fork()
        if pid == 0:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.close(waking)
            os.close(woken)
            control.close()
            _become(request, descriptors)
            return request
        for descriptor in descriptors:
            os.close(descriptor)
        control.send(json.dumps({"started": pid}).encode())


def _reap(control: socket.socket) -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        control.send(json.dumps({"ended": pid, "code": os.waitstatus_to_exitcode(status)}).encode())


def _become(request: dict[str, Any], descriptors: list[int]) -> None:
    os.setsid()
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])


if __name__ == "__main__":
    main(int(sys.argv[1]))

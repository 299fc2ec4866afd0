"""The command as people run it: a process with arguments, an exit code, and two streams."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import structlog
from typer.testing import CliRunner

from pipeline import sections
from pipeline.cli.program import program
from tests.support.nursery import Forked, can_fork, fork

COMMAND = [sys.executable, "-m", "pipeline.cli"]

#: How long a command may take on a machine that does much else.
LIMIT_S = 90


@dataclass(frozen=True)
class Answer:
    """What a command answered."""

    code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        """The one object it printed; anything else on stdout fails the test."""
        return json.loads(self.stdout)

    @property
    def lines(self) -> list[Any]:
        """The objects it printed, one a line."""
        return [json.loads(line) for line in self.stdout.splitlines()]


@dataclass(frozen=True)
class CommandHere:
    """Runs commands that need no actor's code in this very process: the same program, started in no time."""

    env: Mapping[str, str]

    def __call__(self, *arguments: str, code: int = 0) -> Answer:
        """Run a command to its end; another exit code than ``code`` fails the test."""
        sections.forget()  # a process of its own would read the environment anew
        configured = structlog.is_configured()
        if not configured:
            structlog.configure()  # the logs of the tests stay where they are
        try:
            ended = CliRunner().invoke(program, list(arguments), env=dict(self.env))
        finally:
            if not configured:
                structlog.reset_defaults()
            sections.forget()
        told = f"{arguments} ended with {ended.exit_code}\n{ended.stdout}\n{ended.stderr}"
        assert ended.exit_code == code, told
        assert ended.exception is None or isinstance(ended.exception, SystemExit), told
        return Answer(ended.exit_code, ended.stdout, ended.stderr)


@dataclass(frozen=True)
class CommandLine:
    """Runs commands in a folder, with an environment."""

    folder: Path
    env: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, *arguments: str, code: int = 0, given: str | None = None, **env: str) -> Answer:
        """Run a command to its end; another exit code than ``code``, or a traceback, fails the test."""
        code_, stdout, stderr = _run([*COMMAND, *arguments], self.folder, {**os.environ, **self.env, **env}, given)
        told = f"{arguments} ended with {code_}\n{stdout}\n{stderr}"
        assert code_ == code, told
        assert "Traceback" not in stderr, told
        return Answer(code_, stdout, stderr)


def _run(argv: list[str], folder: Path, env: Mapping[str, str], given: str | None) -> tuple[int, str, str]:
    """Run a command to its end and give its exit code and what it wrote to stdout and stderr."""
    with TemporaryFile() as stdin, TemporaryFile() as stdout, TemporaryFile() as stderr:
        if given is not None:
            stdin.write(given.encode())
            stdin.seek(0)
        streams = (stdin.fileno(), stdout.fileno(), stderr.fileno())
        process: Forked | subprocess.Popen[bytes]
        if can_fork(argv, env):
            process = fork(argv, env=env, cwd=folder, streams=streams)
        else:
            process = subprocess.Popen(argv, cwd=folder, env=env, stdin=stdin, stdout=stdout, stderr=stderr)
        try:
            code = process.wait(LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        stdout.seek(0)
        stderr.seek(0)
        return code, stdout.read().decode(), stderr.read().decode()

"""Runs a database's own programs; a password reaches them in a file that only we may read, never on a command line."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from pipeline.errors import AuthFailed, Failure, InvalidInput, Permanent, ResourceExhausted, Transient

#: What the programs say, and what it means.
_MEANINGS: tuple[tuple[str, type[Failure]], ...] = (
    (r"no space left|disk full|errno: 28|error 28", ResourceExhausted),
    (r"authentication failed|access denied|permission denied|must be owner|role .* does not exist", AuthFailed),
    (r"server version mismatch|unknown (option|variable)|unsupported version", Permanent),
)
_SAID = 2_000


def find(name: str, folder: Path | None) -> str:
    """Give the path of a program; raises ``InvalidInput`` that says how to get it."""
    found = shutil.which(name, path=None if folder is None else str(folder))
    if found is None:
        raise InvalidInput(
            f"The program {name} is not on the {'PATH' if folder is None else f'folder {folder}'}: install the client "
            "programs of the database, or set DRAMATURG_BACKUP_PROGRAMS to their folder."
        )
    return found


@contextmanager
def secret_file(content: str) -> Iterator[Path]:
    """Write a file that only we may read, and remove it at the end."""
    handle, name = tempfile.mkstemp(prefix="dramaturg-")  # made with 0600
    path = Path(name)
    try:
        with open(handle, "w", encoding="utf-8") as file:  # noqa: PTH123 - a descriptor, not a path
            file.write(content)
        yield path
    finally:
        path.unlink(missing_ok=True)


class Output:
    """What a program writes; at its end it is known whether the program was content."""

    def __init__(self, process: subprocess.Popen[bytes], said: IO[bytes]) -> None:
        self._process, self._said = process, said

    def read(self, size: int = -1) -> bytes:
        """Give at most ``size`` bytes; raises a failure if they end because the program failed."""
        block = cast("IO[bytes]", self._process.stdout).read(size)
        if not block and self._process.wait() != 0:
            raise failed(self._process, self._said)
        return block


@contextmanager
def reading(argv: Sequence[str], env: Mapping[str, str]) -> Iterator[Output]:
    """Run a program and give what it writes; it is gone at the end."""
    with tempfile.TemporaryFile() as said, _started(argv, env, said, stdout=subprocess.PIPE) as process:
        yield Output(process, said)


@contextmanager
def feeding(argv: Sequence[str], env: Mapping[str, str]) -> Iterator[IO[bytes]]:
    """Run a program and give where its input is written; raises a failure if it was not content."""
    with tempfile.TemporaryFile() as said, _started(argv, env, said, stdin=subprocess.PIPE) as process:
        into = cast("IO[bytes]", process.stdin)
        try:
            yield into
            into.close()
        except BrokenPipeError:
            process.wait()
        if process.wait() != 0:
            raise failed(process, said)


@contextmanager
def _started(
    argv: Sequence[str], env: Mapping[str, str], said: IO[bytes], *, stdin: int = subprocess.DEVNULL, stdout: int = -3
) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(  # noqa: S603 - a program found on the path, with words of our own
        list(argv), env={**os.environ, **env}, stdin=stdin, stdout=stdout, stderr=said
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None and not pipe.closed:
                try:
                    pipe.close()
                except BrokenPipeError:
                    continue  # it is gone, and so is what it did not read


def failed(process: subprocess.Popen[bytes], said: IO[bytes]) -> Failure:
    """Give the failure that a program's last words stand for."""
    said.seek(0)
    told = said.read().decode(errors="replace").strip()[-_SAID:]
    name = Path(str(cast("list[str]", process.args)[0])).name
    kind = next((kind for pattern, kind in _MEANINGS if re.search(pattern, told, re.IGNORECASE)), Transient)
    return kind(f"{name} ended with {process.returncode}: {' '.join(told.split())}")

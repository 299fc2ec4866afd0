"""Large payloads, kept in files by the hash of their content."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from pipeline.errors import InvalidInput, PipelineError, ResourceExhausted

#: The largest blob that is taken in.
LIMIT_BYTES = 512 * 1024 * 1024

_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_BLOCK = 1024 * 1024


class BlobMissing(PipelineError):  # noqa: N818 - says what is wrong
    """No blob of this hash is here."""


class BlobDamaged(PipelineError):  # noqa: N818 - says what is wrong
    """A blob's bytes are not the ones its hash was made of."""


class Blobs:
    """A folder of blobs. What was put in is on disk when ``put`` returns, and comes out the same or not at all."""

    def __init__(self, root: Path, *, limit_bytes: int = LIMIT_BYTES) -> None:
        self._root = root
        self._limit = limit_bytes

    def put(self, content: bytes | Path) -> str:
        """Keep bytes, or a copy of a file, and give their sha256; the same content is kept once."""
        if isinstance(content, bytes):
            sha = hashlib.sha256(content).hexdigest()
            return sha if self._has(sha, len(content)) else self._write([content], "the content")
        try:
            with content.open("rb") as source:
                return self._write(iter(lambda: source.read(_BLOCK), b""), content.name)
        except OSError as error:
            raise InvalidInput(f"{content.name} cannot be read: {error.strerror}.", field=content.name) from error

    def get(self, sha: str) -> bytes:
        """Give the bytes, after checking that they are the ones that were put in."""
        try:
            content = self._place(sha).read_bytes()
        except FileNotFoundError as error:
            raise BlobMissing(f"There is no blob {sha} in {self._root}.") from error
        if hashlib.sha256(content).hexdigest() != sha:
            raise BlobDamaged(f"The blob {sha} in {self._root} is damaged: its bytes are not those that were stored.")
        return content

    def path(self, sha: str) -> Path:
        """Give the file that holds the bytes, unchecked, for a program that wants a file; it is not to be changed."""
        place = self._place(sha)
        if not place.is_file():
            raise BlobMissing(f"There is no blob {sha} in {self._root}.")
        return place

    def exists(self, sha: str) -> bool:
        """Tell whether a blob is here."""
        return self._place(sha).is_file()

    def listed(self, digit: str) -> Iterator[str]:
        """Give the hashes that begin with a hexadecimal digit of all blobs that are here, in their order."""
        for first in sorted(self._root.glob(f"{digit}[0-9a-f]")):
            for second in sorted(first.iterdir()):
                yield from sorted(found.name for found in second.iterdir() if _SHA256.fullmatch(found.name))

    def put_json(self, value: Any) -> str:
        """Keep a value as JSON; equal values with their keys in any order are one blob."""
        return self.put(orjson.dumps(value, option=orjson.OPT_SORT_KEYS))

    def get_json(self, sha: str) -> Any:
        """Give a value that was kept as JSON."""
        return orjson.loads(self.get(sha))

    def _place(self, sha: str) -> Path:
        # The hash is the only thing that ever becomes a path, and only if it is one.
        if not _SHA256.fullmatch(sha):
            raise InvalidInput("A blob is named by the sha256 of its content: 64 hexadecimal digits.", field="blob")
        return self._root / sha[:2] / sha[2:4] / sha

    def _has(self, sha: str, size: int) -> bool:
        try:
            return self._place(sha).stat().st_size == size
        except (FileNotFoundError, NotADirectoryError):
            return False

    def _write(self, blocks: Iterable[bytes], name: str) -> str:
        with self._writable():
            incoming = self._root / "incoming"
            _make_folder(incoming)
            handle, path = tempfile.mkstemp(dir=incoming)
        temporary = Path(path)
        digest, size = hashlib.sha256(), 0
        try:
            with open(handle, "wb") as file:  # noqa: PTH123 - a descriptor, not a path
                for block in blocks:
                    size += len(block)
                    if size > self._limit:
                        raise InvalidInput(f"{name} is larger than {self._limit // 1024**2} MB.", field=name)
                    digest.update(block)
                    with self._writable():
                        file.write(block)
                with self._writable():
                    file.flush()
                    os.fsync(file.fileno())
            sha = digest.hexdigest()
            if not self._has(sha, size):
                with self._writable():
                    self._keep(temporary, sha)
        finally:
            temporary.unlink(missing_ok=True)
        return sha

    def _keep(self, temporary: Path, sha: str) -> None:
        place = self._place(sha)
        _make_folder(place.parent)
        temporary.replace(place)
        _sync_folder(place.parent)

    @contextmanager
    def _writable(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise ResourceExhausted(f"The blob store in {self._root} cannot be written: {error.strerror}.") from error


def _make_folder(folder: Path) -> None:
    if not folder.is_dir():
        _make_folder(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
        _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


_bound: Blobs | None = None


def set_blobs(blobs: Blobs | None) -> None:
    """Make these the blobs of this process; None leaves it without."""
    global _bound  # noqa: PLW0603 - one blob store a process, bound by the program that starts it
    _bound = blobs


def get_blobs() -> Blobs:
    """Give the blobs of this process."""
    if _bound is None:
        raise PipelineError("No blob store is bound: start through pipeline.app, or call set_blobs() first.")
    return _bound

"""Streams into pieces and back: compressed, locked if there is somebody to lock it for, and never whole in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, cast

from actors.upkeep.backup.locking import Readable, Writable, lock, unlock
from actors.upkeep.backup.manifest import Piece
from actors.upkeep.backup.place import Place
from pipeline.errors import Permanent

_BLOCK = 256 * 1024


class Packer:
    """Brings streams to a place, in pieces; ``proceed`` is called with the size of each and may stop it by raising."""

    def __init__(
        self, place: Place, *, recipients: Sequence[str], piece: int, level: int, proceed: Callable[[int], object] = int
    ) -> None:
        self._place, self._piece, self._level = place, piece, level
        self._recipients, self._proceed = recipients, proceed

    def pack(self, source: Readable, name: str) -> tuple[tuple[Piece, ...], int, str]:
        """Write a stream to pieces ``name``-1, -2 ...; gives them, and the size and sha256 of the stream itself."""
        import zstandard

        plain = _Counted(source)
        squeezed = zstandard.ZstdCompressor(level=self._level).stream_reader(cast("IO[bytes]", plain))
        sink = _Pieces(self._place, name, self._piece, self._proceed)
        if self._recipients:
            lock(squeezed, sink, self._recipients)
        else:
            while block := squeezed.read(_BLOCK):
                sink.write(block)
        sink.close()
        return tuple(sink.pieces), plain.size, plain.hash.hexdigest()


class Unpacker:
    """Reads pieces back; what was locked is opened with the identities in a file."""

    def __init__(
        self, place: Place, *, locked: bool, identity: Path | None, proceed: Callable[[int], object] = int
    ) -> None:
        self._place, self._locked, self._identity, self._proceed = place, locked, identity, proceed

    @property
    def can_open(self) -> bool:
        """Whether there is what it takes to read the contents."""
        return not self._locked or self._identity is not None

    def compare(self, pieces: Iterable[Piece]) -> None:
        """Read pieces without opening them; raises ``Permanent`` for one that is not what was written."""
        for _ in self._read(pieces):
            pass

    def unpack(self, pieces: Iterable[Piece], into: Writable) -> tuple[int, str]:
        """Write the stream that pieces hold to ``into``; gives its size and sha256.

        Raises ``Permanent`` for a damaged or missing piece, ``AuthFailed`` if it cannot be opened.
        """
        import zstandard

        plain = _CountedInto(into)
        opened = zstandard.ZstdDecompressor().stream_writer(cast("IO[bytes]", plain), closefd=False)
        try:
            if self._locked:
                unlock(Chunks(self._read(pieces)), opened, self._identity)
            else:
                for block in self._read(pieces):
                    opened.write(block)
        except zstandard.ZstdError as error:
            raise Permanent(f"A part of the backup is damaged: {error}.") from error
        return plain.size, plain.hash.hexdigest()

    def _read(self, pieces: Iterable[Piece]) -> Iterator[bytes]:
        for piece in pieces:
            content = self._place.get(piece.name)
            if len(content) != piece.size or hashlib.sha256(content).hexdigest() != piece.sha256:
                raise Permanent(f"{piece.name} in {self._place} is damaged: its bytes are not those that were written.")
            self._proceed(len(content))
            yield content


class _Counted:
    def __init__(self, source: Readable) -> None:
        self._source, self.size, self.hash = source, 0, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        block = self._source.read(size)
        self.size += len(block)
        self.hash.update(block)
        return block


class _CountedInto:
    def __init__(self, into: Writable) -> None:
        self._into, self.size, self.hash = into, 0, hashlib.sha256()

    def write(self, data: bytes) -> int:
        self.size += len(data)
        self.hash.update(data)
        self._into.write(bytes(data))
        return len(data)


class _Pieces:
    def __init__(self, place: Place, name: str, limit: int, proceed: Callable[[int], object]) -> None:
        self._place, self._name, self._limit, self._proceed = place, name, limit, proceed
        self._buffer = bytearray()
        self.pieces: list[Piece] = []

    def write(self, data: bytes) -> int:
        self._buffer += data
        while len(self._buffer) >= self._limit:
            self._put(bytes(self._buffer[: self._limit]))
            del self._buffer[: self._limit]
        return len(data)

    def close(self) -> None:
        if self._buffer or not self.pieces:
            self._put(bytes(self._buffer))

    def _put(self, content: bytes) -> None:
        self._proceed(len(content))
        name = f"{self._name}-{len(self.pieces) + 1}"
        self._place.put(name, content)
        self.pieces.append(Piece(name=name, size=len(content), sha256=hashlib.sha256(content).hexdigest()))


class Lines:
    """Takes bytes and hands them on line by line."""

    def __init__(self, into: Callable[[bytes], object]) -> None:
        self._into, self._rest = into, b""

    def write(self, data: bytes) -> int:
        """Take bytes."""
        first, *others = data.split(b"\n")
        self._rest += first
        for one in others:
            self._into(self._rest + b"\n")
            self._rest = one
        return len(data)


class Chunks:
    """Reads from an iterator of bytes."""

    def __init__(self, blocks: Iterable[bytes]) -> None:
        self._blocks, self._rest = iter(blocks), bytearray()

    def read(self, size: int = -1) -> bytes:
        """Give at most ``size`` bytes; none at the end."""
        wanted = _BLOCK if size < 0 else size
        while len(self._rest) < wanted:
            block = next(self._blocks, b"")
            if not block:
                break
            self._rest += block
        taken = bytes(self._rest[:wanted])
        del self._rest[:wanted]
        return taken

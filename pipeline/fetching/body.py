"""What an answer brings, taken in piece by piece: never more than was allowed, before or after it is unpacked."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from pipeline.errors import Permanent, Transient
from pipeline.fetching.address import AddressRefused

_PIECE = 64 * 1024

#: Parts that a packed answer may be made of: a million empty ones would take long, and become nothing.
_MEMBERS = 1000


class Intake:
    """Counts and unpacks what arrives; raises ``AddressRefused`` at the first byte too many."""

    def __init__(self, encoding: str, limit: int, shown: str) -> None:
        coded = encoding.strip().lower()
        if coded not in ("", "identity", "gzip", "x-gzip"):
            raise Permanent(f"{shown} answered in an encoding that was not asked for ({coded[:40]!r})")
        self._gzip = _gunzip() if coded.endswith("gzip") else None
        self._members = 1
        self._limit = limit
        self._shown = shown
        #: Bytes that came, and bytes that they became.
        self.came = 0
        self.made = 0

    def expect(self, length: str) -> int | None:
        """Refuse what says that it is too long before any of it is read; give the length, if that is known."""
        if not length.isascii() or not length.isdigit():
            return None
        if int(length) > self._limit:
            raise self._too_large()
        return int(length)

    def take(self, block: bytes) -> Iterator[bytes]:
        """Give the bytes that a block stands for, in pieces."""
        self.came += len(block)
        if self.came > self._limit:
            raise self._too_large()
        for piece in (block,) if self._gzip is None else self._unpacked(block):
            self.made += len(piece)
            if self.made > self._limit:
                raise self._too_large()
            yield piece

    def finish(self) -> None:
        """Make sure that nothing is missing at the end; raises ``Transient``."""
        if self._gzip is not None and not self._gzip.eof and self.came:
            raise Transient(f"{self._shown} broke off before its end")

    def _unpacked(self, block: bytes) -> Iterator[bytes]:
        assert self._gzip is not None
        try:
            while block:
                if self._gzip.eof:  # another member may follow; zeros only fill up
                    block = block.lstrip(b"\0")
                    if not block:
                        return
                    self._members += 1
                    if self._members > _MEMBERS:
                        raise Permanent(f"{self._shown} is packed in more parts than is sensible")
                    self._gzip = _gunzip()
                yield self._gzip.decompress(block, _PIECE)
                block = self._gzip.unused_data if self._gzip.eof else self._gzip.unconsumed_tail
            while not self._gzip.eof and (piece := self._gzip.decompress(b"", _PIECE)):
                yield piece
        except zlib.error:
            raise Permanent(f"{self._shown} says that it is packed with gzip, and is not") from None

    def _too_large(self) -> AddressRefused:
        return AddressRefused(
            f"{self._shown} is larger than {self._limit / 1024**2:g} MB, which is the most that is taken"
        )


def _gunzip() -> zlib._Decompress:
    return zlib.decompressobj(wbits=31)

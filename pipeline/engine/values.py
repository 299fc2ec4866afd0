"""How results are stored: small ones as they are, large ones as a reference into the blob store."""

from __future__ import annotations

from pipeline.blobs import Blobs

#: What a stored value begins with when it names a blob; JSON never begins so.
REFERENCE = b"@"


class Values:
    """Packs JSON for Redis and unpacks it again; values above ``inline_limit`` bytes go to the blob store."""

    def __init__(self, blobs: Blobs, inline_limit: int = 16_384) -> None:
        self._blobs = blobs
        self._inline_limit = inline_limit

    def pack(self, value: bytes) -> bytes:
        """Give what Redis is to hold for ``value``."""
        if len(value) <= self._inline_limit:
            return value
        return REFERENCE + self._blobs.put(value).encode()

    def unpack(self, stored: bytes) -> bytes:
        """Give the value that ``stored`` holds or names."""
        if stored.startswith(REFERENCE):
            return self._blobs.get(stored[1:].decode())
        return stored

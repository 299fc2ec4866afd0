"""The texts that runs write while they run, as Redis keeps them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

from pipeline.engine import keys

if TYPE_CHECKING:
    from pipeline.engine.store import Store


class Texts:
    """Writes and reads the text streams of runs; the offsets are in characters."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._append_text = store.script("append_text")

    def append(self, run_id: str, fence: int, stream: str, offset: int, text: str) -> int:
        """Put a piece of text at its place; what is there from ``offset`` on and differs goes.

        Gives 1 if it is written, 2 if it is and the run was asked to stop, 0 if less than ``offset`` is there, and -1
        if it was refused because the lease is another's. An empty text ends the stream at ``offset``.
        """
        return cast("int", self._append_text(run_id, fence, stream, offset, text.encode()))

    def read(self, run_id: str) -> dict[str, str]:
        """Give the text of every stream of a run, as of now."""
        return assemble(self._store.read("hgetall", keys.run(self._store.namespace, run_id) + ":text"))


def assemble(raw: Mapping[bytes, bytes]) -> dict[str, str]:
    """Put texts together from the pieces that are kept of them."""
    pieces: dict[str, dict[int, bytes]] = {}
    for field, value in raw.items():
        stream, _, number = field.decode().partition("/")
        found = pieces.setdefault(stream, {})
        if number:
            found[int(number)] = value
    return {stream: b"".join(found[n] for n in sorted(found)).decode() for stream, found in sorted(pieces.items())}

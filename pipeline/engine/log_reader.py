"""Reads the logs of runs and flows as they are in Redis."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from pipeline.engine.texts import assemble

if TYPE_CHECKING:
    from pipeline.engine.script import Script
    from pipeline.engine.store import Store


class Shown(NamedTuple):
    """What was told of a run so far, as of one moment: for readers whose place in the log is gone."""

    at_ms: int
    state: str
    fence: int
    progress: bytes
    texts: dict[str, str]


class Part(NamedTuple):
    """The entries of a log after ``start``, and where it ends; ``shown`` only if the place asked for is not there."""

    start: int
    end: int
    entries: list[bytes]
    shown: Shown | None = None


class LogReader:
    """Reads parts of logs, each in one call."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @cached_property
    def _read_log(self) -> Script:
        return self._store.script("read_log")  # not before: most who could read a log never do

    def read(self, record: str, place: int) -> Part:
        """Give the entries of a record's log after ``place``; all it has if it does not hold that place."""
        reply = self._read_log(record, place)
        dropped, length, entries = reply[:3]
        if len(reply) == 3:  # noqa: PLR2004 - see the script's signature
            return Part(place, dropped + length, entries)
        at_ms, state, fence, progress, texts = reply[3:]
        pairs = dict(zip(texts[::2], texts[1::2], strict=True)) if isinstance(texts, list) else texts
        return Part(dropped, dropped + length, entries, Shown(at_ms, state.decode(), fence, progress, assemble(pairs)))

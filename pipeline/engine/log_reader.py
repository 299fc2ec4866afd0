"""Reads the logs of runs and flows as they are in Redis."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from pipeline.engine.texts import assemble

if TYPE_CHECKING:
    from pipeline.engine.script import Script
    from pipeline.engine.store import Store


class Shown(NamedTuple):
    """What was told of a run so far: for readers whose place in the log is gone."""

    at_ms: int
    fence: int
    progress: bytes
    texts: dict[str, str]


class Part(NamedTuple):
    """The entries of a log after ``start``, where it ends, and what is known of its owner, all as of one moment.

    ``state`` is empty for an owner that is not there; ``shown`` is there if the log does not hold the place asked for.
    """

    state: str
    queued_ms: int
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
        state, queued_ms, dropped, length, entries, *more = self._read_log(record, place)
        if not more:
            return Part(state.decode(), queued_ms, place, dropped + length, entries)
        at_ms, fence, progress, texts = more
        pairs = dict(zip(texts[::2], texts[1::2], strict=True)) if isinstance(texts, list) else texts
        shown = Shown(at_ms, fence, progress, assemble(pairs))
        return Part(state.decode(), queued_ms, dropped, dropped + length, entries, shown)

"""The feed of ended runs in Redis: written by whatever ends a run, read in portions, then forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline import ids
from pipeline.ended import EndedRun, FeedState, ModelUse, Portion

if TYPE_CHECKING:
    from pipeline.engine.store import Store

#: Entries of one portion; a commit of many runs is one entry.
_ENTRIES = 250

#: How many ``forget_ended.lua`` removes in one call.
_FORGOTTEN = 1_000


class EndedFeed:
    """The feed of one namespace; every method may be called again after a lost reply."""

    def __init__(self, store: Store, *, entries: int = _ENTRIES) -> None:
        self._read = store.script("read_ended")
        self._forget = store.script("forget_ended")
        self._entries = entries

    def state(self) -> FeedState:
        """Give the feed as a whole."""
        name, cut, cut_from_ms, cut_until_ms, now_ms, waiting = self._read("", 0, ids.new())
        return FeedState(name.decode(), waiting, cut, cut_from_ms, cut_until_ms, now_ms)

    def after(self, position: str) -> Portion:
        """Give a portion of what came after a position."""
        found = self._read(position, self._entries, ids.new())[6:]
        runs = [_run(line) for entry in found[1::2] for line in entry[1::2]]
        return Portion(found[-2].decode() if found else position, runs, more=len(found) // 2 >= self._entries)

    def forget(self, position: str) -> None:
        """Remove what came up to and with a position."""
        while self._forget(position) >= _FORGOTTEN:
            pass


def _run(line: bytes) -> EndedRun:
    """Read a run as ``ended_line`` of lua/_shared.lua spells it."""
    words = line.decode(errors="replace").split("\x1f", 10)
    run_id, actor, queue, state, attempts, since, started, ended, group, billed, reason = words
    return EndedRun(
        id=run_id,
        actor=actor,
        queue=queue,
        group=group,
        state="" if state == "-" else state,
        reason=reason,
        attempts=int(attempts),
        since_ms=int(since),
        started_ms=int(started) if started else None,
        ended_ms=int(ended),
        uses=tuple(_use(use) for use in billed.split("\x1e") if use),
    )


def _use(text: str) -> ModelUse:
    model, *numbers = text.split("\x1d")
    return ModelUse(model, *map(int, numbers))

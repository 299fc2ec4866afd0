"""Gates in Redis: limits, breakers, budgets and pauses, shared by all workers and changed while they run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import orjson

from pipeline.engine import keys

if TYPE_CHECKING:
    from pipeline.engine.store import Store
    from pipeline.health import Health

Kind = Literal["limits", "breakers", "budgets"]


class Reserved(NamedTuple):
    """What was reserved for one call; ``tokens`` of each limit that counts them."""

    limits: list[str]
    budgets: list[str]
    tokens: int = 0


class Refused(NamedTuple):
    """Why a call may not be made now: the gate, for how long in ms, and whether the run waits or stops."""

    gate: str
    wait_ms: int
    then: str


@dataclass(frozen=True, slots=True)
class Asking:
    """One call of a model before it is made, and for whom."""

    run_id: str
    fence: int
    call_id: str
    model: str
    tokens: int
    micros: int
    group: str
    flow: str
    actor: str


@dataclass(frozen=True, slots=True)
class Settling:
    """One call of a model after it was made: how it went and what it took."""

    asked: Asking
    reserved: Reserved
    health: Health
    ms: int
    seconds: float
    tokens: int
    micros: int
    record: dict[str, Any]


class Gates:
    """Everything that may stand before a run or a call; each method is one call to Redis."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._ns = store.namespace
        self._reserve = store.script("reserve")
        self._settle = store.script("settle")
        self._waits = store.script("waits")
        self._configure = store.script("configure")
        self._switch_breaker = store.script("switch_breaker")
        self._pause = store.script("pause")

    def put(self, kind: Kind, name: str, config: dict[str, Any] | None) -> None:
        """Set a policy by hand, under its name or under ``<name>=<key>`` for one key; none takes it back."""
        self._configure(kind, f"set:{name}", b"" if config is None else orjson.dumps(config))

    def policies(self, kind: Kind) -> dict[str, dict[str, Any]]:
        """Give what is set: ``declared:<name>`` and ``set:<name>[=<key>]`` with their settings."""
        found = self._store.read("hgetall", keys.policies(self._ns, kind))
        return {name.decode(): orjson.loads(value) for name, value in sorted(found.items())}

    def reserve(self, asking: Asking) -> Reserved | Refused | None:
        """Ask for a call: what was reserved, or why not; none if the run is another worker's now."""
        a = asking
        reply = self._reserve(a.run_id, a.fence, a.call_id, a.model, a.tokens, a.micros, a.group, a.flow, a.actor)
        if reply[0] < 0:
            return None
        if reply[0] == 0:
            return Refused(reply[1].decode(), reply[2], reply[3].decode())
        names = [name.decode() for name in reply[3:]]
        return Reserved(names[: reply[2]], names[reply[2] :], reply[1])

    def settle(self, settling: Settling) -> dict[str, str]:
        """End a call; gives the breakers that opened, closed or began to recover by it."""
        s = settling
        reply = self._settle(
            s.asked.run_id,
            s.asked.fence,
            s.asked.call_id,
            s.asked.model,
            s.health,
            s.ms,
            s.seconds,
            s.reserved.tokens,
            s.tokens,
            s.micros,
            orjson.dumps(s.record),
            len(s.reserved.limits),
            *s.reserved.limits,
            *s.reserved.budgets,
            s.asked.actor,
        )
        told = [word.decode() for word in reply[1:]]
        return dict(zip(told[::2], told[1::2], strict=True))

    def waits_ms(self, run_id: str, models: Sequence[str]) -> list[int]:
        """Say for each model in how many ms a run may ask it; 0 for one that it may ask now."""
        waits: list[int] = self._waits(run_id, *models)
        return waits

    def open_breaker(self, name: str, ms: int, reason: str = "by hand") -> None:
        """Let nothing through for so long; then one probe."""
        self._switch_breaker(name, "open", ms, reason)

    def close_breaker(self, name: str) -> None:
        """Let everything through again, at once, and forget the failures."""
        self._switch_breaker(name, "close", 0, "")

    def pause(self, what: str) -> bool:
        """Start nothing more of ``queue:<name>``, ``actor:<name>`` or ``group:<name>``; says whether that is new."""
        return bool(self._pause(what, 1))

    def resume(self, what: str) -> bool:
        """Start it again; says whether it was paused."""
        return bool(self._pause(what, 0))

    def paused(self) -> dict[str, int]:
        """Give what is paused, and since when in ms."""
        found = self._store.read("hgetall", keys.paused(self._ns))
        return {name.decode(): int(at) for name, at in sorted(found.items())}

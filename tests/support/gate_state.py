"""What stands at the gates, as it lies in Redis."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pipeline.engine import keys
from pipeline.engine.store import Store


class GateState:
    """Reads limits, breakers and budgets as the scripts left them."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._ns = store.namespace

    def breakers(self, names: Iterable[str]) -> list[dict[str, Any]]:
        """Give the state of breakers: closed, open, half (a probe is on its way) or recovering; and until when."""
        rows = []
        for name in names:
            raw = self._store.read("hgetall", keys.breaker(self._ns, name))
            found = {k.decode(): v.decode() for k, v in raw.items()}
            row: dict[str, Any] = {"breaker": name, "state": found.get("state", "closed")}
            row |= {key: int(found[key]) for key in ("since_ms", "until_ms", "limited_ms") if key in found}
            rows.append(row | {key: found[key] for key in ("reason", "holder") if key in found})
        return rows

    def spent(self, name: str, config: dict[str, Any], now_ms: int) -> dict[str, int]:
        """Give what a budget, ``<name>`` or ``<name>=<key>``, has used and reserved in its present period."""
        window = now_ms // config["per_ms"] if config["per_ms"] else 0
        found = self._store.read("hgetall", keys.budget(self._ns, name, window))
        return {key: int(found.get(key.encode(), 0)) for key in ("micros", "tokens", "held_micros", "held_tokens")}

    def blocked(self) -> list[dict[str, Any]]:
        """Give the gates that runs wait at: how many lanes, and when it is looked at next."""
        rows = []
        for gate, at in self._store.read("zrange", keys.gates(self._ns), 0, 999, withscores=True):
            lanes = self._store.read("zcard", keys.blocked(self._ns, gate.decode()))
            rows.append({"gate": gate.decode(), "lanes": lanes, "next_ms": int(at)})
        return rows

    def in_use(self, name: str) -> int:
        """Say how many permits of a limit, ``<name>`` or ``<name>=<key>``, are out."""
        count: int = self._store.read("zcard", keys.permits(self._ns, name))
        return count

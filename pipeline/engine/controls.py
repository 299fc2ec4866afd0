"""What stands in front of runs and calls, as commands show it, and the two tables that only commands change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import orjson

if TYPE_CHECKING:
    from pipeline.engine.store import Store


class Controls:
    """Limits, breakers and budgets with what they have let through; each method is one call to Redis."""

    def __init__(self, store: Store) -> None:
        self._list_limits = store.script("list_limits")
        self._list_breakers = store.script("list_breakers")
        self._list_budgets = store.script("list_budgets")
        self._weigh = store.script("weigh")
        self._count_running = store.script("count_running")

    def limits(self, *names: str) -> list[dict[str, Any]]:
        """Give limits, ``<name>`` or ``<name>=<key>``, with what is out and what waits; with none, all."""
        return [
            {
                "limit": row[0].decode(),
                "settings": orjson.loads(row[1]) if row[1] else None,
                "by_hand": bool(row[2]),
                "out": row[3],
                "free_in_ms": max(row[4], row[5]),
                "lanes": row[6],
                "next_ms": row[7] if row[7] >= 0 else None,
            }
            for row in self._list_limits(*names)
        ]

    def breakers(self, *names: str) -> list[dict[str, Any]]:
        """Give breakers with their states and the calls of their windows; all that are known, with none.

        The states are closed, open, half (a probe is on its way) and recovering; and, of one that is closed otherwise,
        limited (it asked to be called later) and broken (its key or its account fails).
        """
        return [
            {
                "breaker": row[0].decode(),
                "state": row[1].decode(),
                "since_ms": row[2] if row[2] >= 0 else None,
                "until_ms": row[3] if row[3] >= 0 else None,
                "reason": row[4].decode(),
                "probe": row[5].decode(),
                "calls": row[6],
                "failures": row[7],
                "lanes": row[8],
                "settings": row[9].decode(),
            }
            for row in self._list_breakers(*names)
        ]

    def budgets(self, *names: str) -> list[dict[str, Any]]:
        """Give budgets with what is used and reserved in this period; all that are known, with none.

        Amounts are millionths of a dollar, and tokens.
        """
        rows = []
        for row in self._list_budgets(*names):
            settings = orjson.loads(row[1])
            used = {"micros": row[3], "tokens": row[4]}
            reserved = {"micros": row[5], "tokens": row[6]}
            left = {key: max(0, settings[key] - used[key] - reserved[key]) for key in used if key in settings}
            rows.append(
                {
                    "budget": row[0].decode(),
                    "settings": settings,
                    "by_hand": bool(row[2]),
                    "used": used,
                    "reserved": reserved,
                    "left": left,
                    "until_ms": row[7] if row[7] >= 0 else None,
                }
            )
        return rows

    def weigh(self, group: str, share: float) -> None:
        """Give a group so many turns for each one of the others, from the next claim on."""
        self._weigh(group, share)

    def running(self, what: Literal["queue", "actor", "group"], name: str) -> int:
        """Count the runs of a queue, an actor or a group that workers have in hand."""
        count: int = self._count_running(what, name)
        return count

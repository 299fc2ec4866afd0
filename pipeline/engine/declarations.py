"""What the workers declare to be in force, and the small tables that commands show and change."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from pipeline.breaker import Breaker
    from pipeline.budget import Budget
    from pipeline.engine.store import Store
    from pipeline.limit import Limit


class Declarations:
    """The policies of all workers, each with those who declare it; each method is one call to Redis."""

    def __init__(self, store: Store) -> None:
        self._declare = store.script("declare")

    def declare(
        self, worker: str, limits: Iterable[Limit], breakers: Iterable[Breaker], budgets: Iterable[Budget]
    ) -> list[str]:
        """Write down what a worker knows, over what it declared before; what was set by hand stays in force over it.

        Gives what no worker declares any more, and is in force no more: budgets, breakers, and limits of calls.
        """
        words: list[str | bytes] = []
        for kind, policies in (("limits", limits), ("breakers", breakers), ("budgets", budgets)):
            for policy in policies:
                words += (kind, policy.name, orjson.dumps(policy.config()))
        return self._told(self._declare(worker, *words))

    def withdraw(self, worker: str) -> list[str]:
        """Take back what a worker declared, as far as no other declares it; gives what is in force no more."""
        return self._told(self._declare(worker))

    @staticmethod
    def _told(reply: list[Any]) -> list[str]:
        return [item.decode() for item in reply]

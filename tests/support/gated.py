"""The engine's scripts, called as a fleet of workers would: what stands at which gate, and what passes it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any, Literal

import redis

from pipeline.breaker import Breaker
from pipeline.budget import Budget
from pipeline.engine import keys
from pipeline.engine.gates import Asking, Gates, Refused, Reserved, Settling
from pipeline.engine.records import Commit, Lease, NewRun
from pipeline.engine.store import Store
from pipeline.health import Health
from pipeline.journal import Billed
from pipeline.limit import Limit
from tests.support.gate_state import GateState
from tests.support.waiting import eventually

NS = "gated"
LEASE_MS = 600_000


class Fleet:
    """Sends runs, starts them, has them call models, ends them, and lets their workers die."""

    def __init__(self, client: redis.Redis) -> None:
        self.client = client
        self.store = Store(client, NS)
        self.gates = Gates(self.store)
        self.seen = GateState(self.store)
        self.leases: dict[str, Lease] = {}
        self._ids = itertools.count(1)

    def declare(self, *policies: Limit | Breaker | Budget) -> None:
        """Write down what a worker's actors and policy file say."""
        for kind, sort in (("limits", Limit), ("breakers", Breaker), ("budgets", Budget)):
            for policy in policies:
                if isinstance(policy, sort):
                    self.set(kind, f"declared:{policy.name}", policy)  # type: ignore[arg-type] # one of the three

    def set(self, kind: Literal["limits", "breakers", "budgets"], field: str, policy: Limit | Breaker | Budget) -> None:
        """Set a policy under a field as it is spelled in Redis."""
        import orjson

        self.store.script("configure")(kind, field, orjson.dumps(policy.config()))

    def send(self, count: int = 1, **fields: Any) -> list[str]:
        """Accept so many equal runs."""
        ids = [f"r{next(self._ids)}" for _ in range(count)]
        given = {"actor": "a", "queue": "q"} | fields
        return self.store.enqueue([NewRun(id=run_id, message=b'{"m":1}', **given) for run_id in ids])

    def start(
        self, want: int = 1, *, actors: Sequence[str] = ("a",), queues: Sequence[str] = ("q",), worker: str = "w"
    ) -> list[str]:
        """Claim up to so many runs, as a worker does; gives those that passed their gates, in order."""
        got, self.due_ms = self.store.claim(
            worker,
            f"claim{next(self._ids)}",
            dict.fromkeys(queues, 1000),
            dict.fromkeys(actors, 1),
            want=want,
            lease_ms=LEASE_MS,
        )
        self.leases |= {lease.run_id: lease for lease in got}
        return [lease.run_id for lease in got]

    def starts(self, count: int, timeout: timedelta = timedelta(seconds=10), **how: Any) -> list[str]:
        """Claim until so many have started."""
        begun: list[str] = []

        def enough() -> bool:
            begun.extend(self.start(count - len(begun), **how))
            return len(begun) >= count

        eventually(enough, timeout, every=timedelta(milliseconds=2))
        return begun

    def end(self, *run_ids: str, state: str = "completed", delay_ms: int = 0, cost: float = 0) -> None:
        """Commit the attempts of runs."""
        commits = [
            Commit(run, self.leases[run].fence, state, delay_ms=delay_ms, spends=state == "completed", cost=cost)
            for run in run_ids
        ]
        assert self.store.commit(commits) == [1] * len(commits)

    def die(self, *run_ids: str, swept: bool = True) -> None:
        """Let the leases of runs end, as when their worker is gone; ``swept`` when somebody has noticed, too."""
        self.client.zadd(keys.leases(NS), dict.fromkeys(run_ids, 1))
        if swept:
            self.store.sweep("sweeper", lease_ms=LEASE_MS)

    def state(self, run_id: str) -> str:
        """Give the state of a run, with its reason if it has ended."""
        state, reason = self.client.hmget(keys.run(NS, run_id), "state", "reason")
        return state.decode() + (f" {reason.decode()}" if reason and state == b"dead" else "")

    def started_ms(self, run_id: str) -> int:
        """Give when a run started, by the clock of Redis."""
        return int(self.client.hget(keys.run(NS, run_id), "started_ms"))

    def asking(self, run: str, model: str = "m", tokens: int = 100, micros: int = 100, **where: str) -> Asking:
        """Make a call that is to be asked for."""
        places = {"group": "", "flow": "", "actor": "a"} | where
        fence = self.leases[run].fence
        return Asking(run, fence, f"call{next(self._ids)}", model, tokens, micros, **places)

    def reserve(self, asking: Asking) -> Reserved | Refused:
        """Ask for a call twice, as after a lost reply; both answers are the same."""
        answer = self.gates.reserve(asking)
        assert answer is not None
        if isinstance(answer, Reserved):
            assert self.gates.reserve(asking) == answer
        return answer

    def settle(
        self,
        asking: Asking,
        health: Health = "ok",
        *,
        tokens: int = 0,
        micros: int = 0,
        seconds: float = 0.1,
        wait_ms: int = 0,
        reserved: Reserved | None = None,
    ) -> dict[str, str]:
        """End a call twice, as after a lost reply; gives the breakers it changed, and the second changes none."""
        billed = Billed(
            model=asking.model,
            asked=asking.model,
            reason="",
            outcome=health,
            tokens_in=tokens,
            tokens_out=0,
            tokens_cached=0,
            micros=micros,
            seconds=seconds,
        )
        settling = Settling(
            asking, reserved or Reserved([], []), health, wait_ms, seconds, tokens, micros, asdict(billed)
        )
        changed = self.gates.settle(settling)
        assert self.gates.settle(settling) == {}
        return changed

    def call(self, run: str, health: Health = "ok", model: str = "m", **settled: Any) -> dict[str, str] | Refused:
        """Make one call from end to end; gives the refusal if there was one, else the breakers it changed."""
        asking = self.asking(run, model)
        answer = self.reserve(asking)
        if isinstance(answer, Refused):
            return answer
        return self.settle(asking, health, reserved=answer, **settled)

    def breaker(self, name: str = "m") -> str:
        """Give the state of a breaker."""
        return str(self.seen.breakers([name])[0]["state"])


def most_within(times_ms: Sequence[int], window_ms: int) -> int:
    """Give the largest number of moments in any window of this length, its end not counted."""
    times, first, most = sorted(times_ms), 0, 0
    for last, moment in enumerate(times):
        while moment - times[first] >= window_ms:
            first += 1
        most = max(most, last - first + 1)
    return most

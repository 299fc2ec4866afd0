"""The engine's scripts on a real Redis against a plain model in Python: every transition, in any order."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
import redis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, precondition, rule

from pipeline.engine import keys
from pipeline.engine.records import CRASH_LIMIT, Commit, Lease, NewRun
from pipeline.engine.store import Store

NS = "machine"
LEASE_MS = 600_000
WORKERS = ("w1", "w2")
QUEUES = ("q1", "q2")
KNOWN = ("a", "b")
UNKNOWN = "c"

#: Every queue, with more room than is ever asked for.
ROOM = dict.fromkeys(QUEUES, 1000)


def versions(actors: Sequence[str]) -> dict[str, int]:
    """Know these actors, in their first version."""
    return dict.fromkeys(actors, 1)


FINAL = {"completed", "dead", "cancelled"}

_client: list[redis.Redis] = []


@pytest.fixture(autouse=True)
def _connected(redis_client: redis.Redis):
    _client[:] = [redis_client]


@dataclass
class Run:
    """What the model knows of a run."""

    id: str
    actor: str
    queue: str
    tier: int
    group: str
    number: int
    key: str
    state: str = "queued"
    age: int = 0
    fence: int = 0
    starts: int = 0
    attempt: int = 0
    cancel: bool = False
    worker: str = ""
    steps: dict[str, bytes] = field(default_factory=dict)

    @property
    def line(self) -> tuple[str, int, str]:
        """The line it stands in."""
        return self.queue, self.tier, self.group


class Machine(RuleBasedStateMachine):
    """Drives the store and the model side by side."""

    runs = Bundle("runs")
    leases = Bundle("leases")
    stale = Bundle("stale")

    @initialize()
    def begin(self) -> None:
        self.client = _client[0]
        self.client.flushall()
        self.store = Store(self.client, NS)
        self.model: dict[str, Run] = {}
        self.keys: dict[tuple[str, str], str] = {}
        self.ages = itertools.count(1)
        self.ids = itertools.count(1)

    @rule(
        target=runs,
        actor=st.sampled_from([*KNOWN, *KNOWN, *KNOWN, UNKNOWN]),
        queue=st.sampled_from(QUEUES),
        tier=st.integers(0, 3),
        number=st.integers(-1000, 1000),
        group=st.sampled_from(["", "", "g1", "g2"]),
        key=st.sampled_from(["", "", "", "k1", "k2"]),
        delayed=st.booleans(),
    )
    def enqueue(self, actor: str, queue: str, tier: int, number: int, group: str, key: str, delayed: bool) -> str:
        run_id = f"r{next(self.ids)}"
        new = NewRun(
            run_id, actor, queue, b'{"m":1}', tier=tier, number=number, group=group, key=key, delay_ms=10**9 * delayed
        )
        holder = self.keys.get((actor, key)) if key else None
        if holder and self.model[holder].state in {"dead", "cancelled"}:
            holder = None
        first = self.store.enqueue([new])
        second = self.store.enqueue([new])
        if holder is not None:
            assert first == second == [holder]
            return holder
        assert first == second == [run_id]
        self.model[run_id] = Run(
            run_id, actor, queue, tier, group, number, key, "delayed" if delayed else "queued", next(self.ages)
        )
        if key:
            self.keys[actor, key] = run_id
        return run_id

    @rule(target=leases, worker=st.sampled_from(WORKERS), want=st.integers(1, 6), lost_reply=st.booleans())
    def claim(self, worker: str, want: int, lost_reply: bool):
        claim_id = f"claim{next(self.ids)}"
        before = {run.id: run.state for run in self.model.values()}
        got, _ = self.store.claim(worker, claim_id, ROOM, versions(KNOWN), want=want, lease_ms=LEASE_MS)
        if lost_reply:
            again, _ = self.store.claim(
                worker, claim_id, ROOM, versions(KNOWN), want=want, lease_ms=LEASE_MS, again=True
            )
            if got:
                assert sorted(lease.run_id for lease in again) == sorted(lease.run_id for lease in got)
            got = again
        ready = [run for run in self.model.values() if before[run.id] == "queued"]
        able = [run for run in ready if run.actor in KNOWN]
        assert len(got) == min(want, len(able))
        for lease in got:
            run = self.model[lease.run_id]
            assert before[run.id] == "queued"
            run.fence, run.starts, run.state, run.worker = run.fence + 1, run.starts + 1, "running", worker
            assert (lease.fence, lease.starts, lease.attempt) == (run.fence, run.starts, run.attempt)
            assert lease.has_steps == bool(run.steps)
        left = [run for run in able if run.state == "queued"]
        for lease in got:
            run = self.model[lease.run_id]
            assert all(other.tier >= run.tier for other in left), "a higher tier was left behind"
            for other in left:
                if other.line == run.line:
                    assert (other.number, other.age) > (run.number, run.age), "an earlier run of its line was left"
        for run in ready:
            if run.actor == UNKNOWN and self._state(run.id) == "parked":
                run.state = "parked"
        return got

    @rule(target=leases, worker=st.sampled_from(WORKERS))
    def claim_with_new_code(self, worker: str):
        """A worker that knows every actor takes what was parked first."""
        parked = [run for run in self.model.values() if run.state == "parked"]
        if not parked:
            return []
        got, _ = self.store.claim(
            worker, f"claim{next(self.ids)}", ROOM, versions([*KNOWN, UNKNOWN]), want=len(parked), lease_ms=LEASE_MS
        )
        assert {lease.run_id for lease in got} == {run.id for run in parked}
        for lease in got:
            run = self.model[lease.run_id]
            run.fence, run.starts, run.state, run.worker = run.fence + 1, run.starts + 1, "running", worker
        return got

    @rule(taken=leases, name=st.sampled_from(["s1", "s2"]), value=st.sampled_from([b"1", b"2"]))
    def checkpoint(self, taken: list[Lease], name: str, value: bytes) -> None:
        for lease in taken:
            run = self.model[lease.run_id]
            code = self.store.save_checkpoint(lease.run_id, lease.fence, name, value)
            if run.state == "running" and run.fence == lease.fence:
                assert code == (2 if run.cancel else 1)
                run.steps.setdefault(name, value)
                run.starts = 1
            else:
                assert code == -1
            if run.steps:
                assert self.store.load_checkpoints(run.id) == run.steps

    @rule(taken=leases)
    def report(self, taken: list[Lease]) -> None:
        for lease in taken:
            run = self.model[lease.run_id]
            code = self.store.report_progress(lease.run_id, lease.fence, b'{"stage":"x"}')
            owned = run.state == "running" and run.fence == lease.fence
            assert code == ((2 if run.cancel else 1) if owned else -1)

    @rule(taken=leases)
    def renew(self, taken: list[Lease]) -> None:
        for lease in taken:
            run = self.model[lease.run_id]
            news = self.store.renew(run.worker, [(lease.run_id, lease.fence)], lease_ms=LEASE_MS)
            owned = run.state == "running" and run.fence == lease.fence
            assert news == ({run.id: "cancelled"} if owned and run.cancel else {} if owned else {run.id: "lost"})

    @rule(
        target=stale,
        taken=consumes(leases),
        state=st.sampled_from(["completed", "retrying", "snoozed", "dead", "cancelled", "queued"]),
    )
    def commit(self, taken: list[Lease], state: str):
        spends = state not in {"queued", "snoozed", "cancelled"}
        commits = [
            Commit(lease.run_id, lease.fence, state, delay_ms=10**9, result=b"1", reason="r", spends=spends)
            for lease in taken
        ]
        if not commits:
            return []
        expected = []
        for lease in taken:
            run = self.model[lease.run_id]
            if run.state != "running" or run.fence != lease.fence:
                expected.append(-1)
                continue
            outcome = "cancelled" if run.cancel and state != "dead" else state
            expected.append(1 if outcome == state else 2)
            run.attempt += spends
            run.starts = {"completed": run.starts, "queued": max(0, run.starts - 1)}.get(outcome, 0)
            run.state = {"retrying": "delayed", "snoozed": "delayed"}.get(outcome, outcome)
        assert self.store.commit(commits) == expected
        again = self.store.commit(commits)
        assert again == [0 if code > 0 else -1 for code in expected], "a repeated commit changes nothing"
        return taken

    @rule(taken=stale)
    def nothing_of_a_former_owner_counts(self, taken: list[Lease]) -> None:
        for lease in taken:
            run = self.model[lease.run_id]
            if run.state == "running" and run.fence == lease.fence:
                continue
            assert self.store.save_checkpoint(lease.run_id, lease.fence, "late", b"0") == -1
            assert self.store.report_progress(lease.run_id, lease.fence, b"{}") == -1
            assert self.store.commit([Commit(lease.run_id, lease.fence, "completed")])[0] <= 0

    @rule(taken=leases)
    def worker_dies(self, taken: list[Lease]) -> None:
        """The lease ends without a commit, and the sweep finds it."""
        for lease in taken:
            run = self.model[lease.run_id]
            if run.state != "running" or run.fence != lease.fence:
                continue
            self.client.zadd(keys.leases(NS), {lease.run_id: 1})
            self.store.sweep("sweeper", lease_ms=LEASE_MS)
            if run.cancel:
                run.state = "cancelled"
            elif run.starts >= CRASH_LIMIT:
                run.state = "dead"
            else:
                run.state = "queued"

    @rule(taken=leases)
    def a_zombie_wakes_up(self, taken: list[Lease]) -> None:
        """The lease ends, another worker takes the run, and then the first one writes."""
        for lease in taken:
            run = self.model[lease.run_id]
            if run.state != "running" or run.fence != lease.fence or run.cancel or run.starts >= CRASH_LIMIT:
                continue
            self.client.zadd(keys.leases(NS), {lease.run_id: 1})
            self.store.sweep("sweeper", lease_ms=LEASE_MS)
            run.state = "queued"
            waiting = len([other for other in self.model.values() if other.state in {"queued", "parked"}])
            claim_id = f"claim{next(self.ids)}"
            got, _ = self.store.claim(
                "w3", claim_id, ROOM, versions([*KNOWN, UNKNOWN]), want=waiting, lease_ms=LEASE_MS
            )
            assert run.id in {other.run_id for other in got}
            for other in got:
                taken_over = self.model[other.run_id]
                taken_over.fence, taken_over.starts = taken_over.fence + 1, taken_over.starts + 1
                taken_over.state, taken_over.worker = "running", "w3"
            assert self.store.save_checkpoint(lease.run_id, lease.fence, "late", b"0") == -1
            assert self.store.report_progress(lease.run_id, lease.fence, b"{}") == -1
            assert self.store.renew(run.worker, [(run.id, lease.fence)], lease_ms=LEASE_MS) == {run.id: "lost"}
            assert self.store.commit([Commit(lease.run_id, lease.fence, "completed")]) == [-1]
            assert self._state(run.id) == "running"
            assert "late" not in self.store.load_checkpoints(run.id)

    @precondition(lambda self: any(run.state == "delayed" for run in self.model.values()))
    @rule()
    def time_passes(self) -> None:
        """Everything delayed falls due; the lines take it in the order it was due."""
        for run_id in self.client.zrange(keys.delayed(NS), 0, -1):
            self.client.zadd(keys.delayed(NS), {run_id: 1})
        order = [run_id.decode() for run_id in self.client.zrange(keys.delayed(NS), 0, -1)]
        self.store.sweep("sweeper", lease_ms=LEASE_MS)
        for run_id in order:
            self.model[run_id].state, self.model[run_id].age = "queued", next(self.ages)

    @rule(run_id=runs)
    def cancel(self, run_id: str) -> None:
        run = self.model[run_id]
        reply = self.store.cancel_run(run_id)
        if run.state in FINAL:
            assert reply == run.state
        elif run.state == "running":
            assert reply == "asked"
            run.cancel = True
        else:
            assert reply == "cancelled"
            run.state = "cancelled"

    @rule(run_id=runs)
    def retry(self, run_id: str) -> None:
        run = self.model[run_id]
        dead = run.state == "dead"
        assert self.store.retry_run(run_id) == int(dead)
        if dead:
            run.state, run.age, run.attempt, run.starts, run.cancel = "queued", next(self.ages), 0, 0, False

    @invariant()
    def each_run_is_in_exactly_one_place(self) -> None:
        if not hasattr(self, "model"):
            return
        places: dict[str, list[str]] = {run_id: [] for run_id in self.model}
        for queue in QUEUES:
            for member in self.client.zrange(keys.ready(NS, queue), 0, -1):
                found = self.client.zrange(keys.ready_group(NS, queue, member.decode()), 0, -1)
                assert found, "an empty line is not in the round"
                for run_id in found:
                    places[run_id.decode()].append("queued")
        for run_id in self.client.zrange(keys.delayed(NS), 0, -1):
            places[run_id.decode()].append("delayed")
        for run_id in self.client.zrange(keys.leases(NS), 0, -1):
            places[run_id.decode()].append("running")
        for run_id in self.client.zrange(keys.parked_actor(NS, UNKNOWN), 0, -1):
            places[run_id.decode()].append("parked")
        for state in FINAL:
            for run_id in self.client.zrange(keys.finished(NS, state), 0, -1):
                places[run_id.decode()].append(state)
        for run in self.model.values():
            assert places[run.id] == [run.state], f"{run.id} is {run.state} and stands in {places[run.id]}"

    def _state(self, run_id: str) -> str:
        return self.client.hget(keys.run(NS, run_id), "state").decode()


class TestStoreMachine(Machine.TestCase):
    """Runs the machine; Hypothesis shrinks what it finds."""

    settings = settings(
        max_examples=40,
        stateful_step_count=40,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )

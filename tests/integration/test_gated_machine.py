"""Gates, pauses, children and reviews in any order: each run in one place, each permit held by one that runs."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import pytest
import redis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, precondition, rule

from pipeline.engine import keys
from pipeline.engine.records import CRASH_LIMIT
from pipeline.limit import Limit
from tests.support.gated import LEASE_MS, NS, Fleet

FINAL = {"completed", "dead", "cancelled"}
#: How many each limit lets run at once; a limit by key has it for every key.
MOST = {"x": 2, "y": 1, "user": 1}
GATES = ("", "l:x", "l:x l:y", "l:user=ann", "l:x l:user=bob")
PAUSABLE = ("queue:q1", "queue:q2", "actor:a", "group:", "group:g")

#: What is due within so many ms is waited for.
SOON_MS = 50

#: How an attempt may end.
ENDS = ("completed", "dead", "cancelled", "retrying", "queued", "review", "review")

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
    group: str
    gates: str
    state: str = "queued"
    starts: int = 0
    cancel: bool = False
    parent: str = ""
    children: list[str] = field(default_factory=list)

    def passes(self, paused: Iterable[str]) -> bool:
        """Say whether no pause holds it up."""
        return not {f"queue:{self.queue}", f"actor:{self.actor}", f"group:{self.group}"} & set(paused)


def some(*states: str):
    """Have a rule apply while a run is in one of these states."""
    return precondition(lambda self: any(run.state in states for run in self.model.values()))


class Machine(RuleBasedStateMachine):
    """Drives the scripts and the model side by side."""

    runs = Bundle("runs")

    @initialize()
    def begin(self) -> None:
        self.client = _client[0]
        self.client.flushall()
        self.fleet = Fleet(self.client)
        self.model: dict[str, Run] = {}
        self.paused: set[str] = set()
        self.most = dict(MOST)
        self.numbers = itertools.count(1)
        for name, most in MOST.items():
            self.fleet.declare(Limit(name, concurrency=most))
        for gates in (*GATES, *GATES):
            self.send(actor="a", queue="q1", group="", gates=gates)
        self.claim(want=4, worker="w1")

    @rule(
        target=runs,
        actor=st.sampled_from("ab"),
        queue=st.sampled_from(("q1", "q2")),
        group=st.sampled_from(("", "g")),
        gates=st.sampled_from(GATES),
    )
    def send(self, actor: str, queue: str, group: str, gates: str) -> str:
        (run,) = self.fleet.send(1, actor=actor, queue=queue, group=group, gates=gates)
        self.model[run] = Run(run, actor, queue, group, gates)
        return run

    @rule(want=st.integers(1, 12), worker=st.sampled_from(("w1", "w2")))
    def claim(self, want: int, worker: str) -> None:
        """What starts was free to, and of what may start nothing is left that there was room for."""
        got = self._claimed(want, worker)
        for run_id in got:
            run = self.model[run_id]
            assert run.state in {"queued", "parked"}
            assert run.passes(self.paused)
            run.state, run.starts = "running", run.starts + 1
        for run in self.model.values():
            if run.state == "queued" and self._state(run.id) == "parked":
                assert f"actor:{run.actor}" in self.paused
                run.state = "parked"
            if run.state in {"queued", "parked"} and self._state(run.id) == "cancelled":
                assert self.model[run.parent].state == "cancelled"
                self._ended(run, "cancelled")
        if len(got) < want:
            left = [run.id for run in self.model.values() if run.state in {"queued", "parked"} and self._may(run)]
            assert not left, "somebody was left behind though there was room"

    @some("running")
    @rule(data=st.data(), state=st.sampled_from(ENDS))
    def end(self, data: st.DataObject, state: str) -> None:
        one = self._draw(data, "running")
        if self._open_children(one):
            return
        self.fleet.end(one.id, state=state, delay_ms=10**9)
        self._left(one, state)

    @some("running")
    @rule(data=st.data())
    def die(self, data: st.DataObject) -> None:
        """Its worker dies and the sweep finds it; what it had is free."""
        one = self._draw(data, "running")
        self.fleet.die(one.id)
        if one.cancel:
            self._ended(one, "cancelled")
        elif one.starts >= CRASH_LIMIT:
            self._ended(one, "dead")
        else:
            one.state = "queued"

    @some("running")
    @rule(data=st.data(), count=st.integers(1, 3), gates=st.sampled_from(GATES), late=st.booleans())
    def gather(self, data: st.DataObject, count: int, gates: str, late: bool) -> None:
        """A run starts children and waits for them; asked twice, as after a lost reply, it starts no more."""
        one = self._draw(data, "running")
        run = one.id
        if one.children or one.parent:
            return
        name = f"children{next(self.numbers)}"
        for _ in range(2):
            assert self.fleet.store.expect_children(run, self.fleet.leases[run].fence, name, count) == 1
        fields = {"actor": "a", "queue": "q1", "gates": gates, "parent": run, "feeds": f"{run}:0"}
        one.children = self.fleet.send(count, **fields)
        for child in one.children:
            self.model[child] = Run(child, "a", "q1", "", gates, parent=run)
        if late:
            self.claim(want=count, worker="w2")
        if one.state == "running":
            self.fleet.end(run, state="waiting")
            self._left(one, "waiting" if self._open_children(one) else "queued", again=True)

    @rule(run=runs)
    def cancel(self, run: str) -> None:
        one = self.model[run]
        reply = self.fleet.store.cancel_run(run)
        if one.state in FINAL:
            assert reply == one.state
        elif one.state == "running":
            assert reply == "asked"
            one.cancel = True
        else:
            assert reply == "cancelled"
            self._ended(one, "cancelled")

    @some("review")
    @rule(approve=st.booleans())
    def answer(self, approve: bool) -> None:
        """A person decides all that is to be decided; an answer given twice counts once."""
        answer, verdict = self.fleet.store.script("answer_review"), "go" if approve else "reject"
        for one in self._in("review"):
            asked = int(self.client.zscore(keys.review(NS), one.id))
            ticket = f"t{next(self.numbers)}"
            for expected in (1, 0):
                assert answer(one.id, asked, ticket, verdict, "draft", "1", "{}", "no") == expected
            if approve:
                one.state = "queued"
            else:
                self._ended(one, "dead")

    @rule()
    def life_goes_on(self) -> None:
        """What is dead is tried again, and what is delayed falls due."""
        for one in self._in("dead"):
            if not one.parent:
                assert self.fleet.store.retry_run(one.id) == 1
                one.state, one.starts, one.cancel = "queued", 0, False
        for run in self.client.zrange(keys.delayed(NS), 0, -1):
            self.client.zadd(keys.delayed(NS), {run: 1})
            self.model[run.decode()].state = "queued"
        self.fleet.store.sweep("sweeper", lease_ms=LEASE_MS)

    @some("waiting")
    @rule(cancel=st.booleans())
    def children_end(self, cancel: bool) -> None:
        """The children of all that wait end, or their parents are cancelled and what is not begun never begins."""
        for one in self._in("waiting"):
            if cancel:
                self.cancel(one.id)
            for child in map(self.model.__getitem__, one.children):
                if child.state == "running":
                    self.fleet.end(child.id)
                    self._left(child, "completed")
        self.claim(want=12, worker="w1")

    @rule(what=st.sampled_from(PAUSABLE), paused=st.booleans())
    def pause(self, what: str, paused: bool) -> None:
        change = self.fleet.gates.pause if paused else self.fleet.gates.resume
        assert change(what) is ((what in self.paused) is not paused)
        (self.paused.add if paused else self.paused.discard)(what)

    @rule(name=st.sampled_from(sorted(MOST)), most=st.integers(1, 3))
    def change(self, name: str, most: int) -> None:
        """A limit is set by hand; what holds a permit above it keeps it."""
        self.fleet.gates.put("limits", name, Limit(name, concurrency=most).config())
        self.most[name] = most

    @invariant()
    def each_run_is_in_exactly_one_place(self) -> None:
        if not hasattr(self, "model"):
            return
        places: dict[str, list[str]] = {run: [] for run in self.model}
        for key in self.client.scan_iter(f"{{{NS}}}:ready:*:*"):
            for run in self.client.zrange(key, 0, -1):
                places[run.decode()].append("queued")
        for index, state in (
            ("leases", "running"),
            ("delayed", "retrying"),
            ("review", "review"),
            ("waiting", "waiting"),
        ):
            for run in self.client.zrange(f"{{{NS}}}:{index}", 0, -1):
                places[run.decode()].append(state)
        for actor in "ab":
            for run in self.client.zrange(keys.parked_actor(NS, actor), 0, -1):
                places[run.decode()].append("parked")
        for state in FINAL:
            for run in self.client.zrange(keys.finished(NS, state), 0, -1):
                places[run.decode()].append(state)
        for run in self.model.values():
            assert places[run.id] == [run.state], f"{run.id} is {run.state} and stands in {places[run.id]}"

    @invariant()
    def each_line_is_in_the_round_or_at_a_gate(self) -> None:
        """And not in both; where one waits is known by both sides."""
        if not hasattr(self, "model"):
            return
        prefix = f"{{{NS}}}:ready:"
        lines = {key.decode().removeprefix(prefix) for key in self.client.scan_iter(prefix + "*:*")}
        round_ = Counter(
            f"{queue}:{member.decode()}"
            for queue in ("q1", "q2")
            for member in self.client.zrange(keys.ready(NS, queue), 0, -1)
        )
        held = {lane.decode(): gate.decode() for lane, gate in self.client.hgetall(keys.held(NS)).items()}
        blocked: Counter[str] = Counter()
        gates = {gate.decode() for gate in self.client.zrange(keys.gates(NS), 0, -1)}
        for key in self.client.scan_iter(f"{{{NS}}}:blocked:*"):
            gate = key.decode().split(":blocked:", 1)[1]
            assert gate in gates, "somebody looks at it again"
            for lane in self.client.zrange(key, 0, -1):
                if lane.decode().replace("\n", ":", 1) in lines - set(round_):
                    assert held[lane.decode()] == gate
                blocked[lane.decode().replace("\n", ":", 1)] += 1
        for line in lines:
            assert (line in round_) or blocked[line] == 1, f"{line!r} is nowhere, or at several gates"

    @invariant()
    def each_permit_is_held_by_one_that_runs(self) -> None:
        if not hasattr(self, "model"):
            return
        running = [run for run in self.model.values() if run.state == "running"]
        for token in {token for gates in GATES for token in gates.split()}:
            holders = {one.decode() for one in self.client.zrange(keys.permits(NS, token[2:]), 0, -1)}
            assert holders == {run.id for run in running if token in run.gates.split()}

    def _claimed(self, want: int, worker: str) -> list[str]:
        """Claim, and at once again as long as something is due, as a worker does."""
        got: list[str] = []
        while True:
            got += self.fleet.start(want - len(got), actors=("a", "b"), queues=("q1", "q2"), worker=worker)
            if len(got) == want or self.fleet.due_ms is None or self.fleet.due_ms > SOON_MS:
                return got

    def _draw(self, data: st.DataObject, state: str) -> Run:
        return data.draw(st.sampled_from(self._in(state)))

    def _in(self, state: str) -> list[Run]:
        return [run for run in self.model.values() if run.state == state]

    def _may(self, run: Run) -> bool:
        held = Counter(
            token for other in self.model.values() if other.state == "running" for token in other.gates.split()
        )
        room = all(held[token] < self.most[token[2:].split("=")[0]] for token in run.gates.split())
        return room and run.passes(self.paused)

    def _left(self, run: Run, state: str, *, again: bool = False) -> None:
        """Note what a commit has made of a run that runs."""
        if run.cancel and state != "dead":
            self._ended(run, "cancelled")
            return
        run.starts = max(0, run.starts - 1) if state == "queued" and not again else 0
        run.state = state
        if state in FINAL:
            self._ended(run, state)

    def _ended(self, run: Run, state: str) -> None:
        run.state = state
        parent = self.model.get(run.parent)
        if parent is not None and parent.state == "waiting" and not self._open_children(parent):
            parent.state = "queued"

    def _open_children(self, run: Run) -> list[str]:
        return [child for child in run.children if self.model[child].state not in FINAL]

    def _state(self, run_id: str) -> str:
        return str(self.client.hget(keys.run(NS, run_id), "state").decode())


class TestGatedMachine(Machine.TestCase):
    """Runs the machine; Hypothesis shrinks what it finds."""

    settings = settings(max_examples=25, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck))

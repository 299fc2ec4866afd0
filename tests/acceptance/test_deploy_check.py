"""``deploy-check`` says what new code cannot go on with: no more than its workers refuse, and no less (F2)."""

from __future__ import annotations

import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from pipeline import ids
from pipeline.deploy_check import Trouble, check_deploy
from pipeline.deploy_check.checking import look_through
from pipeline.engine import keys
from pipeline.engine.records import NewRun
from pipeline.events import FINAL
from tests.actors import ordering
from tests.chaos.stage import Stage
from tests.support.command_line import CommandLine
from tests.support.waiting import eventually

CODE = ordering.__name__
CANARY = "sk-canary0123456789abcdef"

#: What becomes of a run in a worker, by the trouble that was foreseen.
REFUSED = {
    None: "completed",
    "unknown_actor": "parked",
    "newer_version": "parked",
    "message": "dead",
    "option": "dead",
    "version": "dead",
    "upgrade": "dead",
    "payload": "dead",
    "input": "dead",
    "step": "dead",
}


def raw(actor: str, payload: Any, *, version: int = 1, message: bytes | None = None, **options: Any) -> NewRun:
    """A run as some older code would have sent it."""
    run_id = ids.new()
    if version != 1:
        options["version"] = version
    told = {"queue_name": "orders", "actor_name": actor, "args": [payload], "kwargs": {}, "options": options}
    told |= {"message_id": run_id, "message_timestamp": 0}
    return NewRun(run_id, actor, "orders", message or orjson.dumps(told), version=version)


def drawn(dice: random.Random, depth: int = 0) -> Any:
    """Anything that JSON can say."""
    plain = [None, True, 0, 1, -3, 2.5, "", "abc", "ABC", "!x", "7"]
    if depth > 2 or dice.random() < 0.6:
        return dice.choice(plain)
    if dice.random() < 0.5:
        return [drawn(dice, depth + 1) for _ in range(dice.randrange(3))]
    names = ["customer", "first", "last", "sku", "count", "items", "labels", "rate"]
    return {dice.choice(names): drawn(dice, depth + 1) for _ in range(dice.randrange(4))}


def mutated(dice: random.Random, value: dict[str, Any]) -> dict[str, Any]:
    """A payload with something wrong, as a rule."""
    value = orjson.loads(orjson.dumps(value))
    name = dice.choice(list(value))
    how = dice.randrange(5)
    if how == 0:
        del value[name]
    elif how == 1:
        value[name] = drawn(dice)
    elif how == 2:
        value["extra"] = drawn(dice)
    elif how == 3 and isinstance(value[name], list) and value[name]:
        value[name][0] = drawn(dice)
    return value


def sent_by_older_code(dice: random.Random, count: int) -> list[NewRun]:
    """Payloads of all versions, whole and broken."""
    good = {
        1: {"first": "Ada", "last": "L", "sku": "abc"},
        2: {"customer": "Ada", "sku": "abc"},
        3: {"customer": "Ada", "items": [{"sku": "abc", "count": 2}], "labels": {"a": 1}},
    }
    runs = []
    for _ in range(count):
        version = dice.randrange(1, 5)
        whole = good.get(version, good[3])
        runs.append(
            dice.choice(
                [
                    lambda v=version, w=whole: raw("test.order", w, version=v),
                    lambda v=version, w=whole: raw("test.order", mutated(dice, w), version=v),
                    lambda v=version, w=whole: raw("test.order", mutated(dice, w), version=v),
                    lambda v=version: raw("test.order", drawn(dice), version=v),
                    lambda v=version: raw("test.refund", drawn(dice), version=v),
                    lambda: raw("test.tick", drawn(dice)),
                    lambda: raw("test.gone", drawn(dice)),
                    lambda: raw("test.tick", None, models=dice.choice([[], [""], ["offline", "x"], ["a"], 5])),
                    lambda: raw("test.tick", None, message=dice.choice([b"", b"{}", b"[1]", b'{"args": []}'])),
                ]
            )()
        )
    return runs


def remember(here: Stage, run: NewRun, steps: dict[str, Any]) -> None:
    """Have a run remember steps, as one does that was begun by older code."""
    name = keys.run(here.store.namespace, run.id)
    here.store.client.hset(name, mapping={"fence": 1})
    here.store.client.hset(
        keys.steps(here.store.namespace, run.id), mapping={k: orjson.dumps(v) for k, v in steps.items()}
    )


@pytest.fixture
def command_here(here: Stage, tmp_path: Path) -> CommandLine:
    """Commands in a process of their own: the code that is checked is theirs."""
    return CommandLine(Path(__file__).parents[2], here.env())


@pytest.mark.parametrize("seed", [1, 2])
def test_what_it_passes_runs_and_what_it_refuses_is_refused(here: Stage, seed: int) -> None:
    """Some hundred payloads of four versions: each fares in a worker of the new code as was said before it started."""
    dice = random.Random(seed)
    runs = sent_by_older_code(dice, 250)
    order = {"customer": "Ada", "items": [{"sku": "abc", "count": 2}]}
    begun = [raw("test.order", order, version=3) for _ in range(6)]
    runs += begun
    here.store.enqueue(runs)
    kept = [{"weigh": 2}, {"weigh": "2"}, {"weigh": "heavy"}, {"weigh": 2, "pack[0]": 1}, {"weigh": 2, "glue": {}}, {}]
    for run, steps in zip(begun, kept, strict=True):
        if steps:
            remember(here, run, steps)
    foreseen = {kept.id: (found.pop().kind if found else None) for kept, found, _ in look_through(here.broker)}
    assert len(foreseen) == len(runs)
    here.worker(threads=4, modules=[CODE])
    eventually(lambda: set(here.states(foreseen).values()) <= {*FINAL, "parked"}, timedelta(seconds=40))
    fared = here.states(foreseen)
    wrong = {(kind, fared[run]) for run, kind in foreseen.items() if REFUSED[kind] != fared[run]}
    assert not wrong
    assert set(foreseen.values()) == {*REFUSED} - {"input"}


def test_a_payload_that_is_not_whole_yet_is_checked_as_far_as_it_is(here: Stage) -> None:
    """What is given is checked; what another run makes is waited for, then checked too, as the worker will."""

    def made(given: Any, **inputs: tuple[str, bool, bool]) -> NewRun:
        told = {into: {"runs": [run], "many": many, "outcome": soft} for into, (run, many, soft) in inputs.items()}
        run = raw("test.bill.made", given, inputs=told)
        return NewRun(run.id, run.actor, run.queue, run.message, needs=1)

    coming, number, word = (raw("test.tick", None) for _ in range(3))
    here.store.enqueue([coming, number, word])
    for run, result in ((number, b"7"), (word, b'"seven"')):
        name = keys.run(here.store.namespace, run.id)
        here.store.client.hset(name, mapping={"state": "completed", "result": result})
    cases = [
        (made({"rate": 2}, weight=(coming.id, False, False)), None),
        (made({"rate": "two"}, weight=(coming.id, False, False)), "payload rate"),
        (made({}, weight=(coming.id, False, False)), "payload rate"),
        (made({"rate": 2}, heft=(coming.id, False, False)), "payload weight"),
        (made({"rate": 2, "weight": 1}, heft=(coming.id, False, False)), "payload heft"),
        (made(None, **{"": (coming.id, False, False)}), None),
        (made({"rate": 2}, weight=(number.id, False, False)), None),
        (made({"rate": 2}, weight=(word.id, False, False)), "payload weight"),
        (made({"rate": 2}, weight=("gone", False, False)), "input "),
        (made({"rate": 2, "weight": 3}, boxes=("gone", True, True)), None),
        (made({"rate": 2, "weight": 3}, boxes=(number.id, True, True)), "payload boxes.*.value"),
        (made({"rate": 2, "weight": 3}, boxes=(word.id, True, True)), None),
    ]
    here.store.enqueue([run for run, _ in cases])
    found = {kept.id: troubles for kept, troubles, _ in look_through(here.broker)}
    told = [f"{trouble.kind} {trouble.field}" for run, _ in cases for trouble in found[run.id] or [None] if trouble]
    assert told == [wanted for _, wanted in cases if wanted]


def test_every_place_where_a_run_may_be_is_looked_at(here: Stage) -> None:
    """Queued, behind a gate, delayed, waiting, parked, running, in review and dead; what has ended well is not."""
    store, ns, at = here.store, here.store.namespace, 1_700_000_000_000
    runs = [raw("test.refund", 1) for _ in range(9)]
    queued, held, delayed, waiting, parked, running, review, dead, done = runs
    store.enqueue([queued, held])
    store.client.zrem(keys.ready_group(ns, "orders", "2:"), held.id)
    store.client.hset(keys.held(ns), "orders\n2:\x1fl:one", "l:one")
    store.client.zadd(keys.ready_group(ns, "orders", "2:\x1fl:one"), {held.id: 1})
    store.enqueue([NewRun(delayed.id, delayed.actor, "orders", delayed.message, delay_ms=60_000)])
    store.enqueue([NewRun(waiting.id, waiting.actor, "orders", waiting.message, needs=1)])
    places = {
        keys.parked_actor(ns, "test.refund"): parked,
        keys.leases(ns): running,
        keys.review(ns): review,
        keys.finished(ns, "dead"): dead,
        keys.finished(ns, "completed"): done,
    }
    store.client.sadd(keys.parked(ns), "test.refund")
    for index, run in places.items():
        store.client.zadd(index, {run.id: at})
        mapping = {
            "message": run.message,
            "actor": run.actor,
            "queue": "orders",
            "state": "completed" if run is done else "dead",
        }
        store.client.hset(keys.run(ns, run.id), mapping=mapping)
    before = store.client.info("commandstats")
    report = check_deploy(here.broker)
    after = store.client.info("commandstats")
    called = {name for name in after if after[name]["calls"] > before.get(name, {"calls": 0})["calls"]}
    [group] = report.findings()
    assert report.checked == group.count == len(runs) - 1
    assert (group.trouble.kind, group.trouble.actor, group.trouble.version) == ("version", "test.refund", 1)
    assert called <= {f"cmdstat_{name}" for name in ("smembers", "zscan", "hscan", "hmget", "hkeys", "zrange", "info")}
    without = check_deploy(here.broker, places=("queued",))
    assert without.checked == 2


def test_the_command_names_what_is_wrong_and_never_what_is_in_a_payload(here: Stage, command_here: CommandLine) -> None:
    """Groups with counts and examples; values, keys of the payload's own and words of its code stay where they are."""
    order = {"customer": "!" + CANARY, "items": [{"sku": "abc", "count": 2}]}
    keyed = {"customer": "Ada", "items": [], "labels": {CANARY: "x"}}
    several = [raw("test.order", payload, version=3) for payload in (order, keyed, {**keyed, "labels": {}, CANARY: 1})]
    gone = [raw("test.gone", CANARY) for _ in range(7)]
    here.store.enqueue(
        [
            *several,
            *gone,
            raw("test.tick", None),
            raw("test.order", {"first": CANARY}),
            raw("test.order", CANARY, version=3),
        ]
    )
    asked = command_here("deploy-check", CODE, "--json", code=1)
    plain = command_here("deploy-check", CODE, code=1)
    assert CANARY not in asked.stdout + asked.stderr + plain.stdout + plain.stderr
    found = {(row["kind"], row["actor"], row["field"]): row for row in asked.json["findings"]}
    assert set(found) == {
        ("unknown_actor", "test.gone", ""),
        ("payload", "test.order", "customer"),
        ("payload", "test.order", "labels.*"),
        ("payload", "test.order", "*"),
        ("payload", "test.order", "payload"),
        ("upgrade", "test.order", ""),
    }
    row = found["unknown_actor", "test.gone", ""]
    assert (row["count"], row["states"], len(row["examples"])) == (7, {"queued": 7}, 5)
    assert set(row["examples"]) < {run.id for run in gone}
    assert asked.json["checked"] == len(several) + len(gone) + 3
    assert "7 queued; parked until code that knows the actor is back" in plain.stdout


def test_what_can_be_read_is_passed_and_what_cannot_be_asked_is_told(here: Stage, command_here: CommandLine) -> None:
    """Exit codes 0 and 5; a schedule whose actor is gone is found, one that is paused is not."""
    here.store.enqueue([raw("test.tick", None)])
    assert command_here("deploy-check", CODE, "--json").json["ok"] is True
    command_here("deploy-check", code=5, REDIS_URL="redis://127.0.0.1:1/0")
    ns = here.store.namespace
    for name, more in (("gone", {}), ("gone.paused", {"paused_ms": 1}), ("kept", {})):
        actor = "test.tick" if name == "kept" else "test.gone"
        told = orjson.dumps({"schedule": name, "actor": actor})
        here.store.client.zadd(keys.schedules(ns), {name: 1})
        here.store.client.hset(keys.schedule(ns, name), mapping={"declared": told, "times": "x", "last_ms": 1, **more})
    report = check_deploy(here.broker)
    assert [group.trouble for group in report.findings()] == [
        Trouble("schedule", "test.gone", why="the schedule gone starts it")
    ]
    assert [note for note in report.notes if "kept" in note]

"""A scenario in which the code is replaced while runs of the old and of the new one wait and run (R17)."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import orjson

from pipeline.engine import keys
from tests.chaos.stage import Report, Stage
from tests.support.waiting import eventually

OLD, NEW = "tests.actors.deployed_old", "tests.actors.deployed_new"

# Sends from a process with one of the two versions: no process may know both.
_SENDER = """
import importlib, json, os, sys
from pipeline.blobs import Blobs
from pipeline.declaration import bind
from pipeline.engine.broker import PipelineBroker
from pipeline.engine.connection import connect
from pipeline.engine.store import Store
from pipeline.engine.values import Values
module, asked = importlib.import_module(sys.argv[1]), json.loads(sys.argv[2])
store = Store(connect(os.environ["REDIS_URL"]), os.environ["DRAMATURG_NAMESPACE"])
bind(PipelineBroker(store, Values(Blobs(os.environ["DRAMATURG_HOME"] + "/blobs"))))
ids = {name: [h.id for h in getattr(module, name).send_many(payloads)] for name, payloads in asked.items()}
print("SENT " + json.dumps(ids))
"""

#: A parcel of either version, or one that was begun by the one and finished by the other.
_PARCEL = re.compile(r"packed (sealed|weighed locked) posted")


def histories(here: Stage, *, runs: int, threads: int, step_s: float, settled: timedelta) -> Report:
    """R17: runs that v1 began go on in v2 where their steps fit, and are refused by name where they do not.

    Which ones these are ``deploy-check`` has said before v2 was started.
    """
    report = Report()
    old = here.worker(threads=threads, modules=[OLD])
    sent = _send(here, OLD, {"parcel": [step_s] * runs, "letter": [step_s] * runs})

    def begun() -> bool:
        """Some of both have finished their first step, and have two more before them."""
        done = Counter(entry.step for entry in here.ledger.entries(what="step"))
        return done["stamp"] > 1 and done["pack"] > 1

    eventually(begun, timedelta(seconds=60))
    old.terminate()
    code = old.wait(timedelta(seconds=30))
    ns, client = here.store.namespace, here.store.client
    stamped = {run for run in sent["letter"] if client.hexists(keys.steps(ns, run), "stamp")}
    stamped &= {run for run, state in here.states(sent["letter"]).items() if state != "completed"}
    packed = {run for run in sent["parcel"] if client.exists(keys.steps(ns, run))}
    told = _checked(here)
    here.worker(threads=8, modules=[NEW])
    states = here.settle([*sent["parcel"], *sent["letter"]], settled)
    dead = {run for run, state in states.items() if state == "dead"}
    _, forgotten = here.begun_again()
    why = {run: str((here.inspector.show(run) or {}).get("errors", [{}])[-1].get("message")) for run in dead}
    [found] = told["findings"] or [{}]
    report.figures = {"runs": 2 * runs, "begun by v1": len(packed) + len(stamped), "refused by name": len(dead)}
    report.figures |= {"foreseen": found.get("count", 0)}
    report.expect("the old worker ends in order, with runs begun", code == 0 and packed and stamped)
    foreseen = (found.get("kind"), found.get("actor"), found.get("field"))
    report.expect(f"what does not fit is foreseen: {found}", foreseen == ("step", "test.letter", "stamp"))
    report.expect(f"all of it: {found.get('count')} of {len(stamped)}", found.get("count") == len(stamped))
    report.expect(f"no other is refused: {dead ^ stamped}", dead == stamped)
    named = all("step 'stamp' was saved by another version" in text for text in why.values())
    report.expect(f"the step is named: {list(why.values())[:1]}", named)
    report.expect("all others complete", all(state == "completed" for run, state in states.items() if run not in dead))
    report.expect(f"no finished step is repeated: {forgotten}", not forgotten)
    return report


def rolling(  # noqa: PLR0915 - one story, told in the order in which it happens
    here: Stage, *, runs: int, step_s: float, arrival: timedelta, settled: timedelta, checked: bool = False
) -> Report:
    """R17: v1 and v2 workers side by side, then v2 alone, then v1 again; nothing is dead by it, nothing is repeated."""
    report = Report()
    old = [here.worker(threads=2, modules=[OLD]) for _ in range(2)]
    second = {
        "bill": [{"customer": f"c{n}", "amount": n} for n in range(runs // 8)],
        "greeting": [f"g{n}" for n in range(runs // 8)],
    }
    late = _send(here, NEW, second)
    eventually(lambda: set(here.states([*late["bill"], *late["greeting"]]).values()) == {"parked"})
    new = [here.worker(threads=2, modules=[NEW], ready=False) for _ in range(2)]
    for worker in new:
        worker.wait_for_output("worker_ready")
    arrived = time.monotonic()
    first = {
        "bill": [{"name": f"n{n}", "amount": n} for n in range(runs // 4)],
        "parcel": [step_s] * (runs // 2),
        "telegram": [f"t{n}" for n in range(runs // 4)],
    }
    greeted = here.settle(late["greeting"], arrival + timedelta(seconds=20))
    took = time.monotonic() - arrived
    early = _send(here, OLD, first)
    if checked:
        kinds = {(found["kind"], found["actor"]) for found in _checked(here)["findings"]}
        report.expect(f"only what is removed is found: {kinds}", kinds <= {("unknown_actor", "test.telegram")})
    pids = {worker.pid for worker in old}
    eventually(lambda: sum(e.worker in pids for e in here.ledger.entries(what="entered")) > 1, timedelta(seconds=30))
    for worker in old:
        worker.terminate()
    codes = [worker.wait(timedelta(seconds=30)) for worker in old]
    known = [*early["bill"], *early["parcel"], *late["bill"], *late["greeting"]]
    states = here.settle(known, settled)
    # What only the old code knows waits for it, and for nothing else.
    eventually(lambda: set(here.states(early["telegram"]).values()) <= {"completed", "parked"}, settled)
    left = Counter(here.states(early["telegram"]).values())
    here.worker(threads=4, modules=[OLD])
    back = here.settle(early["telegram"], settled)
    results = {run: orjson.loads(here.inspector.result(run) or b"null") for run in known}
    again, forgotten = here.begun_again()
    everything = [*known, *early["telegram"]]
    dead = [run for run, state in here.states(everything).items() if state == "dead"]
    spent = [run for run in everything if (here.inspector.show(run) or {}).get("attempt") != 1]
    across = sum("interrupted" in here.events_of(run) for run in early["parcel"])
    report.figures = {"runs": len(everything), "dead": len(dead), "new actor after_s": round(took, 1)}
    report.figures |= {"finished by the other code": across, "parked with the old code": left["parked"]}
    report.expect(f"the old workers end in order: {codes}", codes == [0, 0])
    report.expect("in the middle of runs", across)
    report.expect(f"nothing is dead: {dead[:3]}", not dead)
    report.expect(f"all complete: {Counter(states.values())}", set(states.values()) == {"completed"})
    report.expect(
        f"the new actor runs within {arrival}", took <= arrival.total_seconds() and "parked" not in greeted.values()
    )
    report.expect(f"what was removed waits: {left}", left["parked"])
    report.expect(f"and runs when it is back: {Counter(back.values())}", set(back.values()) == {"completed"})
    report.expect(f"no attempt is spent on it: {len(spent)}", not spent)
    report.expect(f"no finished step is repeated: {forgotten}", not forgotten and not again)
    wanted = {run: f"n{n} owes {n}" for n, run in enumerate(early["bill"])}
    wanted |= {run: f"c{n} owes {n}" for n, run in enumerate(late["bill"])}
    wanted |= {run: f"hello g{n}" for n, run in enumerate(late["greeting"])}
    wrong = {run: results[run] for run in wanted if results[run] != wanted[run]}
    report.expect(f"every result is right: {list(wrong.items())[:3]}", not wrong)
    odd = [results[run] for run in early["parcel"] if not _PARCEL.fullmatch(results[run])]
    report.expect(f"a parcel is packed in the one way or in the other: {odd[:3]}", not odd)
    report.expect("the new workers live", all(worker.alive for worker in new))
    return report


def _checked(here: Stage) -> dict[str, Any]:
    asked = here.running.python("-m", "pipeline.cli", "deploy-check", NEW, "--json", env=here.env())
    code = asked.wait(timedelta(seconds=60))
    told: dict[str, Any] = orjson.loads(asked.output.splitlines()[-1])
    assert code == bool(told["findings"]), asked.output
    return told


def _send(here: Stage, module: str, asked: Mapping[str, object]) -> dict[str, list[str]]:
    sender = here.running.python("-c", _SENDER, module, orjson.dumps(asked).decode(), env=here.env())
    assert sender.wait(timedelta(seconds=60)) == 0, sender.output
    ids: dict[str, list[str]] = orjson.loads(sender.output.split("SENT ")[1])
    here.ledger.accept(run for runs in ids.values() for run in runs)
    return ids

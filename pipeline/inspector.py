"""Looks at runs from outside, and acts on them: list, show, watch, cancel, retry, discard."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import orjson

from pipeline.engine import keys
from pipeline.event_log import EventLog
from pipeline.events import FINAL
from pipeline.priority import TIERS

#: How many runs of a state are looked through for those of one queue or actor: more than are kept.
_SEARCHED = 10_000

#: How many records are read in one round trip.
_PORTION = 100

if TYPE_CHECKING:
    from pipeline.engine.store import Store
    from pipeline.engine.values import Values

#: Where runs are looked for when no state is asked for, in this order.
_PLACES = ("running", "queued", "delayed", "waiting", "review", "parked", "completed", "dead", "cancelled")

#: Fields of a record that are numbers.
_NUMBERS = frozenset(
    {
        "queued_ms",
        "due_ms",
        "deadline_ms",
        "started_ms",
        "finished_ms",
        "fence",
        "starts",
        "attempt",
        "snoozes",
        "number",
        "needs",
        "brood",
        "version",
        "patience_ms",
        "waited_ms",
        "timeouts",
    }
)


class Inspector(EventLog):
    """Reads run records and their logs; what it changes, it changes through the engine's scripts."""

    def __init__(self, store: Store, values: Values) -> None:
        super().__init__(store)
        self._values = values

    def show(self, run_id: str) -> dict[str, Any] | None:
        """Give everything that is known of a run: record, payload, result, errors, finished steps."""
        record = self._record(self._store.read("hgetall", keys.run(self._ns, run_id)))
        if record is None:
            return None
        record["id"] = run_id
        record["errors"] = [
            orjson.loads(item) for item in self._store.read("lrange", keys.errors(self._ns, run_id), 0, -1)
        ]
        steps = self._store.read("hgetall", keys.steps(self._ns, run_id))
        # What begins so is the framework's own.
        record["steps"] = sorted(name.decode() for name in steps if not name.startswith(b"~"))
        record["calls"] = [
            orjson.loads(item) for item in self._store.read("lrange", keys.calls(self._ns, run_id), 0, -1)
        ]
        record["grades"] = {
            name.decode().removeprefix("gate:"): _json(self._values.unpack(value))
            for name, value in steps.items()
            if name.startswith(b"gate:")
        }
        record["children"] = self._store.read("scard", keys.children(self._ns, run_id))
        if record["state"] == "queued":
            record |= self._held(record)
        return record

    def _held(self, record: dict[str, Any]) -> dict[str, Any]:
        """Give the gate that a run's lane waits at, and when it is looked at again."""
        lane = f"{TIERS.index(record['tier'])}:{record.get('group', '')}"
        if gates := record.get("gates"):
            lane += f"\x1f{gates}"
        gate = _text(self._store.read("hget", keys.held(self._ns), f"{record['queue']}\n{lane}"))
        if gate is None:
            return {}
        at_ms = self._store.read("zscore", keys.gates(self._ns), gate)
        return {"waits_at": gate} | ({} if at_ms is None else {"next_try_ms": int(at_ms)})

    def result(self, run_id: str) -> bytes | None:
        """Give a completed run's result as JSON."""
        stored = self._store.read("hget", keys.run(self._ns, run_id), "result")
        return None if stored is None else self._values.unpack(stored)

    def wait(self, run_id: str, timeout: timedelta | None = None) -> str:
        """Block until a run ended, and give its final state; raises ``TimeoutError``, ``KeyError`` if it is unknown."""
        state = self.state(run_id)
        if state is None:
            raise KeyError(run_id)
        if state not in FINAL:
            for _ in self.events(run_id, timeout=timeout):
                pass  # an end among them may have been followed by another chance: the state says when it is over
            state = self.state(run_id) or "completed"
        return state

    def list_runs(self, state: str = "", *, queue: str = "", actor: str = "", limit: int = 50) -> list[dict[str, Any]]:
        """Give runs, newest first: of one state, or running ones, then waiting, then finished ones."""
        rows: list[dict[str, Any]] = []
        # Several states wait for their time in one index, and one may ask for all of them.
        wanted = {"queue": queue, "actor": actor, "state": "" if state == "delayed" else state}
        for name in [state] if state else list(_PLACES):
            found = self._ids(name, _SEARCHED if queue or actor else limit)
            for at in range(0, len(found), _PORTION):
                portion = found[at : at + _PORTION]
                every = self._store.read_each("hgetall", [(keys.run(self._ns, run_id),) for run_id in portion])
                for run_id, raw in zip(portion, every, strict=True):
                    raw.pop(b"result", None)  # may be large, and a list is no place for it
                    record = self._record(raw)
                    if record and all(not value or record[name] == value for name, value in wanted.items()):
                        rows.append({"id": run_id} | record)
                    if len(rows) >= limit:
                        return rows
        return rows

    def queues(self) -> list[dict[str, Any]]:
        """Give every queue: runs ready in each tier, running and delayed, and how old the oldest ready one is."""
        now_ms = self.now_ms()
        rows = []
        waiting = self._by_queue("delayed")
        running = self._by_queue("leases")
        for queue in sorted(name.decode() for name in self._store.read("smembers", keys.queues(self._ns))):
            tiers = dict.fromkeys(TIERS, 0)
            oldest: int | None = None
            members = self._store.read("zrange", keys.ready(self._ns, queue), 0, 999)
            lines = [keys.ready_group(self._ns, queue, member.decode()) for member in members]
            for member, size in zip(members, self._store.read_each("zcard", [(line,) for line in lines]), strict=True):
                tiers[TIERS[int(member.split(b":")[0])]] += size
            first = [
                run_id
                for run_ids in self._store.read_each("zrange", [(line, 0, 0) for line in lines])
                for run_id in run_ids
            ]
            for queued in self._store.read_each("hget", [(keys.run(self._ns, i.decode()), "queued_ms") for i in first]):
                oldest = min(int(queued or now_ms), now_ms if oldest is None else oldest)
            rows.append(
                {
                    "queue": queue,
                    "ready": sum(tiers.values()),
                    "tiers": tiers,
                    "running": running.get(queue, 0),
                    "delayed": waiting.get(queue, 0),
                    "oldest_s": None if oldest is None else round((now_ms - oldest) / 1000, 3),
                }
            )
        return rows

    def workers(self) -> list[dict[str, Any]]:
        """Give the worker processes heard of in the last fifteen seconds."""
        now_ms = self.now_ms()
        seen = self._store.read("zrangebyscore", keys.workers(self._ns), now_ms - 15_000, "+inf", withscores=True)
        return [{"worker": name.decode(), "seen_s": round((now_ms - at) / 1000, 1)} for name, at in seen]

    def flow(self, flow_id: str) -> dict[str, Any] | None:
        """Give a flow: name, state, and for each node its run and final state, if it has one."""
        raw = {k.decode(): v.decode() for k, v in self._store.read("hgetall", keys.flow(self._ns, flow_id)).items()}
        if not raw:
            return None
        nodes = {
            name.removeprefix("run:"): {"run": run_id, "state": raw.get("node:" + name.removeprefix("run:"))}
            for name, run_id in raw.items()
            if name.startswith("run:")
        }
        return {"id": flow_id, "name": raw["name"], "state": raw["state"], "nodes": nodes}

    def cancel(self, run_id: str) -> str | None:
        """Stop a run and its children, or every node of a flow: 'cancelled', 'asked', its final state, or none."""
        reply = self._store.cancel_run(run_id)
        if reply is None:
            return self._cancel_flow(run_id)
        if reply in {"cancelled", "asked"}:
            self._cancel_children(run_id)
        return reply

    def _cancel_children(self, run_id: str) -> None:
        # Those it has not started yet find out when their turn comes (claim.lua).
        at = 0
        while True:
            at, found = self._store.read("sscan", keys.children(self._ns, run_id), at, count=200)
            for child in found:
                self.cancel(child.decode())
            if at == 0:
                return

    def _cancel_flow(self, flow_id: str) -> str | None:
        flow = self.flow(flow_id)
        if flow is None:
            return None
        # What waits goes first: cancelled by hand it says so, and not that an input could not come.
        replies = {self.cancel(node["run"]) for node in reversed(flow["nodes"].values())}
        if "asked" in replies:
            return "asked"
        return "cancelled" if flow["state"] == "running" else str(flow["state"])

    def retry(self, run_id: str) -> int:
        """Queue a dead run again, finished steps kept: 1 queued, 0 not dead, -1 unknown.

        In a flow everything that was made without it, or could not be made, is made again after it.
        """
        flow_id = _text(self._store.read("hget", keys.run(self._ns, run_id), "flow"))
        if flow_id is None or self._store.read("exists", keys.flow(self._ns, flow_id)) == 0:
            return self._store.retry_run(run_id)
        if self.state(run_id) != "dead":
            return 0
        return min(1, self._store.reopen(flow_id, "retried", {run_id: b""}, keep_steps=True))

    def discard(self, run_id: str) -> int:
        """Remove a finished run: 1 removed, 0 not finished, -1 unknown."""
        return self._store.discard_run(run_id)

    def now_ms(self) -> int:
        """Give the time of Redis."""
        seconds, micros = self._store.read("time")
        return int(seconds) * 1000 + int(micros) // 1000

    def _ids(self, state: str, limit: int) -> list[str]:
        if state == "running":
            found = self._store.read("zrange", keys.leases(self._ns), 0, limit - 1)
        elif state in {"delayed", "retrying", "snoozed"}:
            found = self._store.read("zrange", keys.delayed(self._ns), 0, limit - 1)
        elif state == "queued":
            found = []
            for queue in self._store.read("smembers", keys.queues(self._ns)):
                for member in self._store.read("zrange", keys.ready(self._ns, queue.decode()), 0, 99):
                    line = keys.ready_group(self._ns, queue.decode(), member.decode())
                    found += self._store.read("zrange", line, 0, limit - 1)
        elif state in {"review", "waiting"}:
            found = self._store.read("zrange", getattr(keys, state)(self._ns), 0, limit - 1)
        elif state == "parked":
            found = []
            for actor in self._store.read("smembers", keys.parked(self._ns)):
                found += self._store.read("zrange", keys.parked_actor(self._ns, actor.decode()), 0, limit - 1)
        else:
            found = self._store.read("zrange", keys.finished(self._ns, state), 0, limit - 1, desc=True)
        return [run_id.decode() for run_id in found]

    def _by_queue(self, index: str) -> dict[str, int]:
        found = self._store.read("zrange", getattr(keys, index)(self._ns), 0, 999)
        counts: dict[str, int] = {}
        for raw in self._store.read_each("hget", [(keys.run(self._ns, run_id.decode()), "queue") for run_id in found]):
            queue = _text(raw) or ""
            counts[queue] = counts.get(queue, 0) + 1
        return counts

    def _record(self, raw: dict[bytes, bytes]) -> dict[str, Any] | None:
        if not raw:
            return None
        record: dict[str, Any] = {}
        for field, value in raw.items():
            name = field.decode()
            if name in {"message", "result", "progress"}:
                record[name] = _json(value) if name != "result" else value
            elif name in _NUMBERS:
                record[name] = int(value)
            elif name == "review":
                record[name] = _json(value)
            elif name not in {"place", "claim", "watched", "more", "reported", "answered"} and not name.startswith(
                ("in:", "await:")
            ):
                record[name] = value.decode(errors="replace")
        if isinstance(record.get("message"), dict):
            args = record["message"].get("args")
            record["payload"] = args[0] if isinstance(args, list) and args else None
        if "result" in record:
            record["result"] = _json(self._values.unpack(record["result"]))
        record["tier"] = TIERS[int(record.get("tier", 2))]
        return record


def _json(value: bytes) -> Any:
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return value.decode(errors="replace")


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode()

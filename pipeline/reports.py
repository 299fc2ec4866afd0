"""Makes reports from what is kept of runs and flows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import orjson

from pipeline.engine import keys
from pipeline.events import FINAL
from pipeline.report import EffectReport, Failure, GateReport, Items, Member, ModelUse, Report, Status
from pipeline.verdict import HOPELESS

if TYPE_CHECKING:
    from pipeline.inspector import Inspector

#: Runs that one report takes in, at most.
MOST_RUNS = 10_000

_OF_FLOWS: dict[str, Status] = {"running": "running", "completed": "success", "partial": "partial", "failed": "failed"}


class Reports:
    """Reports of runs and flows, as of now."""

    def __init__(self, inspector: Inspector) -> None:
        self._inspector = inspector
        self._store = inspector.store
        self._ns = inspector.store.namespace

    def find(self, owner: str) -> Report | None:
        """Give the report of a run or a flow, whichever has this id; none if it is unknown or was removed."""
        return self.run(owner) or self.flow(owner)

    def run(self, run_id: str) -> Report | None:
        """Give the report of a run and of the runs it started; none if it is unknown or was removed."""
        record = self._inspector.show(run_id)
        if record is None:
            return None
        children = self._children([run_id])
        state = record["state"]
        failed = [child for child in children if child["state"] in FINAL - {"completed"}]
        status: Status = "running"
        if state == "completed":
            status = "partial" if failed else "success"
        elif state in FINAL:
            status = "failed"
        told = record.get("progress") or {}
        items = Items(total=told.get("total", 0), done=told.get("done", 0))
        if children:
            items = _items(children)
        report = self._sum([record, *children])
        return Report(id=run_id, kind="run", name=record["actor"], status=status, state=state, items=items, **report)

    def flow(self, flow_id: str) -> Report | None:
        """Give the report of a flow; none if it is unknown or was removed."""
        flow = self._inspector.flow(flow_id)
        if flow is None:
            return None
        shown = (self._inspector.show(node["run"]) for node in flow["nodes"].values())
        nodes = sorted((record for record in shown if record), key=lambda record: record.get("queued_ms", 0))
        report = self._sum([*nodes, *self._children([node["id"] for node in nodes])])
        status = _OF_FLOWS.get(flow["state"], "running")
        return Report(
            id=flow_id,
            kind="flow",
            name=flow["name"],
            status=status,
            state=flow["state"],
            items=_items(nodes),
            **report,
        )

    def _children(self, run_ids: list[str]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        todo = list(run_ids)
        seen = set(todo)
        while todo and len(found) < MOST_RUNS:
            names = self._store.read("smembers", keys.children(self._ns, todo.pop()))
            new = sorted({name.decode() for name in names} - seen)
            seen.update(new)
            shown = [record for name in new if (record := self._inspector.show(name)) is not None]
            found += shown
            todo += [record["id"] for record in shown if record.get("children")]
        return found

    def _sum(self, records: list[dict[str, Any]]) -> dict[str, Any]:
        calls = [call for record in records for call in record.get("calls", ())]
        started = [record["started_ms"] for record in records if record.get("started_ms")]
        began = min(started, default=None)
        ended = max((r["finished_ms"] for r in records if r.get("finished_ms")), default=None)
        over = all(record["state"] in FINAL for record in records)
        until = ended if over else self._inspector.now_ms()
        models = _models(calls)
        return {
            "reason": records[0].get("reason", "") if len(records) == 1 else "",
            "queued_ms": min((r["queued_ms"] for r in records if r.get("queued_ms")), default=None),
            "started_ms": began,
            "finished_ms": ended if over else None,
            "seconds": None if began is None or until is None else round(max(0, until - began) / 1000, 3),
            "attempts": sum(record.get("attempt", 0) for record in records),
            "waits": sum(record.get("snoozes", 0) for record in records),
            "steps": sum(len(record["steps"]) for record in records),
            "degraded": tuple(record["degraded"] for record in records if record.get("degraded")),
            "models": models,
            **{name: sum(getattr(use, name) for use in models) for name in _SUMS},
            "gates": tuple(gate for record in records for gate in _gates(record)),
            "effects": tuple(effect for record in records for effect in self._effects(record)),
            "failures": tuple(_failure(r) for r in records if r["state"] in FINAL - {"completed"}),
            "runs": tuple(_member(record) for record in records),
        }

    def _effects(self, record: dict[str, Any]) -> Iterable[EffectReport]:
        names = [name for name in record["steps"] if name.startswith("effect:")]
        for name in names:
            stored = self._store.read("hget", keys.steps(self._ns, record["id"]), name)
            if stored is not None:
                entry = orjson.loads(self._inspector._values.unpack(stored))  # noqa: SLF001 - one idea in two files
                key = name.removeprefix("effect:")
                yield EffectReport(run=record["id"], key=key, state=entry["state"], calls=entry.get("call", 1))


_SUMS = ("calls", "tokens_in", "tokens_out", "tokens_cached", "micros")


def _items(records: list[dict[str, Any]]) -> Items:
    states = [record["state"] for record in records]
    failed = sum(state in FINAL - {"completed"} for state in states)
    return Items(total=len(states), done=states.count("completed"), failed=failed)


def _models(calls: list[dict[str, Any]]) -> tuple[ModelUse, ...]:
    by_model: dict[str, list[dict[str, Any]]] = {}
    for call in calls:
        by_model.setdefault(call["model"], []).append(call)
    return tuple(
        ModelUse(
            model=model,
            calls=len(of_it),
            failed=sum(call.get("outcome", "ok") != "ok" for call in of_it),
            tokens_in=sum(call.get("tokens_in") or 0 for call in of_it),
            tokens_out=sum(call.get("tokens_out") or 0 for call in of_it),
            tokens_cached=sum(call.get("tokens_cached") or 0 for call in of_it),
            micros=sum(call.get("micros") or 0 for call in of_it),
            seconds=round(sum(call.get("seconds") or 0 for call in of_it), 3),
            reasons=tuple(dict.fromkeys(call["reason"] for call in of_it if call.get("reason"))),
        )
        for model, of_it in by_model.items()
    )


def _gates(record: dict[str, Any]) -> Iterable[GateReport]:
    for name, grades in (record.get("grades") or {}).items():
        if isinstance(grades, list) and grades:
            yield GateReport(
                run=record["id"],
                name=name,
                threshold=grades[-1]["threshold"],
                scores=tuple(grade["score"] for grade in grades),
                models=tuple(grade["model"] for grade in grades),
                accepted=any(grade.get("accepted") for grade in grades),
            )


def _failure(record: dict[str, Any]) -> Failure:
    last = record["errors"][-1] if record["errors"] else {}
    kind = str(last.get("kind", ""))
    return Failure(
        run=record["id"],
        actor=record["actor"],
        node=record.get("node", ""),
        state=record["state"],
        reason=record.get("reason", ""),
        kind=kind,
        message=str(last.get("message", "")),
        input=record.get("payload"),
        retryable=record["state"] == "dead" and kind not in HOPELESS,
    )


def _member(record: dict[str, Any]) -> Member:
    began, ended = record.get("started_ms"), record.get("finished_ms")
    return Member(
        run=record["id"],
        actor=record["actor"],
        node=record.get("node", ""),
        state=record["state"],
        attempts=record.get("attempt", 0),
        waits=record.get("snoozes", 0),
        seconds=round((ended - began) / 1000, 3) if began and ended else None,
    )

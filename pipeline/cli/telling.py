"""How a run is told: one row in a list, everything there is about one, and what happens to it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pipeline.cli.output import ago, clean, clock, console, print_table, took

if TYPE_CHECKING:
    from pipeline.events import Event

#: Fields of a record that a list leaves out: they may be large.
LARGE = frozenset({"message", "payload", "result", "feeds"})

#: What ``show`` prints of a record, in this order.
_SHOWN = (
    "queue", "tier", "number", "group", "key", "flow", "node", "correlation", "worker", "attempt", "starts", "snoozes",
    "queued_ms", "due_ms", "deadline_ms", "started_ms", "finished_ms", "reason", "needs", "waits_at", "next_try_ms",
    "degraded", "parent", "children", "retry_of", "retried_as",
)  # fmt: skip

_STYLES = {"completed": "green", "dead": "red", "cancelled": "yellow", "retrying": "yellow"}


def row_as_json(record: dict[str, Any]) -> dict[str, Any]:
    """Give a run as an item of a list."""
    return {name: value for name, value in record.items() if name not in LARGE}


def record_as_json(record: dict[str, Any]) -> dict[str, Any]:
    """Give everything about a run."""
    return {name: value for name, value in record.items() if name not in {"message", "feeds"}}


def event_as_json(event: Event) -> dict[str, Any]:
    """Give an event."""
    return {"id": event.id, "run": event.run, "event": event.event, "at_ms": event.at_ms, "data": event.data}


def print_rows(records: list[dict[str, Any]], *, now_ms: int, empty: str) -> None:
    """Print runs as a table."""
    print_table(
        ("!id", "actor", "state", ">since", "queue", "*about"),
        ((r["id"], r["actor"], r["state"], ago(_since_ms(r), now_ms), r["queue"], _about(r)) for r in records),
        empty=empty,
    )


def print_record(record: dict[str, Any]) -> None:
    """Print everything about a run."""
    from rich.text import Text

    out = console()
    head = Text(f"{clean(record['actor'])}  {record['id']}  ", style="bold")
    head.append(str(record["state"]), style=_STYLES.get(record["state"], "cyan"))
    out.print(head)
    for name in _SHOWN:
        value = record.get(name)
        if value in ("", None, 0):
            continue
        shown = clock(value) if name.endswith("_ms") else clean(value)
        out.print(Text(f"  {name.removesuffix('_ms'):<14}{shown}"), soft_wrap=True)
    began, ended = record.get("started_ms"), record.get("finished_ms")
    if began and ended:
        out.print(Text(f"  {'took':<14}{took((ended - began) / 1000)}"))
    if record.get("progress"):
        out.print(Text(f"  {'progress':<14}{_progress(record['progress'])}"), soft_wrap=True)
    if record["steps"]:
        out.print(Text(f"  {'steps':<14}{clean(', '.join(record['steps']))}"), soft_wrap=True)
    for call in record["calls"]:
        out.print(Text(f"  {'call':<14}{_call(call)}"), soft_wrap=True)
    for gate, grades in record["grades"].items():
        out.print(Text(f"  {'gate':<14}{clean(gate)}: {_grades(grades)}"), soft_wrap=True)
    _print_json("payload", record.get("payload"))
    if "result" in record:
        _print_json("result", record["result"])
    for number, error in enumerate(record["errors"], 1):
        _print_error(number, error)


def _call(call: dict[str, Any]) -> str:
    tokens = f"{call['tokens_in']} tokens in ({call['tokens_cached']} cached), {call['tokens_out']} out"
    money = f", ${call['micros'] / 1_000_000:.6f}" if call["micros"] else ""
    why = f" in place of {call['asked']} ({call['reason']})" if call["reason"] else ""
    return clean(f"{call['model']}{why}: {call['outcome']}, {tokens}{money}, {call['seconds']:g} s")


def _grades(grades: Any) -> str:
    if not isinstance(grades, list):
        return clean(json.dumps(grades, ensure_ascii=False, default=str))
    told = (f"{g['score']:.2f} of {g['threshold']:.2f} ({g['model']})" for g in grades)
    return clean(", ".join(told))


def told(event: Event) -> str:
    """Give an event as a line."""
    data = dict(event.data)
    if event.event == "progress":
        said = _progress(data)
    else:
        said = ", ".join(f"{name} {value}" for name, value in data.items() if value not in ("", None))
    return clean(f"{clock(event.at_ms)}  {event.event:<12} {said}").rstrip()


def _since_ms(record: dict[str, Any]) -> int | None:
    moment: int | None = record.get("finished_ms") or record.get("started_ms") or record.get("queued_ms")
    return moment


def _about(record: dict[str, Any]) -> str:
    if record["state"] == "running" and record.get("progress"):
        return _progress(record["progress"])
    if record["state"] in {"retrying", "snoozed"} and record.get("due_ms"):
        return f"{record.get('reason', '')}, due {clock(record['due_ms'])}"
    return str(record.get("reason", ""))


def _progress(report: dict[str, Any]) -> str:
    message = report.get("message")
    return clean(f"{report.get('stage', '')} {report.get('percent', 0):g} %{f', {message}' if message else ''}")


def _print_json(what: str, value: Any) -> None:
    from rich.text import Text

    text = json.dumps(value, ensure_ascii=False, indent=2, default=str)
    console().print(Text(what, style="bold"))
    for line in text.splitlines():
        console().print(Text("  " + clean(line)), soft_wrap=True)


def _print_error(number: int, error: dict[str, Any]) -> None:
    from rich.text import Text

    head = f"attempt {error.get('attempt', number)}: {error.get('kind', '')}: {error.get('message', '')}"
    console().print(Text(clean(head), style="red"), soft_wrap=True)
    for line in str(error.get("traceback") or "").splitlines():
        indent = len(line) - len(line.lstrip(" "))
        console().print(Text("  " + " " * indent + clean(line)), style="dim", soft_wrap=True)

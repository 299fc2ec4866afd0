"""Reports as Markdown; whatever comes from outside is text there, and never markup."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from pipeline.report import Failure, GateReport, ModelUse, Report

#: Characters of a cell, at most.
_LONGEST = 200

_MODELS = ("model", "calls", "failed", "tokens in", "out", "cached", "cost", "why")

_MARKUP = re.compile(r"([\\`*_{}\[\]<>#|~&$])")
_BLANK = re.compile(r"[\x00-\x20\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]+")


def markdown(report: Report) -> str:
    """Give a report as a Markdown page."""
    parts = [f"# {_text(report.name)}: {report.status}", _table(("", ""), _facts(report))]
    if report.models:
        parts += ["## Models", _table(_MODELS, map(_model, report.models))]
    if report.gates:
        parts += ["## Gates", _table(("gate", "scores", "needed", "models", "accepted"), map(_gate, report.gates))]
    if report.effects:
        effects = ((effect.key, effect.state, effect.calls) for effect in report.effects)
        parts += ["## Effects", _table(("effect", "state", "calls"), effects)]
    if report.failures:
        parts += ["## Failures", _table(("run", "what", "why", "input", "retryable"), map(_failure, report.failures))]
    if len(report.runs) > 1:
        runs = ((r.run, r.node or r.actor, r.state, r.attempts, r.waits, _seconds(r.seconds)) for r in report.runs)
        parts += ["## Runs", _table(("run", "what", "state", "attempts", "waits", "took"), runs)]
    return "\n\n".join(parts) + "\n"


def _facts(report: Report) -> Iterable[tuple[str, object]]:
    yield report.kind, report.id
    yield "state", f"{report.state} ({report.reason})" if report.reason else report.state
    yield "started", _moment(report.started_ms)
    yield "ended", _moment(report.finished_ms)
    yield "took", _seconds(report.seconds)
    yield "attempts", report.attempts
    yield "waits", report.waits
    if report.items.total:
        yield "items", f"{report.items.done} of {report.items.total} done, {report.items.failed} failed"
    yield "steps", report.steps
    if report.calls:
        yield "model calls", report.calls
        yield "tokens", f"{report.tokens_in:,} in ({report.tokens_cached:,} cached), {report.tokens_out:,} out"
        yield "cost", _dollars(report.micros)
    for why in report.degraded:
        yield "degraded", why


def _model(use: ModelUse) -> tuple[object, ...]:
    tokens = use.tokens_in, use.tokens_out, use.tokens_cached
    return use.model, use.calls, use.failed, *tokens, _dollars(use.micros), "; ".join(use.reasons)


def _gate(gate: GateReport) -> tuple[object, ...]:
    scores = ", ".join(f"{score:.2f}" for score in gate.scores)
    return gate.name, scores, gate.threshold, ", ".join(dict.fromkeys(gate.models)), _yes(gate.accepted)


def _failure(failure: Failure) -> tuple[object, ...]:
    why = ": ".join(part for part in (failure.kind or failure.reason, failure.message) if part)
    given = orjson.dumps(failure.input).decode()
    return failure.run, failure.node or failure.actor, why, given, _yes(failure.retryable)


def _table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [headings, ["---"] * len(headings), *([_text(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _text(value: object) -> str:
    """Give text as one line that Markdown shows as it is."""
    line = _BLANK.sub(" ", str(value)).strip()
    if len(line) > _LONGEST:
        line = line[: _LONGEST - 1] + "…"
    return _MARKUP.sub(r"\\\1", line).replace("\\<", "&lt;").replace("\\>", "&gt;").replace("\\&", "&amp;")


def _moment(at_ms: int | None) -> str:
    return "-" if at_ms is None else datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _seconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds:,.1f} s"


def _dollars(micros: int) -> str:
    return f"${micros / 1_000_000:,.4f}"


def _yes(flag: bool) -> str:
    return "yes" if flag else "no"

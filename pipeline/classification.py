"""Gives every failure one kind, by a table: the user's rules, our own failures, then all that is known of others'."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pipeline.classification_rules import ENGINE, RULES
from pipeline.errors import Failure, Kind
from pipeline.evidence import Evidence, chain_of
from pipeline.retry import Retry
from pipeline.retry_after import asked_wait, bounded
from pipeline.rule import Rule
from pipeline.verdict import UNKNOWN, decide

__all__ = ["RULES", "UNKNOWN", "Classified", "Rule", "classify", "table"]

#: Kinds that steer a run and are no mistakes; no user's rule changes them.
_STEERING: frozenset[Kind] = frozenset({"cancelled", "interrupted", "waiting", "review", "parked", "moved", "snoozed"})

#: Of failures that came together the first of these decides: a group is as bad as its worst.
_GRAVEST: tuple[Kind, ...] = (
    "cancelled",
    "interrupted",
    "review",
    "waiting",
    "moved",
    "parked",
    "snoozed",
    "permanent",
    "content",
    "context_overflow",
    "quality",
    "rate_limited",
    "resource",
    "timeout",
    "transient",
)

#: Why our own failures are of their kind, where their class says more than that.
_WORDS = {
    "AuthFailed": "auth",
    "BudgetExceeded": "budget exceeded",
    "ContentRefused": "refused",
    "InvalidInput": "invalid data",
}


@dataclass(frozen=True)
class Classified:
    """What a failure is: its kind, why, by which rule (none if ours or unknown), and the wait that it asks for."""

    kind: Kind
    why: str
    rule: Rule | None = None
    retry_after: timedelta | None = None


def classify(error: BaseException, rules: Sequence[Rule] = (), *, now: datetime | None = None) -> Classified:
    """Give the one kind of a failure; what no rule knows is transient and ``UNKNOWN``. Raises nothing.

    A rule fits if it fits the exception or one that caused it. ``rules`` are asked before all others, but never turn a
    run that was cancelled, interrupted or told to wait into one that failed. ``now`` stands for the clock.
    """
    if isinstance(error, BaseExceptionGroup):
        found = [classify(inner, rules, now=now) for inner in error.exceptions]
        return min(found, key=lambda one: _GRAVEST.index(one.kind))
    chain = chain_of(error)
    ours = next(filter(None, map(_ours, chain)), None)
    if ours is not None and (ours.rule is not None or ours.kind in _STEERING):
        return ours
    rule = _first(rules, chain)
    if rule is None and ours is not None:
        return ours
    rule = rule or _first(RULES, chain)
    if rule is None:
        return Classified("transient", UNKNOWN)
    return Classified(rule.kind, rule.why, rule, _wait(rule.kind, chain, now))


def table() -> list[dict[str, Any]]:
    """Give the table as rows, in the order it is asked in: ``kind``, ``why``, ``when``, ``spends`` (an attempt)."""
    ours = [
        (one.kind, one.why or _WORDS.get(one.__name__, ""), f"{one.__module__}.{one.__name__}")
        for one in _failures(Failure)
    ]
    theirs = [(rule.kind, rule.why, rule.when) for rule in (*ENGINE, *RULES)]
    rows = [*ours, *theirs, ("transient", UNKNOWN, "anything else")]
    return [{"kind": kind, "why": why, "when": when, "spends": _spends(kind)} for kind, why, when in rows]


def _spends(kind: Kind) -> bool:
    return decide(kind, attempt=1, retry=Retry()).spends


def _first(rules: Sequence[Rule], chain: list[Evidence]) -> Rule | None:
    return next((rule for rule in rules if any(rule.fits(link) for link in chain)), None)


def _ours(link: Evidence) -> Classified | None:
    if isinstance(link.error, Failure):
        return Classified(link.error.kind, _why(link.error), retry_after=_own_wait(link.error))
    rule = _first(ENGINE, [link])
    return None if rule is None else Classified(rule.kind, rule.why, rule)


def _why(raised: Failure) -> str:
    return raised.why or next((_WORDS[one.__name__] for one in type(raised).__mro__ if one.__name__ in _WORDS), "")


def _failures(above: type[Failure]) -> Iterator[type[Failure]]:
    for one in above.__subclasses__():
        if one.__module__ == Failure.__module__:
            yield one
            yield from _failures(one)


def _own_wait(raised: Failure) -> timedelta | None:
    wait = getattr(raised, "retry_after", None) or getattr(raised, "delay", None)
    return wait if isinstance(wait, timedelta) else None


def _wait(kind: Kind, chain: list[Evidence], now: datetime | None) -> timedelta | None:
    if kind not in {"rate_limited", "transient", "timeout", "resource"}:
        return None
    for link in chain:
        wait = asked_wait(link.headers, resets=kind == "rate_limited", now=now)
        if wait is not None:
            return wait
        said = getattr(link.error, "retry_after", None)  # in seconds, as SDKs have it
        if isinstance(said, int | float) and said == said:  # noqa: PLR0124 - not a number is not a wait
            return bounded(timedelta(seconds=min(said, 10**9)))
    return None

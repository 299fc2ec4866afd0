"""Limit: how many runs may start, or calls may be made, in a time, and how many at once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

#: What a limit may count separately: a value of each call's surroundings, or any field of the payload by its name.
PLACES = ("group", "actor", "provider", "model")


@dataclass(frozen=True)
class Limit:
    """A limit known by its name, shared by all workers; actors that name the same one share it.

    ``rate`` starts (or calls) a ``per``, spaced evenly: a permit that was not used is kept for ``burst`` of them
    (GCRA, ITU-T I.371; by default one more than one fiftieth of the rate). ``concurrency`` is how many hold a permit at
    the same time; a dead worker's come back when its lease ends. ``tokens`` of language models a ``per``; estimated
    before each call, corrected after it. ``by`` counts separately for each value of a field of the payload, or of
    ``group``, ``actor``, ``provider``, ``model``. ``on`` says what is counted: the starts of runs, or the calls of
    models that they make.

    Raises ``ValueError`` for numbers that make no limit.
    """

    name: str
    rate: float | None = None
    per: timedelta = timedelta(seconds=1)
    burst: int | None = None
    concurrency: int | None = None
    tokens: int | None = None
    by: str = ""
    on: Literal["start", "call"] = "start"

    def __post_init__(self) -> None:
        if not self.name or len(self.name) > 100 or not set(self.name).isdisjoint(" =|\n\x1f"):  # noqa: PLR2004 - part of a key
            raise ValueError(f"Limit({self.name!r}): needs a short name without spaces, '=' and '|'")
        if self.rate is None and self.concurrency is None and self.tokens is None:
            raise ValueError(f"Limit({self.name!r}): limits nothing: give rate, concurrency or tokens")
        for what in ("rate", "burst", "concurrency", "tokens"):
            value = getattr(self, what)
            if value is not None and value <= 0:
                raise ValueError(f"Limit({self.name!r}, {what}={value}): must be more than nothing")
        if self.per <= timedelta(0):
            raise ValueError(f"Limit({self.name!r}, per={self.per}): must be more than nothing")
        if self.on == "start" and (self.tokens is not None or self.by in {"provider", "model"}):
            raise ValueError(f"Limit({self.name!r}): tokens, providers and models are counted on='call'")
        if self.on == "call" and self.by not in {"", *PLACES}:
            raise ValueError(f"Limit({self.name!r}, by={self.by!r}): a call knows {', '.join(PLACES)}")

    def config(self) -> dict[str, Any]:
        """Give it as Redis keeps it: times in ms, nothing left out that the scripts need."""
        said = {"on": self.on, "by": self.by, "per_ms": int(self.per.total_seconds() * 1000)}
        if self.rate is not None:
            said |= {"rate": self.rate, "burst": self.burst or 1 + max(1, int(self.rate // 50))}
        if self.concurrency is not None:
            said["concurrency"] = self.concurrency
        if self.tokens is not None:
            # So much may be asked for at once; a call that needs more waits for as much and owes the rest.
            said |= {"tokens": self.tokens, "token_burst": max(1, self.tokens // 10)}
        return said


#: What a queue's actors are limited by unless they say otherwise (SPEC J5).
OF_A_QUEUE: dict[str, tuple[Limit, ...]] = {"ai": (Limit("ai", rate=30, per=timedelta(seconds=1)),)}

#: How many runs of a queue one process works on at the same time, at most (SPEC J5).
AT_ONCE: dict[str, int] = {"ai": 30}

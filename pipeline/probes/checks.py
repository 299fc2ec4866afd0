"""What a probe asks, and how its answer looks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import orjson

#: Says what fails, in words without addresses or secrets; None where all is well. It answers at once: it waits for
#: nobody, takes no lock that work takes, and calls no network.
Check = Callable[[], str | None]

#: What is asked: is it alive, may it be given work, has it come up.
Question = Literal["livez", "readyz", "startupz"]
QUESTIONS: tuple[Question, ...] = ("livez", "readyz", "startupz")

#: A reason is cut after so many characters.
LONGEST = 300


class Page(NamedTuple):
    """What is answered to a request."""

    status: int
    kind: str
    body: bytes


#: What is answered at a path, to a client that accepts these kinds.
Route = Callable[[str], Page]


@dataclass(frozen=True)
class Answer:
    """The checks that were made, and why some failed, if any did; ``more`` says what else is known."""

    checks: tuple[str, ...]
    failing: Mapping[str, str]
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether nothing fails."""
        return not self.failing

    def told(self) -> dict[str, Any]:
        """Give it as what JSON can hold."""
        return {"ok": self.ok, "checks": list(self.checks), "failing": dict(self.failing), **self.more}

    def page(self) -> Page:
        """Give it as it is answered: 200, or 503 where something fails."""
        return Page(
            200 if self.ok else 503,
            "application/json",
            orjson.dumps(self.told(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE),
        )


def ask(checks: Mapping[str, Check]) -> Answer:
    """Make the checks; one that breaks has failed."""
    failing: dict[str, str] = {}
    for name, check in checks.items():
        try:
            reason = check()
        except Exception as error:  # noqa: BLE001 - a probe says that something is wrong, and does not break by it
            reason = f"the check itself failed ({type(error).__name__})"
        if reason is not None:
            failing[name] = reason[:LONGEST]
    return Answer(tuple(checks), failing)


def routes(answers: Mapping[Question, Callable[[], Answer]]) -> dict[str, Route]:
    """Give what is answered at ``/livez`` and its like."""

    def route(answer: Callable[[], Answer]) -> Route:
        return lambda _accept: answer().page()

    return {f"/{question}": route(answer) for question, answer in answers.items()}


def dead_threads(threads: Iterable[Any]) -> str | None:
    """Name the threads that have ended; None where all live."""
    ended = [thread.name for thread in threads if not thread.is_alive()]
    return f"ended: {', '.join(ended)}" if ended else None

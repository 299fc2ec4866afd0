"""What type checkers know of the public names; read by mypy in ``make check``, never run."""

from __future__ import annotations

from typing import assert_type

from pydantic import BaseModel

from pipeline import Actor, Flow, FlowHandle, Outcome, Run, RunHandle, actor


class Text(BaseModel):
    """A payload."""

    words: list[str]


class Texts(BaseModel):
    """A request of a flow."""

    texts: list[Text]


@actor(name="typing.count")
def count(text: Text, run: Run) -> int:
    """Count words."""
    lengths = run.each(measure, text.words)
    assert_type(lengths, list[int])
    assert_type(run.step(add, lengths), int)
    run.step(add, "not a list")  # type: ignore[arg-type]
    run.each(measure, [1, 2])  # type: ignore[misc]
    return 0


def measure(word: str) -> int:
    """Measure a word."""
    return len(word)


def add(lengths: list[int]) -> int:
    """Add up."""
    return sum(lengths)


@actor(name="typing.tick")
def tick() -> str:
    """Take nothing."""
    return ""


@actor(name="typing.later")
async def later(text: Text) -> float:
    """Work on the event loop."""
    return float(len(text.words))


assert_type(count, Actor[Text, int])
assert_type(tick, Actor[None, str])
assert_type(later, Actor[Text, float])
assert_type(count.send(Text(words=[])), RunHandle[int])
assert_type(count.send(Text(words=[])).result(), int)
assert_type(count.send_many([Text(words=[])]), list[RunHandle[int]])
count.send("text")  # type: ignore[arg-type]
count.send(Text(words=[]), priority=3)  # type: ignore[arg-type]

flow: Flow[Texts, int] = Flow("typing", Texts)
flow.each("texts", count)
assert_type(flow.send(Texts(texts=[])), FlowHandle[int])
flow.send(Text(words=[]))  # type: ignore[arg-type]


def of(outcome: Outcome[int]) -> int:
    """Take what is there."""
    assert_type(outcome.value, int | None)
    return outcome.value or 0

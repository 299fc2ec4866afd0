"""Declaring flows: what does not fit is refused when it is declared."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel

from pipeline import Flow, InvalidInput, Outcome, actor
from pipeline.fitting import fits, tolerates


class Request(BaseModel):
    """What the flow is asked for."""

    words: list[str]
    times: int = 2


class Repeat(BaseModel):
    """A payload with two inputs."""

    word: str
    times: int


class Collected(BaseModel):
    """A payload that takes failure."""

    texts: list[Outcome[str]]


@actor(name="unit.flow.upper")
def upper(word: str) -> str:
    """Shout."""
    return word.upper()


@actor(name="unit.flow.repeat")
def repeat(ask: Repeat) -> str:
    """Say it again."""
    return ask.word * ask.times


@actor(name="unit.flow.join")
def join(parts: Collected) -> str:
    """Put together what there is."""
    return " ".join(part.value or "-" for part in parts.texts)


@actor(name="unit.flow.length")
def length(text: str) -> int:
    """Measure."""
    return len(text)


def test_a_flow_that_fits_is_accepted_and_refused_ones_say_where() -> None:
    """Each misfit names the flow, the place and both types."""
    flow: Flow[Request, str] = Flow("words", Request)
    word = flow.each("words", upper)
    many = flow.add(repeat, word=word, times=flow.given("times"))
    whole = flow.add(join, texts=flow.all(many))
    size = flow.add(length, whole)
    with pytest.raises(TypeError, match=r"again takes str, and gets int"):
        flow.add(upper, size, name="again")
    with pytest.raises(TypeError, match=r"r2\.times takes int, and gets str"):
        flow.add(repeat, word=word, times=word, name="r2")
    with pytest.raises(TypeError, match="r3 gets nothing for times"):
        flow.add(repeat, word=word, name="r3")
    with pytest.raises(TypeError, match="no field 'colour'"):
        flow.add(repeat, word=word, times=flow.given("times"), colour=word, name="r4")
    with pytest.raises(TypeError, match="has no field 'nothing'"):
        flow.given("nothing")
    with pytest.raises(TypeError, match="runs once"):
        flow.all(whole)
    with pytest.raises(ValueError, match="two nodes are named"):
        flow.add(length, whole)
    with pytest.raises(TypeError, match="not both"):
        flow.add(repeat, word, times=flow.given("times"), name="r5")


def test_a_request_without_items_is_refused_before_anything_is_sent() -> None:
    """There is nothing to do, and the field that says so is named."""
    flow: Flow[Request, str] = Flow("empty", Request)
    flow.each("words", upper)
    with pytest.raises(InvalidInput) as refused:
        flow.send(Request(words=[]))
    assert refused.value.field == "words"


@pytest.mark.parametrize(
    ("offered", "wanted", "fit"),
    [
        (int, int, True),
        (int, str, False),
        (bool, int, True),
        (int, int | None, True),
        (str, int | None, False),
        (int, Outcome[int], True),
        (str, Outcome[int], False),
        (list[int], list[Outcome[int]], True),
        (list[int], tuple[int, ...], True),
        (list[int], list[str], False),
        (int, list[int], False),
        (Any, int, True),
    ],
)
def test_annotations_fit_or_do_not(offered: Any, wanted: Any, fit: bool) -> None:
    """A table of pairs."""
    assert fits(offered, wanted) is fit


def test_only_an_outcome_takes_failure() -> None:
    """How a node takes failure is said by its types."""
    assert tolerates(Outcome[int])
    assert tolerates(list[Outcome[int]])
    assert not tolerates(int)
    assert not tolerates(list[int])

"""A flow that fans out and in again, with a node for every kind of ending."""

from __future__ import annotations

import time

from pydantic import BaseModel

from pipeline import Flow, Outcome, Permanent, Run, actor
from tests.actors.notes import note
from tests.actors.plain import QUICK
from tests.support.ledger import here


class Order(BaseModel):
    """What the flow is asked for: one item a word."""

    words: list[str]
    seconds: float = 0


class Word(BaseModel):
    """One word on its way, and how long it was."""

    text: str
    length: int = 0


class Tally(BaseModel):
    """What came of the words, in their order; ``-1`` stands for one that failed."""

    lengths: list[int]


class Both(BaseModel):
    """What the last node gets: the words it needs, however they ended."""

    measured: list[Outcome[Word]]
    seconds: float = 0


class Strict(BaseModel):
    """What a node gets that needs every word."""

    measured: list[Word]


@actor(name="test.read_word", retry=QUICK)
def read_word(text: str, run: Run) -> Word:
    """Take a word in."""
    note("started")
    if text == "unreadable":
        raise Permanent("cannot be read")
    return Word(text=run.step(take_in, text))


def take_in(text: str) -> str:
    """Read it, in a step."""
    note("step", "take_in")
    return text


@actor(name="test.measure", retry=QUICK)
def measure(word: Word, run: Run) -> Word:
    """Measure a word; some cannot be measured."""
    note("started")
    if word.text == "unmeasurable":
        raise Permanent("has no length")
    if word.text == "unready" and not here().count("mended"):
        raise Permanent("has no length yet")
    return Word(text=word.text, length=run.step(count_letters, word.text))


def count_letters(text: str) -> int:
    """Count, in a step; a word of dots takes a tenth of a second a dot."""
    time.sleep(text.count(".") / 10)
    note("step", "count_letters")
    return len(text)


@actor(name="test.add_up", retry=QUICK)
def add_up(both: Both, run: Run) -> Tally:
    """Put together what there is."""
    note("started")
    time.sleep(both.seconds)
    note("effect", "add_up")
    return Tally(lengths=[outcome.value.length if outcome.value else -1 for outcome in both.measured])


@actor(name="test.add_all", retry=QUICK)
def add_all(strict: Strict, run: Run) -> Tally:
    """Put all of it together, or nothing."""
    note("started")
    note("effect", "add_all")
    return Tally(lengths=[word.length for word in strict.measured])


#: Reads and measures every word; the last node takes what there is.
tally: Flow[Order, Tally] = Flow("test.tally", Order)
_read = tally.each("words", read_word)
_measured = tally.add(measure, _read)
tally.add(add_up, measured=tally.all(_measured), seconds=tally.given("seconds"))

#: The same, and the last node needs every word.
strict_tally: Flow[Order, Tally] = Flow("test.strict_tally", Order)
_strictly_read = strict_tally.each("words", read_word)
_strictly_measured = strict_tally.add(measure, _strictly_read)
strict_tally.add(add_all, measured=strict_tally.all(_strictly_measured))

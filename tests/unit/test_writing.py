"""What a run writes: in few calls, in its place, and never told twice."""

from __future__ import annotations

import time

import pytest

from pipeline import Unavailable
from pipeline.writing import LONGEST, SENDS_PER_SECOND, Writer, mark_of


class Journal:
    """Keeps texts as the engine does, and every call."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self.steps: dict[str, bytes] = {}
        self.calls: list[tuple[str, int, str]] = []
        self.away = 0

    def append_text(self, stream: str, offset: int, text: str) -> int:
        if self.away:
            self.away -= 1
            raise Unavailable("away")
        self.calls.append((stream, offset, text))
        there = self.texts.get(stream, "")
        if offset > len(there):
            return 0
        if not text or there[offset : offset + len(text)] != text:
            self.texts[stream] = there[:offset] + text
        return 1

    def save_step(self, name: str, value: bytes, *, replace: bool = False) -> None:
        if replace:
            self.steps[name] = value
        else:
            self.steps.setdefault(name, value)


def test_pieces_are_sent_at_a_bounded_rate_and_the_last_one_always() -> None:
    """A thousand pieces become a few calls."""
    journal = Journal()
    writer = Writer(journal)
    begun = time.monotonic()
    for number in range(1000):
        writer.write("text", f"{number} ")
    writer.flush()
    assert 2 <= len(journal.calls) <= 2 + SENDS_PER_SECOND * (time.monotonic() - begun)
    assert journal.texts == {"text": "".join(f"{number} " for number in range(1000))}


def test_streams_have_places_of_their_own() -> None:
    """What goes to one does not move the other."""
    journal = Journal()
    writer = Writer(journal)
    for _ in range(3):
        writer.write("text", "ab")
        writer.write("notes", "x")
    assert writer.places() == {"text": 6, "notes": 3}
    writer.flush()
    assert journal.texts == {"text": "ababab", "notes": "xxx"}


def test_what_could_not_be_sent_is_sent_later() -> None:
    """Redis being away for a moment ends no attempt, and loses no piece."""
    journal = Journal()
    journal.away = 1
    writer = Writer(journal)
    writer.write("text", "one ")
    assert journal.texts == {}
    writer.write("text", "two")
    writer.flush()
    assert journal.texts == {"text": "one two"}


def test_all_of_it_is_sent_again_when_redis_lost_the_last_of_it() -> None:
    """A Redis that was restarted has less than it was given."""
    journal = Journal()
    writer = Writer(journal)
    writer.write("text", "one ")
    writer.flush()
    journal.texts["text"] = "o"
    writer.write("text", "two")
    writer.flush()
    assert journal.texts == {"text": "one two"}


def test_a_second_attempt_tells_the_text_of_remembered_steps_in_its_place() -> None:
    """The text of a step that finished stays; that of one that did not is written anew."""
    journal = Journal()
    first = Writer(journal)
    first.write("text", "Title. ")
    before = first.places()
    first.write("text", "Part one. ")
    first.finish("one", before)
    first.write("text", "Part tw")
    first.flush()
    journal.calls.clear()
    second = Writer(journal)
    second.write("text", "Title. ")
    second.skip(journal.steps.get(mark_of("one")))
    before = second.places()
    second.write("text", "Part 2.")
    second.finish("two", before)
    second.end()
    assert journal.texts == {"text": "Title. Part one. Part 2."}
    assert len(journal.calls) <= 3, "what is remembered is told with what is new"
    third = Writer(journal)
    third.write("text", "Title. ")
    for step in ("one", "two", "unwritten"):
        third.skip(journal.steps.get(mark_of(step)))
    third.end()
    assert journal.texts == {"text": "Title. Part one. Part 2."}


def test_what_an_earlier_attempt_wrote_beyond_the_end_goes() -> None:
    """Also where this one wrote nothing new."""
    journal = Journal()
    journal.texts = {"text": "Title. And what was never finished"}
    writer = Writer(journal)
    writer.write("text", "Title.")
    writer.flush()
    assert journal.texts["text"].startswith("Title. And")
    writer.end()
    assert journal.texts == {"text": "Title."}


def test_a_draft_that_is_not_taken_is_written_over() -> None:
    """From the place where it began; also when the drafts are remembered, and the first is taken after all."""
    journal = Journal()
    writer = Writer(journal)
    writer.write("text", "Title. ")
    before = writer.places()
    writer.write("text", "A long bad draft.")
    writer.finish("draft#1", before)
    writer.rewind(before)
    writer.write("text", "A good one.")
    writer.finish("draft#2", before)
    writer.end()
    assert journal.texts == {"text": "Title. A good one."}
    for taken, text in (("draft#2", "Title. A good one. The end."), ("draft#1", "Title. A long bad draft. The end.")):
        again = Writer(journal)
        again.write("text", "Title. ")
        for draft in ("draft#1", "draft#2", taken):
            again.rewind(before)
            again.skip(journal.steps[mark_of(draft)])
        again.write("text", " The end.")
        again.end()
        assert journal.texts == {"text": text}


def test_going_back_drops_what_was_held_back_beyond_the_place() -> None:
    """Pieces that were not sent yet are not sent then."""
    journal = Journal()
    writer = Writer(journal)
    writer.write("text", "sent ")
    writer.write("text", "held ")
    place = writer.places()
    writer.write("text", "in vain")
    writer.rewind(place)
    writer.write("text", "good")
    writer.end()
    assert journal.texts == {"text": "sent held good"}


def test_a_step_that_wrote_nothing_costs_no_call() -> None:
    """Most steps write nothing, be it after others that did."""
    journal = Journal()
    writer = Writer(journal)
    writer.finish("quiet", writer.places())
    assert not journal.calls
    writer.write("text", "x")
    before, calls = writer.places(), len(journal.calls)
    writer.finish("quiet", before)
    assert len(journal.calls) == calls
    assert not journal.steps


def test_a_step_may_end_while_redis_is_away_for_its_text() -> None:
    """It is remembered with its text, which is sent later."""
    journal = Journal()
    writer = Writer(journal)
    journal.away = 2
    writer.write("text", "one ")
    writer.finish("step", {})
    assert journal.texts == {}
    assert journal.steps == {mark_of("step"): b'{"text":"one "}'}
    writer.write("text", "two")
    writer.end()
    assert journal.texts == {"text": "one two"}


def test_what_cannot_be_kept_is_refused_or_made_to_fit() -> None:
    """Names are names, a text has an end, and half a character is none."""
    journal = Journal()
    writer = Writer(journal)
    with pytest.raises(ValueError, match="a name is letters"):
        writer.write("a/b", "x")
    writer.write("text", "half \ud83d")
    writer.end()
    assert journal.texts == {"text": "half ?"}
    with pytest.raises(ValueError, match="grows above"):
        writer.write("text", "x" * LONGEST)

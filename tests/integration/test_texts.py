"""Text streams of runs on a real Redis: what is kept, what readers hear, and who may write."""

from __future__ import annotations

import orjson
import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.engine import keys
from pipeline.engine.records import NewRun
from pipeline.engine.store import Store
from pipeline.engine.texts import Texts
from pipeline.event_log import EventLog
from pipeline.events import Event
from pipeline.text_view import TextPiece, TextView

NS = "texts"


@pytest.fixture
def store(redis_client: redis.Redis) -> Store:
    return Store(redis_client, NS)


@pytest.fixture
def texts(store: Store) -> Texts:
    return Texts(store)


@pytest.fixture
def log(store: Store) -> EventLog:
    return EventLog(store)


def claimed(store: Store, run_id: str = "r1") -> int:
    """Accept and claim a run, or claim it anew, and give its fence."""
    store.enqueue([NewRun(run_id, "a", "q", b"{}")])
    [lease], _ = store.claim("w", "c1", {"q": 1}, {"a": 1}, want=1, lease_ms=60_000)
    return lease.fence


def claimed_again(store: Store, run_id: str = "r1") -> int:
    """Let the run fall to another claim, as after a crash."""
    key = keys.run(NS, run_id)
    return int(store.client.hincrby(key, "fence", 1))


def told(log: EventLog, run_id: str = "r1", after: str = "") -> list[Event]:
    """Give the events that are about text."""
    return [e for e in log.events(run_id, after=after, follow=False) if e.event in {"text", "reset", "gap"}]


def shown(log: EventLog, run_id: str = "r1") -> dict[str, str]:
    """Give what a reader of all events has in the end."""
    view = TextView()
    for event in log.events(run_id, follow=False):
        view.apply(event)
    return view.texts


def test_pieces_are_kept_and_told_with_their_place(store: Store, texts: Texts, log: EventLog) -> None:
    """Each piece is one event; the text so far is there for whoever comes late."""
    fence = claimed(store)
    assert texts.append("r1", fence, "text", 0, "Grüße, ") == 1
    assert texts.append("r1", fence, "text", 7, "Welt 🌍") == 1
    assert texts.append("r1", fence, "notes", 0, "x") == 1
    assert texts.read("r1") == {"notes": "x", "text": "Grüße, Welt 🌍"}
    assert [e.data for e in told(log)] == [
        {"stream": "text", "at": 0, "text": "Grüße, ", "epoch": fence},
        {"stream": "text", "at": 7, "text": "Welt 🌍", "epoch": fence},
        {"stream": "notes", "at": 0, "text": "x", "epoch": fence},
    ]


def test_a_call_made_twice_changes_and_tells_nothing(store: Store, texts: Texts, log: EventLog) -> None:
    """A lost reply is followed by the same call."""
    fence = claimed(store)
    for _ in range(2):
        assert texts.append("r1", fence, "text", 0, "one ") == 1
    for _ in range(2):
        assert texts.append("r1", fence, "text", 4, "two") == 1
    assert texts.read("r1") == {"text": "one two"}
    assert len(told(log)) == 2


def test_an_attempt_that_starts_over_takes_back_what_differs(store: Store, texts: Texts, log: EventLog) -> None:
    """Readers hear of it before the new text, with the claim that it belongs to."""
    first = claimed(store)
    texts.append("r1", first, "text", 0, "The cell ")
    texts.append("r1", first, "text", 9, "is a thing")
    second = claimed_again(store)
    assert texts.append("r1", second, "text", 0, "The cell ") == 1, "what is the same stays"
    assert texts.append("r1", second, "text", 9, "divides") == 1
    assert texts.append("r1", second, "text", 16, "") == 1
    assert texts.read("r1") == {"text": "The cell divides"}
    assert [(e.event, e.data.get("to", e.data.get("at"))) for e in told(log)[2:]] == [("reset", 9), ("text", 9)]
    assert {e.data["epoch"] for e in told(log)[2:]} == {second}
    assert shown(log) == texts.read("r1")


def test_an_end_takes_back_what_an_earlier_attempt_wrote_beyond_it(store: Store, texts: Texts, log: EventLog) -> None:
    """A shorter text that is the beginning of the former one is whole in the end."""
    texts.append("r1", claimed(store), "text", 0, "long and longer")
    fence = claimed_again(store)
    assert texts.append("r1", fence, "text", 0, "long") == 1
    assert texts.read("r1") == {"text": "long and longer"}, "until its end is told"
    assert texts.append("r1", fence, "text", 4, "") == 1
    assert texts.append("r1", fence, "text", 4, "") == 1
    assert texts.read("r1") == {"text": "long"}
    assert [e.event for e in told(log)] == ["text", "reset"]
    assert shown(log) == {"text": "long"}


def test_a_stale_writer_is_refused(store: Store, texts: Texts) -> None:
    """Another worker's text is not touched."""
    stale = claimed(store)
    fence = claimed_again(store)
    assert texts.append("r1", stale, "text", 0, "old") == -1
    assert texts.append("r1", fence, "text", 0, "new") == 1
    assert texts.append("r1", stale, "text", 3, "er") == -1
    assert texts.read("r1") == {"text": "new"}


def test_a_piece_beyond_the_end_is_asked_for_from_an_earlier_place(store: Store, texts: Texts) -> None:
    """A Redis that lost its last second has less than the writer thinks."""
    fence = claimed(store)
    assert texts.append("r1", fence, "text", 5, "later") == 0
    assert texts.read("r1") == {}


def test_a_writer_hears_that_its_run_should_stop(store: Store, texts: Texts) -> None:
    """Cancelling reaches a run that writes."""
    fence = claimed(store)
    store.cancel_run("r1")
    assert texts.append("r1", fence, "text", 0, "x") == 2


def test_a_late_reader_gets_what_it_missed_as_one_gap(store: Store, texts: Texts, log: EventLog) -> None:
    """Of a long log the older half is gone; no piece comes twice, wherever the reader goes on from."""
    fence = claimed(store)
    for number in range(1100):
        texts.append("r1", fence, "text", number * 5, f"{number:04} ")
        if number % 100 == 0:
            store.report_progress("r1", fence, orjson.dumps({"stage": "s", "percent": number / 10, "message": ""}))
    events = list(log.events("r1", follow=False))
    gaps = [e for e in events if e.event == "gap"]
    assert len(gaps) == 1
    assert gaps[0].data["missed"] > 500
    assert gaps[0].data["texts"] == texts.read("r1")
    assert gaps[0].data["progress"]["percent"] == 100
    assert not [e for e in events if e.event == "text"]
    texts.append("r1", fence, "text", 5500, "more")
    # A reader that was cut off right after the gap, and one that was at each event after it.
    for seen in range(events.index(gaps[0]) + 1, len(events) + 1):
        view = TextView()
        for event in events[:seen]:
            view.apply(event)
        for event in log.events("r1", after=events[seen - 1].id, follow=False):
            view.apply(event)
        assert view.texts == texts.read("r1")


def test_a_reader_that_knows_more_than_redis_is_told_all_that_is_there(
    store: Store, texts: Texts, log: EventLog
) -> None:
    """A Redis that lost its last second has fewer events than were told."""
    fence = claimed(store)
    texts.append("r1", fence, "text", 0, "abc")
    [gap] = list(log.events("r1", after="7", follow=False))
    assert (gap.event, gap.data["texts"], gap.data["missed"]) == ("gap", {"text": "abc"}, 0)
    texts.append("r1", fence, "text", 3, "d")
    assert [e.data["text"] for e in log.events("r1", after=gap.id, follow=False)] == ["d"]


def test_an_attempt_that_reports_less_than_was_shown_announces_it(store: Store, log: EventLog) -> None:
    """Once an attempt, and only when it goes back."""

    def report(fence: int, percent: float) -> None:
        store.report_progress("r1", fence, orjson.dumps({"stage": "s", "percent": percent, "message": ""}))

    fence = claimed(store)
    report(fence, 50)
    report(fence, 20)
    fence = claimed_again(store)
    report(fence, 10.5)
    report(fence, 5)
    report(claimed_again(store), 60)
    events = [e for e in log.events("r1", follow=False) if e.event in {"progress", "reset"}]
    assert [e.event for e in events] == ["progress", "progress", "reset", "progress", "progress", "progress"]
    assert events[2].data == {"percent": 10.5, "epoch": fence}


def test_a_text_is_read_as_pieces_that_replace_the_end(store: Store, texts: Texts, log: EventLog) -> None:
    """The iterator gives one stream, and what is taken back as well."""
    texts.append("r1", claimed(store), "text", 0, "abcdef")
    fence = claimed_again(store)
    texts.append("r1", fence, "other", 0, "-")
    texts.append("r1", fence, "text", 0, "abX")
    pieces = list(log.text("r1", follow=False))
    assert pieces == [
        TextPiece("text", 0, "abcdef", 1),
        TextPiece("text", 0, "", 2),
        TextPiece("text", 0, "abX", 2),
    ]


PIECES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=40)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(attempts=st.lists(st.lists(PIECES, max_size=6), min_size=1, max_size=4), stretch=st.sampled_from([1, 90]))
def test_every_reader_ends_with_what_the_last_attempt_wrote(
    redis_client: redis.Redis, attempts: list[list[str]], stretch: int
) -> None:
    """Whatever the attempts wrote, in pieces of any characters and lengths."""
    redis_client.flushall()
    store = Store(redis_client, NS)
    texts, log = Texts(store), EventLog(store)
    fence = claimed(store)
    for pieces in attempts:
        place = 0
        for piece in (piece * stretch for piece in pieces):
            for _ in range(2):
                assert texts.append("r1", fence, "text", place, piece) == 1
            place += len(piece)
        assert texts.append("r1", fence, "text", place, "") == 1
        assert texts.read("r1").get("text", "") == "".join(pieces_of(pieces, stretch))
        assert shown(log).get("text", "") == "".join(pieces_of(pieces, stretch))
        fence = claimed_again(store)


def pieces_of(pieces: list[str], stretch: int) -> list[str]:
    return [piece * stretch for piece in pieces]

"""An effect: written down before and after; what may have happened is found out, never tried blindly again."""

from __future__ import annotations

import socket
import urllib.error
import urllib.request
from datetime import timedelta

import httpx2
import orjson
import pytest

from pipeline import Cancelled, Interrupted, InvalidInput, LeaseLost, Permanent, RateLimited, Snooze, Timeout
from pipeline import effect as effects
from pipeline.effect import nothing_done
from pipeline.errors import NeedsReview
from pipeline.run import Run
from pipeline.testing import MemoryJournal


class World:
    """The other side: remembers what was sent to it, and fails when it is told to - before or after it did it."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []
        self.before: BaseException | None = None
        self.after: BaseException | None = None

    def send(self, text: str, *, idempotency_key: str) -> str:
        if self.before is not None:
            raise self.before
        if (text, idempotency_key) not in self.sent:
            self.sent.append((text, idempotency_key))
        if self.after is not None:
            raise self.after
        return f"message {len(self.sent)}"

    def find(self, key: str) -> str | None:
        return next((f"message {number}" for number, (_, one) in enumerate(self.sent, 1) if one == key), None)


@pytest.fixture
def world() -> World:
    """Another side with nothing sent."""
    return World()


def a_run(journal: MemoryJournal) -> Run:
    return Run(journal, run_id="r1", actor="a", queue="q")


def entry(journal: MemoryJournal, key: str = "welcome") -> dict[str, object]:
    kept: dict[str, object] = orjson.loads(journal.steps[f"effect:{key}"])
    return kept


class Watching(MemoryJournal):
    """A journal that keeps every value of every checkpoint, and may lose its worker after so many."""

    def __init__(self, saves: int = 1000) -> None:
        super().__init__()
        self.saves = saves
        self.states: list[str] = []

    def save_step(self, name: str, value: bytes, *, replace: bool = False) -> None:
        super().save_step(name, value, replace=replace)
        self.states.append(orjson.loads(value)["state"])
        self.saves -= 1
        if not self.saves:
            raise LeaseLost("gone")


def test_an_effect_is_written_down_before_and_after(world: World) -> None:
    """Intent, call, outcome; the outcome is given again without a call."""
    journal = Watching()
    assert a_run(journal).effect(world.send, "hello", key="welcome") == "message 1"
    assert journal.states == ["intent", "done"]
    assert a_run(journal).effect(world.send, "hello", key="welcome") == "message 1"
    assert journal.states == ["intent", "done"]
    assert len(world.sent) == 1


def test_the_key_is_the_same_in_all_attempts_and_another_for_another_effect(world: World) -> None:
    """It is made of the run's id and the effect's key, and has the form that providers expect."""
    journal, run = MemoryJournal(), a_run(MemoryJournal())
    run.effect(world.send, "a", key="welcome")
    run.effect(world.send, "a", key="reminder")
    a_run(journal).effect(world.send, "a", key="welcome")
    keys = [key for _, key in world.sent]
    assert len(keys) == 2, "the same text under the same key was recognised"
    assert keys[0] != keys[1]
    assert len(keys[0]) == 36


def test_a_key_is_used_once_a_run(world: World) -> None:
    """The second effect would be taken for the first."""
    run = a_run(MemoryJournal())
    run.effect(world.send, "a", key="welcome")
    with pytest.raises(ValueError, match="'effect:welcome' is used twice"):
        run.effect(world.send, "b", key="welcome")
    with pytest.raises(ValueError, match="known by its key"):
        run.effect(world.send, "b", key="")


def test_after_a_crash_the_other_side_is_asked(world: World) -> None:
    """What it did is the outcome; the call is not repeated."""
    journal = Watching(saves=1)
    world.send("hello", idempotency_key=_key())
    with pytest.raises(LeaseLost):
        a_run(journal).effect(world.send, "hello", key="welcome", lookup=world.find)
    assert a_run(journal).effect(world.send, "hello", key="welcome", lookup=world.find) == "message 1"
    assert (entry(journal)["state"], entry(journal)["by"]) == ("done", "lookup")
    assert len(world.sent) == 1


def test_what_the_other_side_does_not_know_is_called_once_it_cannot_be_on_its_way(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until then the run waits, without spending an attempt."""
    journal = Watching(saves=1)
    with pytest.raises(LeaseLost):
        a_run(journal).effect(world.send, "hello", key="welcome", lookup=world.find)
    with pytest.raises(Snooze, match="may still be on its way") as waits:
        a_run(journal).effect(world.send, "hello", key="welcome", lookup=world.find)
    assert timedelta(0) < waits.value.delay <= effects.SETTLE
    monkeypatch.setattr(effects, "SETTLE", timedelta(0))
    assert a_run(journal).effect(world.send, "hello", key="welcome", lookup=world.find) == "message 1"
    assert entry(journal)["call"] == 2


def test_what_the_other_side_recognises_is_called_again_under_the_same_key(world: World) -> None:
    """An idempotent call may be repeated: the key says that it is the same."""
    journal = Watching(saves=1)
    world.send("hello", idempotency_key=_key())
    with pytest.raises(LeaseLost):
        a_run(journal).effect(world.send, "hello", key="welcome", idempotent=True)
    assert a_run(journal).effect(world.send, "hello", key="welcome", idempotent=True) == "message 1"
    assert len(world.sent) == 1


def test_with_neither_a_person_is_asked(world: World) -> None:
    """The question says what was called, with what, under which key."""
    journal = Watching(saves=1)
    with pytest.raises(LeaseLost):
        a_run(journal).effect(world.send, "hello", key="welcome")
    with pytest.raises(NeedsReview, match=r"^uncertain_effect: welcome$") as asked:
        a_run(journal).effect(world.send, "hello", key="welcome")
    item = asked.value.item
    assert (item["kind"], item["name"], item["function"], item["call"]) == ("effect", "welcome", "send", 1)
    assert item["arguments"] == "'hello'"
    assert item["idempotency_key"] == _key()
    assert item["schema"] == {"type": "string"}
    assert world.sent == []


@pytest.mark.parametrize(
    "error", [Timeout("no answer"), ConnectionResetError("reset"), TimeoutError(), ValueError("what?")]
)
def test_a_failure_that_may_have_happened_is_treated_like_a_crash(world: World, error: Exception) -> None:
    """With a lookup or a key the retry finds out; with neither a person is asked at once."""
    world.after = error
    journal = MemoryJournal()
    with pytest.raises(type(error)):
        a_run(journal).effect(world.send, "hello", key="welcome", lookup=world.find)
    assert entry(journal)["state"] == "uncertain"
    world.after = None
    assert a_run(journal).effect(world.send, "hello", key="welcome", lookup=world.find) == "message 1"
    world.after = error
    with pytest.raises(NeedsReview) as asked:
        a_run(MemoryJournal()).effect(world.send, "hello", key="other")
    assert type(error).__name__ in asked.value.item["why"]


@pytest.mark.parametrize(
    "error",
    [RateLimited("slow down"), InvalidInput("no such address"), Permanent("no"), ConnectionRefusedError(111, "")],
)
def test_a_failure_that_changed_nothing_is_called_again(world: World, error: Exception) -> None:
    """It says so itself: nobody was reached, or the other side refused."""
    world.before = error
    journal = Watching()
    with pytest.raises(type(error)):
        a_run(journal).effect(world.send, "hello", key="welcome")
    assert journal.states == ["intent", "failed"]
    world.before = None
    assert a_run(journal).effect(world.send, "hello", key="welcome") == "message 1"
    assert entry(journal)["call"] == 2


@pytest.mark.parametrize(("flag", "raised"), [("stopping", Interrupted), ("cancelled", Cancelled)])
def test_a_call_that_was_not_begun_is_not_uncertain(world: World, flag: str, raised: type[Exception]) -> None:
    """A worker that is told to stop between the intent and the call says that it did not call."""

    class Told(Watching):
        def save_step(self, name: str, value: bytes, *, replace: bool = False) -> None:
            super().save_step(name, value, replace=replace)
            setattr(self, flag, True)

    journal = Told()
    with pytest.raises(raised):
        a_run(journal).effect(world.send, "hello", key="welcome")
    assert journal.states == ["intent", "failed"]
    assert world.sent == []


@pytest.mark.parametrize("error", [KeyboardInterrupt(), Cancelled("in the middle"), Interrupted("in the middle")])
def test_what_stops_an_attempt_in_the_middle_leaves_the_effect_uncertain(world: World, error: BaseException) -> None:
    """A cancel, a time limit or a stop passes on as what it is; the next attempt does not call blindly."""
    journal = MemoryJournal()
    world.after = error
    with pytest.raises(type(error)):
        a_run(journal).effect(world.send, "hello", key="welcome")
    with pytest.raises(NeedsReview):
        a_run(journal).effect(world.send, "hello", key="welcome")
    assert len(world.sent) == 1


def test_a_person_may_say_that_it_happened_or_that_it_did_not(world: World) -> None:
    """Done: the outcome is what the person gives. Undone: it is called again, and only that time."""
    journal = _uncertain(world)
    journal.steps["answer:effect:welcome"] = orjson.dumps({"says": "done", "call": 1, "value": "message 7"})
    assert a_run(journal).effect(world.send, "hello", key="welcome") == "message 7"
    assert (entry(journal)["by"], len(world.sent)) == ("person", 1)

    journal = _uncertain(world)
    journal.steps["answer:effect:welcome"] = orjson.dumps({"says": "undone", "call": 1})
    world.after = TimeoutError()
    with pytest.raises(NeedsReview) as again:
        a_run(journal).effect(world.send, "hello", key="welcome")
    assert again.value.item["call"] == 2
    with pytest.raises(NeedsReview):
        a_run(journal).effect(world.send, "hello", key="welcome")
    assert entry(journal)["call"] == 2, "the answer was about the first call"


def test_an_outcome_that_a_person_gives_has_to_fit(world: World) -> None:
    """It comes back to review with what is wrong."""
    journal = _uncertain(world)
    journal.steps["answer:effect:welcome"] = orjson.dumps({"says": "done", "call": 1, "value": 7})
    with pytest.raises(NeedsReview) as asked:
        a_run(journal).effect(world.send, "hello", key="welcome")
    assert asked.value.item["problem"] == "the outcome given does not fit: the value: Input should be a valid string"


def test_an_outcome_that_cannot_be_kept_is_known_as_done() -> None:
    """The call is over and is not made again, whatever is wrong with what it returned."""
    calls = []

    def call() -> list[object]:
        calls.append(1)
        return [object()]

    journal = MemoryJournal()
    with pytest.raises(Permanent, match="effect:welcome is done, and its outcome cannot be kept"):
        a_run(journal).effect(call, key="welcome")
    with pytest.raises(Permanent, match="is done"):
        a_run(journal).effect(call, key="welcome")
    assert calls == [1]


def test_nobody_home_and_no_are_told_apart_from_everything_else() -> None:
    """Real failures of a real client: a closed port, an unknown name, and a status each way."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        closed = reserved.getsockname()[1]
    with pytest.raises(urllib.error.URLError) as refused:
        urllib.request.urlopen(f"http://127.0.0.1:{closed}/", timeout=2)
    assert nothing_done(refused.value) == "nobody listens there"
    with pytest.raises(OSError, match=r".") as unknown:
        socket.getaddrinfo("nobody.invalid", 80)
    assert nothing_done(unknown.value) == "the name is not known"
    for status, certain in ((400, True), (404, True), (408, False), (425, False), (500, False), (503, False)):
        error = urllib.error.HTTPError("http://x", status, "said", {}, None)  # type: ignore[arg-type] # no headers
        assert bool(nothing_done(error)) is certain, status
    assert nothing_done(BrokenPipeError(32, "while sending")) == ""


def test_a_connection_that_never_came_about_did_nothing() -> None:
    """What was not sent cannot have been accepted; what was sent and not answered can."""
    with socket.socket() as deaf, httpx2.Client(timeout=0.2) as client:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        address = f"http://127.0.0.1:{deaf.getsockname()[1]}/"
        with pytest.raises(httpx2.ReadTimeout) as unanswered:
            client.post(address)
        fillers = [socket.socket() for _ in range(8)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(deaf.getsockname())
        with pytest.raises(httpx2.ConnectTimeout) as unreached:
            client.post(address)
        for filler in fillers:
            filler.close()
    assert nothing_done(unreached.value) == "no connection came about"
    assert nothing_done(unanswered.value) == ""


def _key() -> str:
    sent = World()
    a_run(MemoryJournal()).effect(sent.send, "x", key="welcome")
    return sent.sent[0][1]


def _uncertain(world: World) -> MemoryJournal:
    journal = MemoryJournal()
    world.sent.clear()
    world.after = TimeoutError()
    with pytest.raises(NeedsReview):
        a_run(journal).effect(world.send, "hello", key="welcome")
    world.after = None
    return journal

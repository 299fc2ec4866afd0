"""What waits for a person: drafts and effects, answered from the command line; the run goes on by itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from pipeline import Models
from pipeline.errors import InvalidInput
from pipeline.review import NotInReview, Reviews
from tests.actors import mailing
from tests.actors.mailing import Essay, Mail, essay, hasty_mail, mail
from tests.chaos.stage import Stage, stage
from tests.support.command_line import CommandHere
from tests.support.redis_server import RedisServer
from tests.support.waiting import eventually

SOON = timedelta(seconds=20)


@pytest.fixture(scope="module")
def office(redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A stage with one worker of the mailing actors."""
    if not redis_server.running:
        redis_server.start()
    with stage(redis_server.url, tmp_path_factory.mktemp("office"), "office") as here:
        here.worker(threads=4, modules=(mailing.__name__,))
        yield here


@pytest.fixture
def reviews(office: Stage) -> Reviews:
    """What waits for a person in the office."""
    return Reviews(office.store, office.broker.values)


def in_review(office: Stage, run_id: str) -> dict[str, Any]:
    """Wait until a run is up for review, and give its record."""
    eventually(lambda: office.inspector.state(run_id) == "review", SOON)
    return office.inspector.show(run_id) or {}


def test_a_gate_repairs_escalates_and_asks_a_person_without_spending_an_attempt(
    office: Stage, reviews: Reviews
) -> None:
    """Cheap twice, strong twice, then a person; every grade is kept, and the run ends on its first attempt."""
    run = essay.send(Essay(topic="cells", worths=[0.1, 0.2, 0.3, 0.25]), models=Models("cheap", "strong"))
    record = in_review(office, run.id)
    assert (record.get("attempt", 0), record["errors"]) == (0, [])
    drafts = office.ledger.entries(what="draft", run=run.id)
    assert [(one.step, one.key) for one in drafts] == [
        ("cheap", ""), ("cheap", "worth 0.1"), ("strong", "worth 0.2"), ("strong", "worth 0.3"),
    ]  # fmt: skip
    asked = reviews.show(run.id)
    assert (asked.kind, asked.name, asked.item["draft"]) == ("gate", "write", "write#3")
    assert reviews.draft(run.id) == {"text": "cells by strong", "worth": 0.3}
    assert "0.30 of 0.75" in asked.reason

    reviews.approve(run.id, by="Ada", why="it will do")
    assert run.result(SOON) == "cells by strong (1)"
    assert (office.inspector.show(run.id) or {})["attempt"] == 1
    events = {event.event: event.data for event in office.inspector.events(run.id, follow=False)}
    assert events["reviewed"] == {"says": "approve", "name": "write", "by": "Ada", "why": "it will do"}
    assert len(office.ledger.entries(what="draft", run=run.id)) == 4
    with pytest.raises(NotInReview):
        reviews.approve(run.id)


def test_an_edited_draft_is_checked_and_survives_a_retry(office: Stage, reviews: Reviews) -> None:
    """One that does not fit comes back with the field named; the next is used, in later attempts too."""
    run = essay.send(Essay(topic="leaves", worths=[0.1], stumbles=1), models=Models("cheap"))
    in_review(office, run.id)
    reviews.edit(run.id, {"text": 7})
    eventually(lambda: _problem(reviews, run.id), SOON)
    assert _problem(reviews, run.id) == "the edited draft does not fit: text: Input should be a valid string"
    reviews.edit(run.id, {"text": "Leaves, by hand"})
    assert run.result(SOON) == "Leaves, by hand (2)"
    assert len(office.ledger.entries(what="draft", run=run.id)) == 2


def test_a_rejected_run_is_dead_and_says_why(office: Stage, reviews: Reviews) -> None:
    """It can be queued again like any dead run, and asks again."""
    run = essay.send(Essay(topic="menu", worths=[0.1]), models=Models("cheap"))
    in_review(office, run.id)
    reviews.reject(run.id, by="Ada", why="a menu is no document")
    record = office.inspector.show(run.id) or {}
    assert (record["state"], record["reason"]) == ("dead", "rejected: a menu is no document")
    assert record["errors"][-1]["message"] == "rejected: a menu is no document"
    assert run.id not in [row.run for row in reviews.list()]
    assert [row["id"] for row in office.inspector.list_runs("dead")] == [run.id]
    assert office.inspector.retry(run.id) == 1
    in_review(office, run.id)
    assert len(office.ledger.entries(what="draft", run=run.id)) == 2, "what was drafted is still there"


def test_an_effect_without_an_answer_waits_for_a_person(office: Stage, reviews: Reviews) -> None:
    """It is not sent again; done gives its result, undone sends it once more."""
    happened = mail.send(Mail(to="anna@example.org", times_out=True))
    lost = mail.send(Mail(to="ben@example.org", times_out=True))
    record = in_review(office, happened.id)
    in_review(office, lost.id)
    assert record["reason"] == "uncertain_effect: mail"
    assert (record.get("attempt", 0), record["errors"]) == (0, [])
    item = reviews.show(happened.id).item
    assert "anna@example.org" in item["arguments"]
    assert item["why"] == "TimeoutError: no answer"
    with pytest.raises(InvalidInput, match="asks about an effect: answer done, undone or reject"):
        reviews.approve(happened.id)

    reviews.done(happened.id, {"number": "m17"})
    reviews.undone(lost.id)
    assert happened.result(SOON) == "m17"
    assert lost.result(SOON) == item_key(office, lost.id)
    assert len(office.ledger.entries(what="mailed", run=happened.id)) == 1
    assert len(office.ledger.entries(what="mailed", run=lost.id)) == 2, "a person said that it had not happened"


def test_an_effect_is_not_sent_again_after_a_time_limit_in_the_middle(office: Stage, reviews: Reviews) -> None:
    """The attempt is over and the next one asks a person: what it waited for may have happened."""
    run = hasty_mail.send(Mail(to="dora@example.org", lingers=30))
    in_review(office, run.id)
    assert len(office.ledger.entries(what="mailed", run=run.id)) == 1
    reviews.done(run.id, {"number": "m19"})
    assert run.result(SOON) == "m19"


def test_an_effect_is_not_sent_again_after_its_worker_was_stopped_in_the_middle(redis_url: str, tmp_path: Path) -> None:
    """The run goes to another worker, which asks a person."""
    with stage(redis_url, tmp_path) as here:
        first = here.worker(modules=(mailing.__name__,), lease=1, env={"DRAMATURG_SHUTDOWN_GRACE": "1"})
        run = mail.send(Mail(to="emil@example.org", lingers=30))
        eventually(lambda: here.ledger.count("mailed") == 1, SOON)
        first.terminate()
        here.worker(modules=(mailing.__name__,), lease=1)
        in_review(here, run.id)
        assert here.ledger.count("mailed") == 1
        first.wait(SOON)


def test_an_effect_that_was_cancelled_in_the_middle_is_asked_about_by_nobody(office: Stage, reviews: Reviews) -> None:
    """The run is cancelled, and what is known of the effect stays with it."""
    run = mail.send(Mail(to="fay@example.org", lingers=30))
    eventually(lambda: office.ledger.entries(what="mailed", run=run.id), SOON)
    office.inspector.cancel(run.id)
    eventually(lambda: office.inspector.state(run.id) == "cancelled", SOON)
    assert run.id not in [row.run for row in reviews.list()]
    kept = office.store.load_checkpoints(run.id)["effect:mail"]
    assert json.loads(kept)["state"] in {"intent", "uncertain"}
    assert len(office.ledger.entries(what="mailed", run=run.id)) == 1


def test_a_cancelled_run_leaves_the_queue(office: Stage, reviews: Reviews) -> None:
    """Nobody is asked about what nobody wants."""
    run = essay.send(Essay(topic="x", worths=[0.1]), models=Models("cheap"))
    in_review(office, run.id)
    assert office.inspector.cancel(run.id) == "cancelled"
    assert run.id not in [row.run for row in reviews.list()]
    with pytest.raises(NotInReview):
        reviews.approve(run.id)


def test_an_answer_sent_twice_counts_once_and_a_stale_one_not_at_all(office: Stage, reviews: Reviews) -> None:
    """A lost reply is followed by the same call; an answer to a question that was asked anew is refused."""
    run = essay.send(Essay(topic="y", worths=[0.1]), models=Models("cheap"))
    in_review(office, run.id)
    asked = reviews._queue.find(run.id)
    assert asked is not None
    stale = asked._replace(asked_ms=asked.asked_ms - 1)
    sent = {"step": "answer:gate:write", "value": b'{"says":"edit","value":{"text":"z"}}', "told": {}}
    assert reviews._queue.answer(stale, "t0", **sent) == -3
    assert reviews._queue.answer(asked, "t1", **sent) == 1
    assert reviews._queue.answer(asked, "t1", **sent) == 0
    assert reviews._queue.answer(asked, "t2", **sent) in {-2, -3}
    assert run.result(SOON) == "z (1)"
    assert reviews._queue.answer(asked._replace(run_id="nobody"), "t3", **sent) == -1


def test_everything_is_answered_from_the_command_line(office: Stage, tmp_path: Path) -> None:
    """List, show, edit from a file, approve, done and reject, for people and for programs."""
    drafted = essay.send(Essay(topic="atoms", worths=[0.4]), models=Models("cheap"))
    other = essay.send(Essay(topic="bonds", worths=[0.4]), models=Models("cheap"))
    sent = mail.send(Mail(to="carl@example.org", times_out=True))
    for run in (drafted, other, sent):
        in_review(office, run.id)
    env = {"REDIS_URL": office.url, "DRAMATURG_NAMESPACE": "office", "DRAMATURG_HOME": str(office.folder / "home")}
    tool = CommandHere(env)
    listed = {row["run"]: row for row in tool("review", "ls", "--json").json["reviews"]}
    assert {drafted.id, other.id, sent.id} <= set(listed)
    assert (listed[sent.id]["kind"], listed[sent.id]["name"]) == ("effect", "mail")
    assert "0.40 of 0.75 by cheap: worth 0.4" in tool("review", "show", drafted.id).stdout
    assert "carl@example.org" in tool("review", "show", sent.id).stdout
    file = tmp_path / "draft.json"
    file.write_text(json.dumps(tool("review", "show", drafted.id, "--draft").json | {"text": "Atoms, edited"}))
    assert tool("review", "edit", drafted.id, str(file), "--json").json["runs"][0]["outcome"] == "edited"
    tool("review", "done", sent.id, "--result", '{"number": "m18"}', "--why", "asked Carl")
    tool("review", "reject", other.id, "--why", "too thin")
    assert drafted.result(SOON) == "Atoms, edited (1)"
    assert sent.result(SOON) == "m18"
    tool("review", "approve", other.id, code=1)
    tool("review", "done", sent.id, "--result", "{", code=2)
    tool("review", "edit", drafted.id, str(tmp_path / "none.json"), code=2)


def item_key(office: Stage, run_id: str) -> str:
    """Give the idempotency key that a run's effect was called under."""
    (key,) = {entry.key for entry in office.ledger.entries(what="called", run=run_id)}
    return key


def _problem(reviews: Reviews, run_id: str) -> str:
    try:
        return reviews.show(run_id).problem
    except NotInReview:
        return ""

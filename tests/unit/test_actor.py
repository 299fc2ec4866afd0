"""Declaring actors and checking what is sent to them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import BaseModel, Field, SecretStr

from pipeline import Actor, InvalidInput, Models, Priority, Run, Send, actor
from pipeline.actor import PAYLOAD_LIMIT
from pipeline.testing import MemoryJournal, run_inline


class Order(BaseModel):
    """A payload."""

    amount: int = Field(gt=0)
    notes: list[str] = []


@actor(name="unit.double")
def double(order: Order) -> Order:
    """Double an order."""
    return Order(amount=order.amount * 2, notes=[*order.notes, "doubled"])


@actor(name="unit.tick")
def tick() -> int:
    """Take nothing."""
    return 1


@actor(name="unit.async")
async def later(order: Order, run: Run) -> str:
    """Work on the event loop."""
    return f"{run.id}:{order.amount}"


def test_an_actor_is_a_function_that_can_be_called() -> None:
    """Called directly, an actor is its function."""
    assert double(Order(amount=2)).amount == 4
    assert tick() == 1


def test_types_come_from_the_signature() -> None:
    """The payload and the result are what the function says."""
    assert isinstance(double, Actor)
    assert (double.payload_type, double.result_type) == (Order, Order)
    assert (tick.payload_type, tick.result_type) == (None, int)
    assert (later.payload_type, later.result_type) == (Order, str)


@pytest.mark.parametrize(
    ("payload", "field", "said"),
    [
        ({"amount": 0}, "amount", "greater than 0"),
        ({"amount": "many"}, "amount", "valid integer"),
        ({}, "amount", "Field required"),
        ({"amount": 1, "notes": [1]}, "notes.0", "valid string"),
        ("text", "payload", "Order"),
        (None, "payload", "Order"),
    ],
)
def test_a_payload_that_does_not_fit_is_refused_with_its_field(payload: object, field: str, said: str) -> None:
    """The error names the actor and the field, before anything is sent."""
    with pytest.raises(InvalidInput, match=r"unit\.double") as refused:
        double.new_run(Send(payload=payload))
    assert refused.value.field == field
    assert said in str(refused.value)


def test_what_takes_nothing_refuses_a_payload() -> None:
    """An actor without a payload says so."""
    with pytest.raises(InvalidInput, match=r"takes no payload"):
        tick.new_run(Send(payload=Order(amount=1)))


@pytest.mark.parametrize(
    ("sending", "field"),
    [
        (Send(payload={"amount": 1}, delay=-timedelta(seconds=1)), "delay"),
        (Send(payload={"amount": 1}, deadline=datetime(2030, 1, 1)), "deadline"),  # noqa: DTZ001 - that is the point
        (Send(payload={"amount": 1}, key="k" * 201), "key"),
        (Send(payload={"amount": 1}, group="a\nb"), "group"),
        (Send(payload={"amount": 1, "notes": ["x" * PAYLOAD_LIMIT]}), "payload"),
    ],
)
def test_a_wrong_option_is_refused_by_name(sending: Send, field: str) -> None:
    """Delay, deadline, key, group and size are checked before anything is sent."""
    with pytest.raises(InvalidInput) as refused:
        double.new_run(sending)
    assert refused.value.field == field


def test_a_run_is_written_with_what_was_asked_for() -> None:
    """Priority, delay, deadline, key and group reach the record in the engine's units."""
    due = datetime(2030, 1, 1, tzinfo=UTC)
    run = double.new_run(
        Send(
            payload={"amount": 1},
            priority=Priority.HIGH.at(-5),
            delay=timedelta(seconds=1.5),
            deadline=due,
            key="k",
            group="g",
        )
    )
    assert (run.tier, run.number, run.delay_ms, run.deadline_ms) == (1, -5, 1500, int(due.timestamp() * 1000))
    assert (run.key, run.group, run.actor, run.queue) == ("k", "g", "unit.double", "default")


def test_signatures_that_cannot_be_sent_are_refused_when_they_are_declared() -> None:
    """Two payloads, or arguments without names, are refused at once."""
    with pytest.raises(TypeError, match="one too many"):

        @actor(name="unit.two")
        def two(a: int, b: int) -> None:
            """Take too much."""

    with pytest.raises(TypeError, match="neither a payload nor the run"):

        @actor(name="unit.any")
        def anything(*args: int) -> None:
            """Take anything."""


def test_names_and_queues_that_do_not_fit_a_key_are_refused() -> None:
    """A name is part of a Redis key."""
    for wrong in ({"name": "a b"}, {"name": "a:b"}, {"queue": "q/1"}, {"name": "x" * 200}):
        with pytest.raises(ValueError, match="is not letters"):
            actor(**wrong)(lambda: None)


def test_two_actors_of_one_name_are_refused() -> None:
    """A name on the wire means one function."""
    with pytest.raises(ValueError, match=r"two actors are named 'unit\.tick'"):

        @actor(name="unit.tick")
        def other() -> None:
            """Take its name."""


def test_a_chain_of_models_has_names() -> None:
    """An empty chain is refused where it is written."""
    assert Models("a", " b ") == ("a", "b")
    for wrong in ((), ("",), ("a", " ")):
        with pytest.raises(ValueError, match="needs at least one name"):
            Models(*wrong)


def test_priorities_have_four_tiers_and_bounded_numbers() -> None:
    """A number outside its range is refused."""
    assert Priority.CRITICAL.tier < Priority.HIGH.tier < Priority.NORMAL.tier < Priority.LOW.tier
    with pytest.raises(ValueError, match="number=1001"):
        Priority.LOW.at(1001)
    with pytest.raises(ValueError, match="tier=4"):
        Priority(4)


def count(order: Order) -> int:
    return order.amount


def spell(number: int, run_id: str) -> str:
    return f"{number}"


@actor(name="unit.steps")
def stepwise(order: Order, run: Run) -> list[str]:
    """Count, then spell each number."""
    total = run.step(count, order)
    run.progress("spelling", 10, until=90)
    return run.each(spell, range(total), run.id)


def test_an_actor_runs_inline_with_its_steps_and_reports() -> None:
    """The test kit runs an actor as a worker would, and shows what it remembered and reported."""
    done = run_inline(stepwise, Order(amount=3))
    assert done.result == ["0", "1", "2"]
    assert sorted(done.journal.steps) == ["count", "spell[0]", "spell[1]", "spell[2]"]
    assert done.journal.reports[-1] == {
        "stage": "spelling",
        "percent": 90.0,
        "message": "3 of 3",
        "done": 3,
        "total": 3,
    }


def test_an_actor_resumes_after_its_finished_steps() -> None:
    """What was remembered is not computed again."""
    journal = MemoryJournal(steps={"count": b"2", "spell[0]": b'"remembered"'})
    assert run_inline(stepwise, Order(amount=99), journal=journal).result == ["remembered", "1"]


class Login(BaseModel):
    """A payload with a secret somewhere in it."""

    user: str
    keys: list[dict[str, SecretStr]] = []


@pytest.mark.parametrize("payload", [Login(user="a"), {"user": "a", "keys": [{"main": "hunter2hunter2"}]}])
def test_a_secret_is_refused_before_it_is_stored(payload: object) -> None:
    """By the name of its field, and without its value; it would be stars to the worker besides."""

    @actor(name="unit.login")
    def log_in(login: Login) -> None:
        del login

    with pytest.raises(InvalidInput, match="keys is a secret") as refusal:
        log_in.encode(payload)
    assert refusal.value.field == "keys"
    assert "hunter2" not in str(refusal.value)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("priority", "high"),
        ("delay", 5),
        ("key", 7),
        ("period", 5),
        ("group", 7),
        ("deadline", "tomorrow"),
        ("correlation_id", 7),
        ("models", "offline"),
        ("options", 5),
    ],
)
def test_how_a_payload_is_sent_is_refused_by_name_where_its_type_is_wrong(field: str, value: object) -> None:
    """A field of another type is named; a chain given as one text would else be read letter by letter."""
    with pytest.raises(InvalidInput, match=f"{field}=") as refused:
        Send(payload="a", **{field: value})
    assert refused.value.field == field

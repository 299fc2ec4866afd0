"""A run goes along its chain of models when one fails it: real workers, real HTTP, simulated providers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from pipeline import RunHandle, Send
from pipeline.engine import keys
from pipeline.engine.gates import Gates
from pipeline.testing import (
    Answer,
    Exchange,
    Hang,
    Refusal,
    SimulatedProvider,
    Status,
    bad_key,
    context_overflow,
    no_such_model,
    out_of_quota,
    rate_limited,
    unavailable,
)
from tests.actors import asking
from tests.actors.asking import HUGE, KNOWN, LARGE, SMALL, Book, Question, ask_well, read_book
from tests.chaos.breaking import provider
from tests.chaos.stage import Stage, stage
from tests.support.processes import Process
from tests.support.redis_server import RedisServer
from tests.support.waiting import eventually

SECOND = timedelta(seconds=1)
PATIENCE = timedelta(seconds=20)
MODELS = {"small": SMALL, "large": LARGE, "huge": HUGE}


@dataclass
class World:
    """A worker, the models it can ask, and what they were asked since the test began."""

    here: Stage
    served: SimulatedProvider
    env: dict[str, str]
    worker: Process
    before: int = 0
    gates: Gates = field(init=False)

    def __post_init__(self) -> None:
        self.gates = Gates(self.here.store)

    def begin(self) -> None:
        """Have all models well, and forget what was before."""
        for short, name in MODELS.items():
            self.served.on(short, Answer(f"{short} says it"))
            self.gates.close_breaker(name)
        for above in ("openai", "anthropic"):
            self.gates.close_breaker(above)
        self.before = len(self.served.calls)

    @property
    def asked(self) -> list[str]:
        """The models that were asked, in order."""
        return [call.model for call in self.served.calls[self.before :]]

    def record(self, handle: RunHandle[Any]) -> dict[str, Any]:
        """What is known of a run, and that it spent no attempt but the one that succeeded."""
        shown = self.here.inspector.show(handle.id)
        assert shown is not None
        assert (shown["state"], shown["attempt"]) == ("completed", 1)
        assert {error["kind"] for error in shown["errors"]} <= {"moved", "rate_limited"}
        return shown

    def time_passes(self, name: str) -> None:
        """Let the time be over for which a provider, or a model, is passed over."""
        over = {"broken_ms": 1, "limited_ms": 1}
        self.here.store.client.hset(keys.breaker(self.here.store.namespace, name), mapping=over)


@pytest.fixture(scope="module")
def running(redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A stage with one worker that all tests of this module use."""
    if not redis_server.running:
        redis_server.start()
    folder = tmp_path_factory.mktemp("fallback")
    with stage(redis_server.url, folder, "fallback") as here, provider() as (served, env):
        yield World(here, served, env, here.worker(threads=3, modules=[asking.__name__], env=env))


@pytest.fixture
def world(running: World) -> World:
    """The same, with all models well."""
    running.begin()
    return running


class Reads:
    """Answers what is short enough, and says of the rest that it does not fit."""

    def __init__(self, characters: int) -> None:
        self._characters = characters

    def play(self, exchange: Exchange) -> None:
        short = len(exchange.call.prompt) <= self._characters
        (Answer("read") if short else context_overflow()).play(exchange)


@pytest.mark.parametrize(("tokens", "chosen"), [(5_000, "large"), (15_000, "huge")])
def test_what_does_not_fit_goes_at_once_to_the_first_model_that_it_fits(world: World, tokens: int, chosen: str) -> None:
    """By the windows that are known; those between are not asked."""
    world.served.on("small", context_overflow())
    handle = ask_well.send(Question(text="x" * 4 * tokens))
    assert handle.result(PATIENCE).model == MODELS[chosen]
    assert world.asked == ["small", chosen]
    world.record(handle)


def test_what_fits_no_model_is_split(world: World) -> None:
    """Down to what the largest that is left can read; each piece has its result."""
    world.served.on("small", Reads(4_000))
    world.served.on("large", Reads(40_000))
    handle = read_book.send(Book(chapters=["a" * 2_000, "b" * 60_000]))
    assert handle.result(PATIENCE) == ["read"] * 3
    assert world.asked == ["small", "small", "small", "large", "large"], "a short one, the whole, a half, both halves"
    world.record(handle)


def test_bad_answers_move_on_after_their_tries_and_no_finished_step_is_repeated(world: World) -> None:
    """Two of each model; every call is kept with who was asked, who answered, why, and what it took."""
    world.served.on("small", Answer("bad", tokens_in=10, tokens_out=20))
    world.served.on("large", Answer("bad"), Answer("bad"))
    world.served.on("huge", Answer("good", tokens_in=1_000, tokens_out=500))
    handle = ask_well.send(Question(never="bad"))
    assert handle.result(PATIENCE).model == HUGE
    assert world.asked == ["small"] * 2 + ["large"] * 2 + ["huge"]
    assert len(world.here.ledger.entries(what="step", run=handle.id)) == 1
    calls = world.record(handle)["calls"]
    assert [(call["asked"], call["model"], call["reason"]) for call in calls] == [
        (SMALL, SMALL, ""),
        (SMALL, SMALL, ""),
        (SMALL, LARGE, "quality"),
        (SMALL, LARGE, "quality"),
        (SMALL, HUGE, "quality"),
    ]
    first, last = calls[0], calls[-1]
    assert (first["tokens_in"], first["tokens_out"], first["micros"]) == (10, 20, 50)
    assert (last["tokens_in"], last["tokens_out"], last["micros"]) == (1_000, 500, 200_000)
    assert all(call["seconds"] > 0 and call["outcome"] == "ok" and call["at_ms"] > 0 for call in calls)
    assert [event.event for event in world.here.inspector.events(handle.id, follow=False)].count("fallback") == 4
    assert KNOWN


@pytest.mark.parametrize("wrong", [Refusal(), no_such_model()], ids=["a refusal", "a name that is not known"])
def test_what_is_wrong_with_one_model_moves_on_at_once(world: World, wrong: Refusal | Status) -> None:
    """For this run, and for good."""
    world.served.on("small", wrong)
    handle = ask_well.send(Question())
    assert handle.result(PATIENCE).model == LARGE
    assert world.asked == ["small", "large"]
    world.record(handle)


@pytest.mark.parametrize("wrong", [bad_key(), out_of_quota()], ids=["a key", "a quota"])
def test_a_provider_without_account_is_passed_over_by_all_runs_and_comes_back(world: World, wrong: Status) -> None:
    """Its other models too; the first run that finds it well again makes it so for all."""
    world.served.on("small", wrong)
    handles = [ask_well.send(Question()) for _ in range(2)]
    assert {handle.result(PATIENCE).model for handle in handles} == {HUGE}
    for handle in handles:
        world.record(handle)
    later = ask_well.send(Question())
    assert later.result(PATIENCE).model == HUGE
    assert world.asked.count("small") <= 2
    assert "large" not in world.asked
    world.served.on("small", Answer("well again"))
    world.time_passes("openai")
    assert ask_well.send(Question()).result(PATIENCE).model == SMALL


def test_a_model_that_asks_for_a_moment_is_waited_for(world: World) -> None:
    """No longer than the chain says; the next one is not asked."""
    world.served.on("small", rate_limited(1), Answer("now"))
    handle = ask_well.send(Question())
    assert handle.result(PATIENCE).model == SMALL
    assert world.asked == ["small", "small"]
    first, second = (call.at for call in world.served.calls[-2:])
    assert 0.99 <= second - first <= 4
    world.record(handle)


def test_a_model_that_asks_for_long_is_passed_over(world: World) -> None:
    """For as long as it asked: the next run does not ask it either, and a later one does."""
    world.served.on("small", rate_limited(60), Answer("now"))
    handles = [ask_well.send(Question())]
    assert handles[0].result(PATIENCE).model == LARGE
    handles.append(ask_well.send(Question()))
    assert handles[1].result(PATIENCE).model == LARGE
    assert world.asked == ["small", "large", "large"]
    for handle in handles:
        world.record(handle)
    world.time_passes(SMALL)
    assert ask_well.send(Question()).result(PATIENCE).model == SMALL


def test_when_all_models_are_away_it_waits_for_the_earliest(world: World) -> None:
    """And is not dead: it goes on by itself when one is back."""
    for short in MODELS:
        world.served.on(short, bad_key())
    handle = ask_well.send(Question())
    eventually(lambda: world.here.inspector.state(handle.id) == "snoozed", PATIENCE)
    waiting = ask_well.send(Question())
    for short in MODELS:
        world.served.on(short, Answer("back"))
    assert world.here.inspector.state(waiting.id) == "queued"
    world.gates.close_breaker("anthropic")
    assert waiting.result(PATIENCE).model == HUGE
    world.here.store.client.zadd(keys.delayed("fallback"), {handle.id: 1})
    assert handle.result(PATIENCE).model == HUGE
    world.record(handle)


def test_one_model_throughout_is_waited_for(world: World) -> None:
    """Limited, or behind an open breaker: it is never replaced."""
    world.served.on("small", rate_limited(1), Answer("now"))
    handle = ask_well.send_many([Send(payload=Question(), models=[SMALL])])[0]
    assert handle.result(PATIENCE).model == SMALL
    world.gates.open_breaker(SMALL, 1_000)
    again = ask_well.send_many([Send(payload=Question(), models=[SMALL])])[0]
    assert again.result(PATIENCE).model == SMALL
    assert set(world.asked) == {"small"}
    world.record(handle)
    world.record(again)


def test_an_outage_moves_runs_on_without_spending_their_attempts(world: World) -> None:
    """As soon as the breaker has opened; those that found it out have spent one each at most."""
    world.served.on("small", unavailable())
    handles = ask_well.send_many([Question()] * 20)
    assert {handle.result(PATIENCE).model for handle in handles} == {LARGE}
    assert world.asked.count("small") <= 13, "ten, and what was on its way"
    spent = [(world.here.inspector.show(handle.id) or {})["attempt"] - 1 for handle in handles]
    assert sum(spent) <= 10


def test_what_was_made_offline_says_so(world: World) -> None:
    """At the end of a chain it does what the models would not."""
    world.served.on("small", Refusal())
    handle = ask_well.send_many([Send(payload=Question(), models=[SMALL, "offline"])])[0]
    assert handle.result(PATIENCE).text == "by heart"
    assert SMALL in world.record(handle)["degraded"]
    sound = ask_well.send_many([Send(payload=Question(), models=[LARGE, "offline"])])[0]
    assert sound.result(PATIENCE).model == LARGE
    assert "degraded" not in world.record(sound)


def test_the_choice_survives_a_killed_worker(world: World) -> None:
    """The next worker asks the model it had moved to, and repeats no step."""
    world.served.on("small", Answer("bad"))
    world.served.on("large", Hang())
    handle = ask_well.send(Question(never="bad"))
    eventually(lambda: world.asked == ["small", "small", "large"], PATIENCE)
    world.worker.kill()
    world.served.on("large", Answer("good"))
    world.worker = world.here.worker(threads=3, modules=[asking.__name__], env=world.env)
    assert handle.result(timedelta(seconds=40)).model == LARGE
    assert world.asked == ["small", "small", "large", "large"]
    assert len(world.here.ledger.entries(what="step", run=handle.id)) == 1
    world.record(handle)

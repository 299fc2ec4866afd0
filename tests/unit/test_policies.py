"""The deployment's file over what the code says, without a Redis: declaring connects nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from pipeline import Breaker, Budget, Limit, Models, Retry
from pipeline.actor import Actor
from pipeline.blobs import Blobs
from pipeline.engine.broker import PipelineBroker
from pipeline.engine.connection import connect
from pipeline.engine.store import Store
from pipeline.engine.values import Values
from pipeline.llm import catalogue
from pipeline.policies import Policies, Setting
from pipeline.policy_file import PolicyFile, PolicyFileError

DAY = timedelta(minutes=10)


class Order(BaseModel):
    """What is packed."""

    user: str
    items: list[str] = []


def pack(order: Order) -> str:
    return order.user


def order_actor(name: str = "pack", **policies: Any) -> Actor[Order, str]:
    return Actor(pack, name=name, queue=policies.pop("queue", "default"), **policies)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[PipelineBroker]:
    """A broker whose Redis is never asked."""
    made = PipelineBroker(Store(connect(f"unix://{tmp_path}/none")), Values(Blobs(tmp_path)), models=("openai:usual",))
    yield made
    made.close()
    catalogue.tell({})


def of(broker: PipelineBroker, actor: Actor[Any, Any], **in_redis: Any) -> dict[str, Setting]:
    assert broker.policies is not None
    return {one.option: one for one in broker.policies.of(actor, in_redis, timeout=DAY)}


def mistakes(broker: PipelineBroker, said: dict[str, Any], *actors: Actor[Any, Any], whole: bool = False) -> list[str]:
    policies = Policies(broker, PolicyFile(Path("p.toml"), said))

    def declare() -> None:
        with policies.together(whole=whole):
            for actor in actors:
                broker.declare_actor(actor)

    with pytest.raises(PolicyFileError) as error:
        declare()
    return list(error.value.mistakes)


def test_without_a_file_the_code_is_in_force(broker: PipelineBroker) -> None:
    """And it is told apart from the defaults."""
    actor = order_actor(retry=Retry(attempts=7), timeout=timedelta(minutes=2), breaker=Breaker("shelf"))
    Policies(broker)
    broker.declare_actor(actor)
    found = of(broker, actor)
    assert found["retry.attempts"] == Setting("retry.attempts", 7, "code")
    assert found["retry.base"] == Setting("retry.base", "5s", "default")
    assert found["timeout"] == Setting("timeout", "2m", "code")
    assert found["models"] == Setting("models", ["openai:usual"], "default")
    assert found["breaker"] == Setting("breaker", "shelf", "code")
    assert of(broker, order_actor(queue="ai"))["limit ai"].origin == "default"


def test_a_file_stands_over_the_code_option_by_option(broker: PipelineBroker) -> None:
    """What it does not say stays as the code has it."""
    actor = order_actor(
        retry=Retry(attempts=7, base=timedelta(seconds=3)),
        models=Models("openai:a", "offline", tries=4),
        limits=[Limit("own", rate=1), Limit("shared", rate=5)],
        breaker=Breaker("shelf"),
    )
    said = {
        "actors": {"pack": {"retry": {"attempts": 2}, "timeout": "90s", "model_tries": 1, "limits": ["own", "night"]}},
        "queues": {"default": {"at_once": 3}},
        "limits": {"night": {"rate": 2, "per": "1m"}, "own": {"concurrency": 9}},
        "breakers": {"shelf": {"minimum": 2}, "openai": {"minimum": 5}},
        "budgets": {"day": {"usd": 4}},
        "models": {"openai:a": {"window": 1000}},
    }
    Policies(broker, PolicyFile(Path("p.toml"), said))
    broker.declare_actor(actor)
    assert actor.retry == Retry(attempts=2, base=timedelta(seconds=3))
    assert (actor.timeout, actor.options["time_limit"]) == (timedelta(seconds=90), 90_000)
    assert actor.models == ("openai:a", "offline")
    assert actor.models is not None
    assert (actor.models.tries, actor.models.wait) == (1, timedelta(seconds=10))
    assert actor.limits == (Limit("own", concurrency=9), Limit("night", rate=2, per=timedelta(minutes=1)))
    assert actor.breaker == Breaker("shelf", minimum=2)
    assert broker.at_once == {"ai": 30, "default": 3}
    assert broker.budgets == (Budget("day", usd=4),)
    assert {breaker.name for breaker in broker.breakers} == {"shelf", "openai"}
    assert catalogue.window("openai:a") == 1000
    found = of(broker, actor)
    from_file = {name for name, one in found.items() if one.origin == "file"}
    assert from_file == {
        *("retry.attempts", "timeout", "model_tries", "limits", "limit own", "limit night"),
        *("breaker shelf", "budget day", "at_once"),
    }
    assert found["retry.base"].origin == found["models"].origin == found["breaker"].origin == "code"


def test_a_model_option_alone_holds_for_the_usual_chain(broker: PipelineBroker) -> None:
    """An actor that names no models gets those of the settings, with the tries of the file."""
    actor = order_actor()
    Policies(broker, PolicyFile(Path("p.toml"), {"actors": {"pack": {"model_tries": 5}}}))
    broker.declare_actor(actor)
    assert actor.models == ("openai:usual",)
    assert actor.models is not None
    assert actor.models.tries == 5


def test_mistakes_that_need_the_actors_are_told_together(broker: PipelineBroker) -> None:
    """A limit or breaker that nobody defines, a field that the payload lacks, values that contradict the code."""
    said = {
        "actors": {
            "pack": {"limits": ["nite", "by_shop"], "breaker": "shelf", "retry": {"cap": "1s"}},
            "send": {"models": ["offline", "openai:a"], "limits": ["ai"]},
        },
        "limits": {"by_shop": {"rate": 1, "by": "shop"}},
    }
    told = mistakes(broker, said, order_actor(), order_actor("send"))
    assert told == [
        "[actors.pack] retry: Retry(base=0:00:05, cap=0:00:01): needs 0 < base <= cap",
        "[actors.pack] limits: there is no limit 'nite': define it in [limits.nite]",
        "[limits.by_shop] by: the payload of pack has no 'shop'; it has user, items",
        "[actors.pack] breaker: there is no breaker 'shelf': define it in [breakers.shelf], which may be empty",
        "[actors.send] models: Models('offline', 'openai:a'): offline needs no model, so nothing can come after it",
    ]


def test_actors_and_queues_that_nobody_declares_are_mistakes_of_the_whole(broker: PipelineBroker) -> None:
    """A process that knows some of the actors only does not complain about the others."""
    said = {"actors": {"pack": {}, "pakc": {}}, "queues": {"default": {}, "dfault": {}}}
    told = mistakes(broker, said, order_actor(), whole=True)
    assert told == [
        "[actors.pakc]: there is no such actor; there are pack",
        "[queues.dfault]: there is no such queue; there are default",
    ]
    policies = Policies(broker, PolicyFile(Path("p.toml"), said))
    with policies.together():
        broker.declare_actor(order_actor("again"))


def test_an_actor_declared_later_is_refused_at_once(broker: PipelineBroker) -> None:
    """It does not run under half of what was meant."""
    Policies(broker, PolicyFile(Path("p.toml"), {"actors": {"pack": {"limits": ["nite"]}}}))
    with pytest.raises(PolicyFileError, match="there is no limit 'nite'"):
        broker.declare_actor(order_actor())
    assert "pack" not in broker.actors


def test_what_is_set_by_hand_or_elsewhere_is_told_as_that(broker: PipelineBroker) -> None:
    """Redis knows both; by hand stands over all."""
    actor = order_actor(limits=[Limit("own", rate=1, by="group")])
    Policies(broker)
    broker.declare_actor(actor)
    mine, other, by_hand = actor.limits[0].config(), {"rate": 2}, {"rate": 3}

    def limits(**found: Any) -> dict[str, Setting]:
        return of(broker, actor, limits={name.replace("_", ":", 1): value for name, value in found.items()})

    assert limits(declared_own=mine)["limit own"] == Setting("limit own", mine, "code")
    assert limits(declared_own=other)["limit own"] == Setting("limit own", other, "elsewhere")
    found = limits(declared_own=other, set_own=by_hand, **{"set_own=acme": {"rate": 9}})
    assert found["limit own"] == Setting("limit own", by_hand, "by hand")
    assert found["limit own=acme"] == Setting("limit own=acme", {"rate": 9}, "by hand")

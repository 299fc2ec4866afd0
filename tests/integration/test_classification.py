"""What the real clients raise when a provider fails, and what each of it is: a table."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from pipeline import llm, testing
from pipeline.classification import Classified, classify
from pipeline.testing import Behaviour, SimulatedProvider, Status
from tests.support.model_clients import CLIENTS, Address


@pytest.fixture(scope="module")
def provider() -> Iterator[SimulatedProvider]:
    """One provider for all cases, told anew by each."""
    with SimulatedProvider() as running:
        yield running


@pytest.fixture(autouse=True)
def _none_configured() -> Iterator[None]:
    yield
    llm.configure(None)


def classified(client: str, address: Address) -> Classified:
    """Give what a client's exception is, when it asks at this address."""
    llm.configure(
        llm.Providers(
            openai_api_key="key",
            openai_base_url=address.url,
            anthropic_api_key="key",
            anthropic_base_url=address.root,
        )
    )
    with pytest.raises(Exception) as caught:  # noqa: PT011 - which one it is, is what the table is about
        CLIENTS[client](address)
    return classify(caught.value)


GENERATE = ("generate openai", "generate anthropic")
#: The clients that look at the answer; the others hand on what came.
READERS = ("agent openai", "agent anthropic", *GENERATE)
WHOLE = tuple(name for name in CLIENTS if "stream" not in name)

#: Behaviour, what every client's exception is, what it is where a client knows less or more, and which clients raise.
Case = tuple[Behaviour, tuple[str, str], dict[str, tuple[str, str]], tuple[str, ...]]
ALL = tuple(CLIENTS)

CASES: dict[str, Case] = {
    "429": (testing.rate_limited(), ("rate_limited", "too many requests"), {}, ALL),
    "no quota": (
        testing.out_of_quota(),
        ("permanent", "quota"),
        {"urllib": ("rate_limited", "too many requests")},  # it has not read the body, and reading it could wait
        ALL,
    ),
    "payment": (Status(402, "pay"), ("permanent", "quota"), {}, ALL),
    "too long": (
        testing.context_overflow(),
        ("context_overflow", "context overflow"),
        {"urllib": ("permanent", "rejected")},
        ALL,
    ),
    "too large": (Status(413, "too large"), ("context_overflow", "too large"), {}, ALL),
    "over the tokens a minute": (
        Status(429, "Request too large for m: Limit 10000, Requested 20000", "rate_limit_exceeded", "tokens"),
        ("context_overflow", "over the token limit"),
        {"urllib": ("rate_limited", "too many requests")},
        ALL,
    ),
    "filtered": (testing.filtered(), ("content", "filtered"), {"urllib": ("permanent", "rejected")}, ALL),
    "bad key": (testing.bad_key(), ("permanent", "auth"), {}, ALL),
    "not allowed": (Status(403, "no"), ("permanent", "auth"), {}, ALL),
    "no such model": (
        testing.no_such_model(),
        ("permanent", "no such model"),
        {"urllib": ("permanent", "not found")},
        ALL,
    ),
    "bad request": (Status(400, "bad option"), ("permanent", "rejected"), {}, ALL),
    "not processable": (Status(422, "bad option"), ("permanent", "rejected"), {}, ALL),
    "request timeout": (Status(408, "slow"), ("transient", "request timeout"), {}, ALL),
    "conflict": (Status(409, "busy"), ("transient", "conflict"), {}, ALL),
    "too early": (Status(425, "early"), ("transient", "too early"), {}, ALL),
    "500": (testing.server_error(), ("transient", "server error"), {}, ALL),
    "502 page": (testing.bad_gateway(), ("transient", "bad gateway"), {}, ALL),
    "503": (testing.unavailable(), ("transient", "unavailable"), {}, ALL),
    "504": (Status(504, "slow", None, "api_error"), ("transient", "gateway timeout"), {}, ALL),
    "529": (testing.overloaded(), ("transient", "overloaded"), {}, ALL),
    "moved": (
        Status(302, headers={"Location": "http://127.0.0.1:1/"}),
        ("transient", "connection refused"),  # most clients follow
        dict.fromkeys(("httpx2", *GENERATE), ("permanent", "redirected")),
        tuple(name for name in ALL if name != "requests"),  # told not to follow, it calls that an answer
    ),
    "hangs": (testing.Hang(), ("timeout", "read timeout"), {"urllib": ("timeout", "timeout")}, ALL),
    "reset": (testing.Cut(), ("transient", "connection reset"), {}, ALL),
    "reset midway": (testing.Cut(after=100), ("transient", "connection reset"), {}, ALL),
    "half an answer": (testing.Half(), ("transient", "half answer"), {}, ALL),
    "headers and no answer": (testing.Half(part=0.0), ("transient", "half answer"), {}, ALL),
    "an error in the stream": (testing.Faltering(testing.overloaded()), ("transient", "overloaded"), {}, ALL),
    "a page for an answer": (
        testing.no_json(),
        ("transient", "malformed answer"),
        dict.fromkeys(GENERATE, ("transient", "no answer")),  # a stream without one event
        ("httpx2", "requests", "urllib", *READERS),
    ),
    "broken JSON": (
        testing.broken_json(),
        ("transient", "malformed answer"),
        dict.fromkeys(GENERATE, ("transient", "no answer")),
        WHOLE,
    ),
    "model writes no JSON": (
        testing.malformed(),
        ("quality", "no JSON"),
        {"agent anthropic": ("quality", "wrong shape")},  # whole answers of this interface hold parsed values
        READERS,
    ),
    "model writes another shape": (testing.wrong_shape(), ("quality", "wrong shape"), {}, READERS),
    "refuses": (testing.Refusal(), ("content", "refused"), {}, READERS),
    "cut off": (
        testing.Truncated(),
        ("quality", "truncated"),
        {"agent anthropic": ("quality", "wrong shape")},
        READERS,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_clients_raise_has_the_kind_of_what_happened(provider, case):
    """Whichever client was used, however deep the reason is wrapped."""
    behaviour, expected, other, clients = CASES[case]
    found = {}
    for client in clients:
        provider.on("m", behaviour)
        seen = classified(client, provider)
        found[client] = (seen.kind, seen.why)
    assert found == {client: other.get(client, expected) for client in clients}


@pytest.mark.parametrize("client", CLIENTS)
def test_a_provider_that_is_not_there_is_told_from_one_that_has_no_address(client):
    """A port where nobody listens; a name that nobody knows."""
    found = [
        classified(client, Address(f"{root}/v1", root)) for root in ("http://127.0.0.1:1", "http://nowhere.invalid")
    ]
    assert [(one.kind, one.why) for one in found] == [
        ("transient", "connection refused"),
        ("transient", "name not found"),
    ]


@pytest.mark.parametrize("client", CLIENTS)
def test_the_wait_a_provider_asks_for_is_read(provider, client):
    """In seconds, as a date, not at all; of a server that is overloaded as of one that limits."""
    waits = []
    for behaviour in (
        testing.rate_limited(7),
        testing.unavailable(3),
        testing.rate_limited(),
        testing.out_of_quota(),
        testing.rate_limited(timedelta(hours=1)),
    ):
        provider.on("m", behaviour)
        waits.append(classified(client, provider).retry_after)
    assert waits[:4] == [timedelta(seconds=7), timedelta(seconds=3), None, None]
    assert timedelta(minutes=59) < waits[4] <= timedelta(hours=1)

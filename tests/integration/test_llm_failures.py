"""What each way a provider can fail becomes, over real connections to a simulated provider."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from datetime import timedelta

import pytest
from pydantic import BaseModel

from pipeline import errors, testing
from pipeline.llm import Providers, configure, generate
from pipeline.testing import Answer, SimulatedProvider

OPENAI_KEY = "sk-openai-0123456789"
ANTHROPIC_KEY = "no.known.form.0123456789"
SERVER_KEY = "hunter2"
ECHO = f"{OPENAI_KEY} {ANTHROPIC_KEY} {SERVER_KEY} sk-somebody-elses-key"
NAMES = {"server": "{url}#m", "openai": "openai:m", "anthropic": "anthropic:m"}


class Word(BaseModel):
    """An answer."""

    word: str


@pytest.fixture(scope="module")
def provider() -> Iterator[SimulatedProvider]:
    """One provider for all cases, told anew by each."""
    with SimulatedProvider() as running:
        yield running


@pytest.fixture(autouse=True)
def _configured(provider: SimulatedProvider) -> Iterator[None]:
    configure(
        Providers(
            openai_api_key=OPENAI_KEY,
            openai_base_url=provider.url,
            anthropic_api_key=ANTHROPIC_KEY,
            anthropic_base_url=provider.root,
            llm_api_key=SERVER_KEY,
        )
    )
    provider.calls.clear()
    yield
    configure(None)


CASES = {
    "429 with Retry-After": (testing.rate_limited(7), errors.RateLimited, "slow down"),
    "429 without": (testing.rate_limited(), errors.RateLimited, "slow down"),
    "429 in the far future": (testing.rate_limited("Wed, 21 Oct 2099 07:28:00 GMT"), errors.RateLimited, ""),
    "no quota": (testing.out_of_quota(), errors.Permanent, "no quota or credit left"),
    "too long": (testing.context_overflow(), errors.ContextOverflow, "too long"),
    "too large": (testing.Status(413, "too large"), errors.ContextOverflow, "413"),
    "bad key": (testing.bad_key(ECHO), errors.AuthFailed, "401"),
    "not allowed": (testing.Status(403, "no"), errors.AuthFailed, "403"),
    "no such model": (testing.no_such_model(), errors.Permanent, "404"),
    "bad request": (testing.Status(400, "bad option"), errors.Permanent, "bad option"),
    "moved": (testing.Status(302, headers={"Location": "http://127.0.0.1:1/"}), errors.Permanent, "leads elsewhere"),
    "request timeout": (testing.Status(408, "slow"), errors.Transient, "408"),
    "500": (testing.server_error(), errors.Transient, "500"),
    "502 page": (testing.bad_gateway(), errors.Transient, "a page of HTML"),
    "503": (testing.unavailable(), errors.Transient, "503"),
    "529": (testing.overloaded(), errors.Transient, "529"),
    "200 page": (testing.no_json(), errors.Transient, ""),
    "reset": (testing.Cut(), errors.Transient, "connection failed"),
    "reset midway": (testing.Cut(after=100), errors.Transient, "connection failed"),
    "hangs": (testing.Hang(), errors.Timeout, "read limit"),
    "trickles": (testing.Trickle(Answer({"word": "yes"})), errors.Timeout, "within the time limit"),
    "refuses": (testing.Refusal(), errors.ContentRefused, "refused"),
    "cut off": (testing.Truncated(), errors.QualityError, ""),
    "bad JSON": (Answer('{"word": '), errors.QualityError, "not of the asked shape"),
    "chatter": (Answer("Sure, here you are!"), errors.QualityError, "not of the asked shape"),
    "wrong shape": (Answer({"letter": "y"}), errors.QualityError, "not of the asked shape"),
    "empty": (Answer(""), errors.QualityError, "not of the asked shape"),
}
#: Seconds for the whole call and for one read, where a case is about them.
LIMITS = {"hangs": (60, 0.3), "trickles": (0.6, 60)}


@pytest.mark.parametrize("dialect", NAMES)
@pytest.mark.parametrize("case", CASES)
def test_a_failure_has_its_kind_after_one_request_and_shows_no_key(provider, case, dialect):
    """The class says what to do next; nothing was retried; the traceback holds no secret, whatever was echoed."""
    behaviour, expected, says = CASES[case]
    provider.on("m", behaviour)
    timeout, read_timeout = LIMITS.get(case, (60, 60))
    with pytest.raises(errors.Failure) as caught:
        generate(
            NAMES[dialect].format(url=provider.url),
            Word,
            instructions="Say a word.",
            prompt="Now.",
            timeout=timedelta(seconds=timeout),
            read_timeout=timedelta(seconds=read_timeout),
        )
    assert type(caught.value) is expected
    assert says in str(caught.value)
    assert len(provider.calls) == 1
    shown = "".join(traceback.format_exception(caught.value))
    assert not [key for key in ECHO.split() if key in shown]


def test_retry_after_is_kept_within_a_day(provider):
    """Seconds as they were asked for; a date in another century is not believed."""
    waits = []
    for value in (7, None, "Wed, 21 Oct 2099 07:28:00 GMT"):
        model = provider.on("m", testing.rate_limited(value))
        with pytest.raises(errors.RateLimited) as caught:
            generate(model, Word, instructions="Say a word.", prompt="Now.")
        waits.append(caught.value.retry_after)
    assert waits == [timedelta(seconds=7), None, timedelta(days=1)]


@pytest.mark.parametrize("dialect", NAMES)
def test_a_server_that_says_when_it_is_back_is_believed(provider, dialect):
    """503 and 529, with Retry-After and without; as long as it says, up to a day."""
    waits = []
    for status in (503, 529):
        for headers in ({"Retry-After": "7"}, {}, {"Retry-After": "999999"}):
            provider.on("m", testing.Status(status, "busy", "overloaded", "overloaded_error", headers))
            with pytest.raises(errors.Transient) as caught:
                generate(NAMES[dialect].format(url=provider.url), Word, instructions="Say a word.", prompt="Now.")
            waits.append(caught.value.retry_after)
    assert waits == [timedelta(seconds=7), None, timedelta(days=1)] * 2


def test_a_server_that_is_not_there_is_a_passing_failure():
    """Connection refused, and a name that does not resolve."""
    for address in ("http://127.0.0.1:1/v1#m", "http://nowhere.invalid/v1#m"):
        with pytest.raises(errors.Transient, match="connection failed"):
            generate(address, Word, instructions="Say a word.", prompt="Now.")


def test_a_provider_that_recovers_is_used_again(provider):
    """A cut connection does not stay in the pool."""
    model = provider.on("m", testing.Cut(), testing.server_error(), Answer({"word": "yes"}))
    for failure in (errors.Transient, errors.Transient):
        with pytest.raises(failure):
            generate(model, Word, instructions="Say a word.", prompt="Now.")
    assert generate(model, Word, instructions="Say a word.", prompt="Now.").output.word == "yes"

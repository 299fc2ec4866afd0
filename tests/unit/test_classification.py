"""The kinds of failure: whose rule decides, what is asked of an exception, and how long it asks to wait."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from dramatiq.errors import RateLimitExceeded
from dramatiq.middleware import TimeLimitExceeded
from dramatiq.middleware.shutdown import Shutdown

from pipeline import errors
from pipeline.classification import UNKNOWN, Rule, classify, table
from pipeline.engine.interrupts import PastDeadline, Stopped
from pipeline.errors import KINDS, Kind
from pipeline.health import ACCOUNT, DOWN
from pipeline.retry import Retry
from pipeline.retry_after import LONGEST_WAIT, asked_wait
from pipeline.verdict import decide

S = timedelta(seconds=1)
NOW = datetime(2030, 1, 1, 12, 0, 0, tzinfo=UTC)


class Answered(Exception):  # noqa: N818 - reads better
    """Somebody's exception of an HTTP answer."""

    def __init__(self, status: Any = None, headers: Any = None, body: Any = None, code: Any = None) -> None:
        super().__init__("something")
        self.status_code = status
        self.headers = headers
        self.body = body
        self.code = code


class Hostile(Exception):  # noqa: N818 - reads better
    """An exception that cannot be read."""

    def __str__(self) -> str:
        raise RuntimeError

    @property
    def response(self) -> Any:
        raise RuntimeError

    @property
    def headers(self) -> Any:
        return 5


class Odd(errors.QualityError):
    """A failure of a user's own making."""


@pytest.mark.parametrize(
    ("raised", "kind", "why"),
    [
        (errors.Transient("x"), "transient", ""),
        (errors.Timeout("x"), "timeout", ""),
        (errors.RateLimited("x"), "rate_limited", ""),
        (errors.ResourceExhausted("x"), "resource", ""),
        (errors.QualityError("x"), "quality", ""),
        (Odd("x"), "quality", ""),
        (errors.ContextOverflow("x"), "context_overflow", ""),
        (errors.ContentRefused("x"), "content", "refused"),
        (errors.Permanent("x"), "permanent", ""),
        (errors.InvalidInput("x", field="y"), "permanent", "invalid data"),
        (errors.AuthFailed("x"), "permanent", "auth"),
        (errors.BudgetExceeded("x"), "permanent", "budget exceeded"),
        (errors.Snooze(S), "snoozed", ""),
        (errors.Parked(S), "parked", ""),
        (errors.Waiting("x"), "waiting", ""),
        (errors.NeedsReview("x", item={}), "review", ""),
        (errors.Moved("x"), "moved", ""),
        (errors.Cancelled("x"), "cancelled", ""),
        (Stopped("x"), "cancelled", ""),
        (errors.Interrupted("x"), "interrupted", ""),
        (Shutdown("x"), "interrupted", "worker stopping"),
        (errors.LeaseLost("x"), "interrupted", "lease lost"),
        (errors.Unavailable("x"), "snoozed", "unavailable"),
        (PastDeadline("x"), "timeout", "deadline"),
        (TimeLimitExceeded("x"), "timeout", "time limit"),
        (RateLimitExceeded("x"), "rate_limited", "too many requests"),
        (MemoryError(), "resource", "memory"),
        (TimeoutError(), "timeout", "timeout"),
        (BrokenPipeError(), "transient", "connection reset"),
        (RuntimeError("can't start new thread"), "resource", "threads"),
        (KeyError("x"), "transient", UNKNOWN),
        (KeyboardInterrupt(), "transient", UNKNOWN),
        (SystemExit(404), "transient", UNKNOWN),
        (Hostile(), "transient", UNKNOWN),
        (Answered(status="nonsense", headers=[1], body=b"\xff"), "transient", UNKNOWN),
        (Answered(status=418), "permanent", "rejected"),
        (Answered(status=521), "transient", "server error"),
        (Answered(body={"error": {"innererror": {"code": "content_filter"}}}, status=400), "content", "filtered"),
        (Answered(code="Insufficient_Quota", status=429), "permanent", "quota"),
    ],
)
def test_every_failure_has_one_kind_and_says_why(raised: BaseException, kind: Kind, why: str) -> None:
    """Ours by their class, the others by the table; what nobody knows is transient, and says that it is unknown."""
    found = classify(raised)
    assert (found.kind, found.why) == (kind, why)


def test_a_failure_that_says_why_itself_is_believed() -> None:
    """More closely than its class does."""
    failure = errors.Permanent("x")
    failure.why = "quota"
    assert classify(failure).why == "quota"


def test_a_rule_sees_the_status_and_code_that_a_failure_of_ours_came_with() -> None:
    """So that rules hold for what ``llm.generate`` raises as for a client of the actor's own."""
    failure = errors.RateLimited("m: HTTP 429: slow down")
    failure.status, failure.code = 429, "tokens_per_day"
    assert classify(failure, [Rule("permanent", "day is over", status=429, code="tokens_per_day")]).why == "day is over"
    assert classify(failure, [Rule("permanent", "day is over", status=500)]).kind == "rate_limited"


def test_what_caused_it_is_read_too() -> None:
    """As deep as it is wrapped; our own failures below as well; but not what was only going on meanwhile."""
    wrapped, again = RuntimeError("could not fetch"), RuntimeError("nothing to show")
    wrapped.__cause__ = ConnectionResetError()
    again.__cause__ = wrapped
    assert classify(again).why == "connection reset"
    wrapped.__cause__ = errors.InvalidInput("x")
    assert (classify(again).kind, classify(again).rule) == ("permanent", None)
    meanwhile = KeyError("x")
    meanwhile.__context__ = ConnectionResetError()
    assert classify(meanwhile).why == UNKNOWN
    ring = RuntimeError("a")
    ring.__cause__ = RuntimeError("b")
    ring.__cause__.__cause__ = ring
    assert classify(ring).why == UNKNOWN


def test_the_outermost_of_our_own_decides() -> None:
    """A worker that stops while Redis is away is a worker that stops."""
    stopping = errors.Interrupted("worker is stopping")
    stopping.__cause__ = errors.Unavailable("Redis")
    assert classify(stopping).kind == "interrupted"


def test_a_group_is_as_bad_as_its_worst() -> None:
    """One that no try can mend is not tried again for its neighbours' sake; one that was cancelled is cancelled."""
    passing, hopeless = ConnectionResetError(), errors.InvalidInput("x")
    assert classify(ExceptionGroup("x", [passing, TimeoutError()])).kind == "timeout"
    assert classify(ExceptionGroup("x", [passing, ExceptionGroup("y", [hopeless])])).why == "invalid data"
    assert classify(BaseExceptionGroup("x", [hopeless, errors.Cancelled()])).kind == "cancelled"


@pytest.mark.parametrize(
    ("rule", "raised"),
    [
        (Rule("permanent", "mine", exception=KeyError), KeyError("x")),
        (Rule("permanent", "mine", exception=LookupError), KeyError("x")),
        (Rule("permanent", "mine", exception="KeyError"), KeyError("x")),
        (Rule("permanent", "mine", exception="builtins.*"), KeyError("x")),
        (Rule("permanent", "mine", exception=(OSError, "KeyError")), KeyError("x")),
        (Rule("permanent", "mine", message=r"no such \w+"), RuntimeError("No such tenant")),
        (Rule("permanent", "mine", status=503), Answered(status=503)),
        (Rule("permanent", "mine", status=range(500, 600)), Answered(status=599)),
        (Rule("permanent", "mine", status=(500, 503)), Answered(status=503)),
        (Rule("permanent", "mine", code="TENANT_GONE"), Answered(status=503, code="tenant_gone")),
        (
            Rule("permanent", "mine", status=503, message="something", code="x", exception=Answered),
            Answered(503, code="x"),
        ),
        (Rule("permanent", "mine", exception=errors.Transient), errors.Transient("x")),
        (Rule("permanent", "mine", exception="TimeLimitExceeded"), TimeLimitExceeded("x")),
    ],
)
def test_a_users_rule_comes_first(rule: Rule, raised: BaseException) -> None:
    """By class, name, status, code or message, or all of them."""
    assert classify(raised).why != "mine"
    found = classify(raised, [Rule("resource", "other", exception="NobodyRaisesThis"), rule])
    assert (found.kind, found.why, found.rule) == ("permanent", "mine", rule)


@pytest.mark.parametrize(
    "rule",
    [
        Rule("permanent", "mine", exception="LookupErro"),
        Rule("permanent", "mine", exception="other.KeyError"),
        Rule("permanent", "mine", exception="built.*"),
        Rule("permanent", "mine", exception=KeyError, status=500),
        Rule("permanent", "mine", exception=KeyError, message="^y"),
        Rule("permanent", "mine", exception=KeyError, code="x"),
    ],
)
def test_a_rule_fits_only_if_everything_it_asks_for_holds(rule: Rule) -> None:
    """Nearly is not enough."""
    assert classify(KeyError("x"), [rule]).why == UNKNOWN


@pytest.mark.parametrize(
    "raised",
    [
        errors.Cancelled(),
        errors.Interrupted(),
        errors.Waiting(),
        errors.NeedsReview("x", item={}),
        errors.Parked(S),
        errors.Moved(),
        errors.Snooze(S),
        errors.Unavailable(),
        errors.LeaseLost(),
        Shutdown("x"),
        PastDeadline("x"),
    ],
)
def test_no_rule_makes_a_failure_of_what_is_none(raised: BaseException) -> None:
    """A run that waits, moves or stops goes on doing that, however wide a user's rule is."""
    wide = Rule("permanent", "mine", exception=BaseException)
    assert classify(raised, [wide]) == classify(raised)


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "permanent"},
        {"kind": "fatal", "exception": KeyError},
        {"kind": "permanent", "message": "("},
    ],
)
def test_a_rule_that_makes_no_sense_is_refused_where_it_is_written(wrong: dict[str, Any]) -> None:
    """Not when the first failure comes."""
    with pytest.raises(ValueError, match="Rule"):
        Rule(why="mine", **wrong)


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7 * S),
        ({"retry-after": " 1.5 "}, 1.5 * S),
        ({"retry-after": "0"}, 0 * S),
        ({"retry-after-ms": "250", "retry-after": "7"}, 0.25 * S),
        ({"retry-after": "Tue, 01 Jan 2030 12:00:30 GMT"}, 30 * S),
        ({"retry-after": "Tuesday, 01-Jan-30 12:00:30 GMT"}, 30 * S),
        ({"retry-after": "Tue, 01 Jan 2030 11:00:00 GMT"}, 0 * S),
        ({"retry-after": "2030-01-01T12:00:30Z"}, 30 * S),
        ({"retry-after": "Wed, 21 Oct 2099 07:28:00 GMT"}, LONGEST_WAIT),
        ({"retry-after": "999999"}, LONGEST_WAIT),
        ({"retry-after": "999999999999"}, LONGEST_WAIT),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "9" * 400}, None),
        ({"x-ratelimit-reset-requests": "1s", "x-ratelimit-reset-tokens": "6m0s"}, 360 * S),
        (
            {
                "x-ratelimit-reset-requests": "1s",
                "x-ratelimit-remaining-requests": "0",
                "x-ratelimit-reset-tokens": "6m0s",
                "x-ratelimit-remaining-tokens": "9",
            },
            1 * S,
        ),
        ({"x-ratelimit-reset-tokens": "20ms"}, 0.02 * S),
        ({"x-ratelimit-reset-tokens": "1h2m3.5s"}, 3723.5 * S),
        ({"x-ratelimit-reset": str(int(NOW.timestamp()) + 40)}, 40 * S),
        ({"x-ratelimit-reset": str((int(NOW.timestamp()) + 40) * 1000)}, 40 * S),
        ({"ratelimit-reset": "12"}, 12 * S),
        ({"anthropic-ratelimit-tokens-reset": "2030-01-01T12:01:00Z"}, 60 * S),
        ({"x-ratelimit-reset-tokens": "whenever"}, None),
        ({"x-ratelimit-reset-tokens": "1s", "retry-after": "7"}, 7 * S),
    ],
)
def test_each_form_of_a_wait_is_read(headers: dict[str, str], wait: timedelta | None) -> None:
    """Seconds, dates, milliseconds, spans; what nobody understands asks for nothing, what is mad is bounded."""
    assert asked_wait(headers, resets=True, now=NOW) == wait
    assert classify(Answered(429, headers), now=NOW).retry_after == wait


def test_a_clock_that_is_wrong_here_does_no_harm() -> None:
    """A date is compared with the provider's own."""
    headers = {"Date": "Tue, 01 Jan 2030 12:00:00 GMT", "Retry-After": "Tue, 01 Jan 2030 12:00:30 GMT"}
    assert classify(Answered(429, headers)).retry_after == 30 * S


def test_the_resets_of_limits_count_only_when_one_was_hit() -> None:
    """They stand in every answer; only a 429 is about them."""
    headers = {"x-ratelimit-reset-requests": "9s"}
    assert classify(Answered(503, headers)).retry_after is None
    assert classify(Answered(429, headers)).retry_after == 9 * S


def test_a_failure_of_ours_keeps_its_wait() -> None:
    """Whatever it is called."""
    assert classify(errors.RateLimited("x", retry_after=7 * S)).retry_after == 7 * S
    assert classify(errors.Transient("x", retry_after=7 * S)).retry_after == 7 * S
    assert classify(errors.Parked(7 * S)).retry_after == 7 * S


def test_the_table_says_everything_that_decides() -> None:
    """Each row with a known kind, a reason and a condition, and whether it costs an attempt, as the verdict has it."""
    rows = table()
    assert {row["kind"] for row in rows} == set(KINDS)
    assert all(row["when"] for row in rows)
    assert all(row["why"] for row in rows if not row["when"].startswith("pipeline.errors."))
    assert all(row["spends"] == decide(row["kind"], attempt=1, retry=Retry()).spends for row in rows)
    assert rows[-1] == {"kind": "transient", "why": UNKNOWN, "when": "anything else", "spends": True}


def test_what_the_health_of_a_provider_is_read_from_stands_in_the_table() -> None:
    """A reason that is renamed here is missed there."""
    assert {row["why"] for row in table()} >= (DOWN | ACCOUNT)


def test_the_example_in_the_guide_runs() -> None:
    """As it stands there."""
    root = Path(__file__).parent.parent.parent
    (block,) = re.findall(r"```python\n(.*?)```", (root / "docs/classification.md").read_text("utf-8"), re.DOTALL)
    shown = block + "\nprint([rule.why for rule in sync_tenant.rules])"
    done = subprocess.run(
        [sys.executable, "-c", shown], cwd=root, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "['tenant gone', 'no answer in it', 'crm is busy']"

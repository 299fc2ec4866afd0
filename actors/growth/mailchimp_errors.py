"""What Mailchimp's bad answers stand for."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import orjson

from actors.growth.wire import Reply
from pipeline.errors import AuthFailed, Failure, InvalidInput, Permanent, PipelineError, RateLimited

#: An address that signed up to many lists is refused for minutes to days; nobody says for how long.
ADDRESS_THROTTLED = timedelta(hours=6)

_TOO_MANY_LISTS = "signed up to a lot of lists very recently"
#: What no retry and no machine may change: a person has to sign up again by their own hand.
_PEOPLE_SAID_NO = {
    "member in compliance state": "has unsubscribed, bounced or is under review: only they can sign up again",
    "forgotten email not subscribed": "was deleted for good: only they can sign up again",
}


def explain(reply: Reply) -> PipelineError | None:
    """Give the failure that an answer of the marketing interface stands for; None where its status says enough."""
    problem = problem_of(reply)
    if reply.status == 429 or (reply.status == 403 and problem is None):  # noqa: PLR2004 - HTTP's own numbers
        # Under much load it answers 403 with a page: that is a throttle, and says nothing of the key.
        return _told(RateLimited("Mailchimp asks for fewer calls at the same time"), reply, "too many requests", {})
    return None if problem is None else of_problem(problem, reply)


def of_problem(problem: dict[str, Any], reply: Reply) -> PipelineError | None:
    """Give the failure that a problem document stands for, also one inside of a batch's results."""
    title, detail = str(problem.get("title", "")), str(problem.get("detail", ""))
    said = f"Mailchimp: {title}: {detail}"
    no = _PEOPLE_SAID_NO.get(title.lower())
    if no is not None:
        return _told(Permanent(f"the address {no} ({title})"), reply, "consent withdrawn", problem)
    if _TOO_MANY_LISTS in detail:
        late = RateLimited("the address signed up to many lists lately", retry_after=ADDRESS_THROTTLED)
        return _told(late, reply, "address throttled", problem)
    if reply.status in {401, 403}:
        return _told(AuthFailed(said), reply, "auth", problem)
    if reply.status == 404:  # noqa: PLR2004 - HTTP's own number
        return _told(Permanent(said), reply, "not found", problem)
    if reply.status in {400, 422}:
        return _told(_invalid(said, problem), reply, "invalid data", problem)
    return None


def problem_of(reply: Reply) -> dict[str, Any] | None:
    """Read a problem document; None if the answer is none."""
    try:
        found = orjson.loads(reply.body)
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None


def _invalid(said: str, problem: dict[str, Any]) -> InvalidInput:
    errors = [one for one in problem.get("errors") or [] if isinstance(one, dict)]
    fields = [str(one.get("field", "")) for one in errors]
    told = "; ".join(f"{one.get('field')}: {one.get('message')}" for one in errors)
    return InvalidInput(f"{said} {told}".strip(), field=fields[0] if fields else None)


def _told(failure: Failure, reply: Reply, why: str, problem: dict[str, Any]) -> Failure:
    failure.why, failure.status, failure.code = why, reply.status, str(problem.get("title", ""))
    return failure

"""What an answer of HubSpot that is no good stands for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from actors.growth.wire import Reply
from pipeline.errors import AuthFailed, Failure, InvalidInput, RateLimited, Transient

#: How long a record that is being merged or written stays locked.
_LOCKED = timedelta(seconds=2)
#: The window of the limits that are not daily.
_WINDOW = timedelta(seconds=10)
_SHOWN = 500
_LOCKED_STATUS, _MIGRATING_STATUS, _TOO_MANY = 423, 477, 429


def explain(reply: Reply, now: Callable[[], datetime], zone: ZoneInfo) -> Failure | None:
    """Give the failure; none where the status alone says enough."""
    said = told_by(reply)
    message = f"HubSpot: {str(said.get('message') or reply.status)[:_SHOWN]}"
    category = str(said.get("category") or said.get("errorType") or "")
    failure: Failure | None = None
    if reply.status == _TOO_MANY:
        failure = RateLimited(message, retry_after=_wait(reply, str(said.get("policyName", "")), now(), zone))
    elif reply.status in (401, 403):
        failure = AuthFailed(message)
    elif reply.status == _LOCKED_STATUS:
        failure = Transient(message, retry_after=reply.retry_after or _LOCKED)
    elif reply.status == _MIGRATING_STATUS:
        failure = Transient(message, retry_after=reply.retry_after)
    elif reply.status == 400:  # noqa: PLR2004 - HTTP's own number
        failure = InvalidInput(message, field=field_in(said) or None)
    if failure is not None:
        failure.status, failure.code = reply.status, category
    return failure


def told_by(reply: Reply) -> dict[str, Any]:
    """Give what an answer says as JSON, or nothing."""
    try:
        said = orjson.loads(reply.body)
    except orjson.JSONDecodeError:
        return {}
    return said if isinstance(said, dict) else {}


def field_in(said: dict[str, Any]) -> str:
    """Give the property that an answer complains of; empty if it names none."""
    for error in said.get("errors") or ():
        context = error.get("context") if isinstance(error, dict) else None
        names = context.get("propertyName") if isinstance(context, dict) else None
        if isinstance(names, list) and names:
            return str(names[0])
    return ""


def _wait(reply: Reply, policy: str, now: datetime, zone: ZoneInfo) -> timedelta:
    if policy.upper() == "DAILY" or reply.headers.get("x-hubspot-ratelimit-daily-remaining", "") == "0":
        return _till_midnight(now, zone)
    if reply.retry_after is not None:
        return reply.retry_after
    window = reply.headers.get("x-hubspot-ratelimit-interval-milliseconds", "")
    return timedelta(milliseconds=int(window)) if window.isdigit() and int(window) < 60_000 else _WINDOW  # noqa: PLR2004 - a minute


def _till_midnight(now: datetime, zone: ZoneInfo) -> timedelta:
    here = now.astimezone(zone)
    # Midnight by the calendar there: a day on which the clocks change is not 24 hours long.
    midnight = datetime(here.year, here.month, here.day, tzinfo=zone) + timedelta(days=1)
    return timedelta(seconds=midnight.timestamp() - now.timestamp())

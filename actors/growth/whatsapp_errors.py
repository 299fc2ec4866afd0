"""What the error codes of the WhatsApp Cloud API stand for: the code decides, its HTTP status is told differently.

A code says that nothing was sent; only where it does not, as with "something went wrong", nobody knows.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from actors.growth.wire import Reply
from pipeline.errors import AuthFailed, Failure, InvalidInput, Permanent, RateLimited, Transient

#: Codes that ask for a pause, and how long it is: nothing was sent, and the same request may be right later.
PAUSES: dict[int, tuple[timedelta, str]] = {
    2: (timedelta(minutes=1), "the service is down or overloaded"),
    4: (timedelta(minutes=5), "the app's calls are used up"),
    80007: (timedelta(minutes=5), "the account's calls are used up"),
    80008: (timedelta(minutes=5), "the account's calls are used up"),
    130429: (timedelta(seconds=5), "the number sends too fast"),
    131016: (timedelta(minutes=1), "the service is overloaded"),
    131048: (timedelta(hours=6), "the number is restricted: messages were blocked or flagged as spam"),
    131049: (timedelta(hours=24), "this person gets no more marketing messages for now"),
    131056: (timedelta(seconds=6), "the number sends too fast to this person"),
    131057: (timedelta(minutes=10), "the account is in maintenance"),
    132015: (timedelta(hours=3), "the template is paused for its quality"),
    133004: (timedelta(minutes=1), "the service is overloaded"),
    133016: (timedelta(hours=72), "the number was registered too often"),
}

#: Codes that a person has to see to: the token, or what the app may do.
AUTH = frozenset({0, 3, 10, 190, 131005, *range(200, 300)})

#: Codes that say which part of the request is at fault.
WRONG: dict[int, str] = {
    33: "phone_number_id",
    100: "request",
    131008: "request",
    131009: "request",
    131021: "to",
    131030: "to",
    131051: "type",
    131052: "media",
    131053: "media",
    132000: "parameters",
    132001: "template",
    132005: "parameters",
    132007: "template",
    132008: "parameters",
    132012: "parameters",
    132018: "parameters",
}

#: Codes that no other try, and no other request to this person, would change soon.
REFUSED: dict[int, str] = {
    368: "the account is blocked for breaking a policy",
    130403: "this person is out of reach here",
    130472: "this person is part of an experiment of WhatsApp's and gets no marketing messages",
    130497: "the account may not write to this country",
    131026: "undeliverable: no WhatsApp there, or too old, or its terms were not accepted",
    131031: "the account is locked",
    131037: "the display name of the number is not approved",
    131042: "the account has not paid",
    131045: "the number is not registered",
    131047: "they wrote more than 24 hours ago: only a template may be sent",
    131050: "this person stopped marketing messages",
    132016: "the template is disabled for its quality",
    133010: "the number is not registered",
}

#: The whole text of an error, at most: it turns up in logs.
_LONGEST = 300


def explain(reply: Reply) -> Failure | None:
    """Give the failure that an answer stands for; None for a code that is not known, or no code."""
    error = _error(reply)
    if error is None:
        return None
    code = error["code"]
    data = error.get("error_data")
    details = data.get("details") if isinstance(data, dict) else None
    said = f"WhatsApp: ({code}) {details or error.get('message') or 'no message'}"[:_LONGEST]
    failure = _failure(code, said, transient=error.get("is_transient") is True)
    if failure is not None:
        failure.status, failure.code = reply.status, str(code)
    return failure


def _failure(code: int, said: str, *, transient: bool) -> Failure | None:
    failure: Failure
    if code in PAUSES:
        pause, why = PAUSES[code]
        failure = RateLimited(said, retry_after=pause)
    elif code in AUTH:
        failure, why = AuthFailed(said), "auth"
    elif code in WRONG:
        failure, why = InvalidInput(said, field=WRONG[code]), "invalid data"
    elif code in REFUSED:
        failure, why = Permanent(said), REFUSED[code]
    elif code in {1, 131000} or transient:
        failure, why = Transient(said), "something went wrong there"
    else:
        return None
    failure.why = why
    return failure


def _error(reply: Reply) -> dict[str, Any] | None:
    try:
        told = reply.json()
    except Transient:
        return None  # a page of something between us and them: its status decides
    error = told.get("error") if isinstance(told, dict) else None
    return error if isinstance(error, dict) and isinstance(error.get("code"), int) else None

"""What a provider's error means for the run, said without a secret in it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING

from pipeline.errors import (
    AuthFailed,
    ContentRefused,
    ContextOverflow,
    Failure,
    Permanent,
    QualityError,
    RateLimited,
    Timeout,
    Transient,
)
from pipeline.llm.names import ModelName

if TYPE_CHECKING:
    from pydantic_ai.exceptions import ModelAPIError

_LONGEST = 300
_LOOKS_LIKE_A_KEY = re.compile(r"\b(?:sk|pk|key|xai|gsk)-[\w*.-]{6,}|\bBearer\s+\S+", re.IGNORECASE)
_MARKUP = re.compile(r"<\s*(?:!doctype|html|head|body)\b", re.IGNORECASE)
#: Answers that another try may not meet, though they carry a status of the 400s.
_PASSING = (408, 409, 425)
_TOO_LARGE = 413
#: A provider that asks for more than this is not waited for any longer.
_LONGEST_WAIT = timedelta(days=1)
#: How pydantic-ai begins when the envelope is broken, not what the model wrote in it.
_NO_ANSWER = ("Invalid response from", "Streamed response ended without")
_TAIL = re.compile(r"\s*For further information visit \S+")
_FILTERED = ("content_policy_violation", "content_filter", "moderation")


def failure_of(error: Exception, name: ModelName, secrets: Iterable[str]) -> Failure | None:  # noqa: PLR0911 - a table, one row a return
    """Name the failure that an exception stands for; none if it is no provider's."""
    if isinstance(error, Failure):
        return error
    import httpx2
    from pydantic_ai import exceptions as ai

    if isinstance(error, TimeoutError):
        return Timeout(f"{name}: no complete answer within the time limit")
    if isinstance(error, ai.ModelAPIError):
        return _api_failure(error, name, scrub(_detail(error), secrets))
    said = scrub(str(getattr(error, "message", error)), secrets)
    if isinstance(error, ai.ContentFilterError):
        return ContentRefused(f"{name}: refused to answer: {said}")
    if isinstance(error, ai.OutputTokenLimitExceeded):
        return QualityError(f"{name}: the answer was cut off at the limit of output tokens")
    if isinstance(error, ai.UnexpectedModelBehavior):
        if said.startswith(_NO_ANSWER):
            return Transient(f"{name}: {said}")
        return QualityError(f"{name}: the answer is not of the asked shape: {_shape(error, secrets)}")
    if isinstance(error, httpx2.TransportError):
        return Transient(f"{name}: {type(error).__name__}: {said}")
    if isinstance(error, ai.UserError):
        return Permanent(f"{name}: {said}")
    return None


def _api_failure(error: ModelAPIError, name: ModelName, said: str) -> Failure:  # noqa: PLR0911 - a table, one row a return
    from pydantic_ai import exceptions as ai

    status = error.status_code if isinstance(error, ai.ModelHTTPError) else None
    heading = f"{name}: HTTP {status}: {said}" if status else f"{name}: {said}"
    if isinstance(error, ai.ModelQuotaExceededError):
        return Permanent(f"{name}: the account behind this key has no quota or credit left: {said}")
    if isinstance(error, ai.ModelRateLimitError):
        return RateLimited(heading, retry_after=_wait(error.retry_after))
    if isinstance(error, ai.ModelTimeoutError | ai.ModelRequestTimeout):
        return Timeout(f"{name}: no byte came within the read limit")
    if isinstance(error, ai.ModelConnectionError):
        return Transient(f"{name}: connection failed: {said}")
    kinds: tuple[tuple[type[ai.ModelAPIError], type[Failure]], ...] = (
        (ai.ModelContextWindowExceededError, ContextOverflow),
        (ai.ModelAuthenticationError, AuthFailed),
    )
    for theirs, ours in kinds:
        if isinstance(error, theirs):
            return ours(heading)
    if isinstance(error, ai.ModelServerError | ai.ModelUnavailableError):
        return Transient(heading, retry_after=_wait(error.retry_after))
    return _rejected(error, name, status, heading)


def _rejected(error: ModelAPIError, name: ModelName, status: int | None, heading: str) -> Failure:
    if error.provider_error_code in _FILTERED or _was_flagged(error.body):
        return ContentRefused(heading)
    if _redirected(error):
        return Permanent(f"{name}: the address of the provider leads elsewhere: give the one it leads to")
    if status is None or status in _PASSING:
        # An answer that is no answer: a gateway in between, cut off or confused.
        return Transient(heading, retry_after=_wait(error.retry_after))
    return ContextOverflow(heading) if status == _TOO_LARGE else Permanent(heading)


def _wait(seconds: float | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=min(seconds, _LONGEST_WAIT.total_seconds()))


def _redirected(error: Exception) -> bool:
    return 300 <= getattr(error.__cause__, "status_code", 0) < 400  # noqa: PLR2004 - HTTP's own range


def _shape(error: Exception, secrets: Iterable[str]) -> str:
    return scrub(_TAIL.sub("", str(error.__cause__ or error)), secrets)


def _was_flagged(body: object) -> bool:
    metadata = body.get("metadata") if isinstance(body, dict) else None
    return isinstance(metadata, dict) and ("flagged_input" in metadata or "reasons" in metadata)


def _detail(error: Exception) -> str:
    body = getattr(error, "body", None)
    if isinstance(body, dict):
        inner = body.get("error")
        said = (inner if isinstance(inner, dict) else body).get("message")
        if isinstance(said, str):
            return said
    cause = error.__cause__
    text = str(body) if isinstance(body, str) else str(getattr(error, "message", error))
    if _MARKUP.search(text):
        return "a page of HTML in place of an answer"
    if cause is not None and cause.__cause__ is not None:  # the SDK says "Connection error."; below it stands why
        return f"{text} ({type(cause.__cause__).__name__}: {cause.__cause__})".replace(": )", ")")
    return text


def scrub(text: str, secrets: Iterable[str]) -> str:
    """Put the text on one line, cut to a readable length, with every key in it blotted out."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, "***")
    text = " ".join(_LOOKS_LIKE_A_KEY.sub("***", text).split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"

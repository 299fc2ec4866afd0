"""What a provider's error means for the run, said without a secret in it."""

from __future__ import annotations

import re
from collections.abc import Iterable

from pipeline.classification import UNKNOWN, Classified, classify
from pipeline.errors import (
    AuthFailed,
    ContentRefused,
    ContextOverflow,
    Failure,
    Kind,
    Permanent,
    QualityError,
    RateLimited,
    ResourceExhausted,
    Timeout,
    Transient,
)
from pipeline.llm.names import ModelName
from pipeline.redaction import redact

_LONGEST = 300
_LOOKS_LIKE_A_KEY = re.compile(r"\b(?:sk|pk|key|xai|gsk)-[\w*.-]{6,}|\bBearer\s+\S+", re.IGNORECASE)
_MARKUP = re.compile(r"<\s*(?:!doctype|html|head|body)\b", re.IGNORECASE)
_TAIL = re.compile(r"\s*For further information visit \S+")

_CLASSES: dict[Kind, type[Failure]] = {
    "transient": Transient,
    "timeout": Timeout,
    "rate_limited": RateLimited,
    "resource": ResourceExhausted,
    "quality": QualityError,
    "context_overflow": ContextOverflow,
    "content": ContentRefused,
    "permanent": Permanent,
}

_FAILED = "connection failed: {said}"
_SHAPE = "the answer is not of the asked shape: {shape}"
_LATE = "no complete answer within the time limit"
#: What is said of a failure, by why it is one; of the others what the provider said.
_SENTENCES = {
    "quota": "the account behind this key has no quota or credit left: {said}",
    "refused": "refused to answer: {said}",
    "truncated": "the answer was cut off at the limit of output tokens",
    "no JSON": _SHAPE,
    "wrong shape": _SHAPE,
    "half answer": "the answer broke off: {said}",
    "no answer": "no answer came: {said}",
    "read timeout": "no byte came within the read limit",
    "connect timeout": "no connection within its time limit",
    "time limit": _LATE,
    "timeout": _LATE,
    "redirected": "the address of the provider leads elsewhere: give the one it leads to",
    "connection": _FAILED,
    "connection refused": _FAILED,
    "connection reset": _FAILED,
    "name not found": _FAILED,
    "network unreachable": _FAILED,
    "certificate": _FAILED,
}


def failure_of(error: Exception, name: ModelName, secrets: Iterable[str]) -> Failure | None:
    """Name the failure that an exception stands for; none if nothing is known of it."""
    if isinstance(error, Failure):
        return error
    found = classify(error)
    if found.why == UNKNOWN or found.kind not in _CLASSES:
        return None
    failure = _made(found, f"{name}: {_sentence(error, found, tuple(secrets))}")
    failure.why = found.why
    failure.status = _status(error)
    failure.code = str(getattr(error, "provider_error_code", None) or getattr(error, "provider_error_type", None) or "")
    return failure


def _made(found: Classified, message: str) -> Failure:
    ours = AuthFailed if found.why == "auth" else _CLASSES[found.kind]
    if issubclass(ours, Transient | RateLimited):
        return ours(message, retry_after=found.retry_after)
    return ours(message)


def _sentence(error: Exception, found: Classified, secrets: Iterable[str]) -> str:
    said = scrub(_detail(error), secrets)
    template = _SENTENCES.get(found.why)
    if template is not None:
        return template.format(said=said, shape=scrub(_TAIL.sub("", str(error.__cause__ or error)), secrets))
    status = _status(error)
    return f"HTTP {status}: {said}" if status else said


def _status(error: Exception) -> int | None:
    status = getattr(error, "status_code", None)
    return status if isinstance(status, int) else None


def _detail(error: Exception) -> str:
    from pydantic_ai.exceptions import UnexpectedModelBehavior

    said = str(getattr(error, "message", error)) or type(error).__name__
    if isinstance(error, UnexpectedModelBehavior):
        return said  # its body is what the model wrote
    body = getattr(error, "body", None)
    if isinstance(body, dict):
        inner = body.get("error")
        message = (inner if isinstance(inner, dict) else body).get("message")
        if isinstance(message, str):
            return message
    text = body if isinstance(body, str) else said
    if _MARKUP.search(text):
        return "a page of HTML in place of an answer"
    cause = error.__cause__
    if cause is not None and cause.__cause__ is not None:  # the SDK says "Connection error."; below it stands why
        return f"{text} ({type(cause.__cause__).__name__}: {cause.__cause__})".replace(": )", ")")
    return text


def scrub(text: str, secrets: Iterable[str]) -> str:
    """Put the text on one line, cut to a readable length, with every key in it blotted out."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, "***")
    text = " ".join(_LOOKS_LIKE_A_KEY.sub("***", redact(text)).split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"

"""What an exception and its causes tell of a failure: names, HTTP status, codes, message and headers.

Libraries are known by the names of their classes, so that none of them has to be imported to be recognised. Nothing
here raises: an exception whose attributes cannot be read tells less.
"""

from __future__ import annotations

import errno
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

#: How far down the causes are followed.
_DEPTH = 10
#: What is read of a message, and of the body of an answer.
_MESSAGE_LIMIT = 2_000
_BODY_LIMIT = 64_000
#: Libraries that wrap what happened below without naming it as the cause.
_WRAPPERS = ("requests", "urllib3", "urllib", "httpcore", "httpcore2", "redis")
#: Where exceptions keep what the provider calls the failure.
_CODE_NAMES = ("code", "type", "provider_error_code", "provider_error_type", "sqlstate", "pgcode")
_BODY_CODE_NAMES = ("code", "type", "status", "Code")
#: How OpenRouter says that an input was flagged: by a key, and by no code.
_FLAGGED = ("flagged_input", "reasons")


@dataclass(frozen=True)
class Evidence:
    """What one exception of a chain tells: the names of its classes, with and without module; codes in lower case."""

    error: BaseException
    names: frozenset[str]
    status: int | None
    codes: frozenset[str]
    text: str
    headers: Mapping[str, str]


def chain_of(error: BaseException) -> list[Evidence]:
    """Read an exception and what it says it was caused by, outermost first; a message goes on with those below."""
    chain = [_read(link) for link in _links(error)]
    return [replace(link, text=" ".join(below.text for below in chain[place:])) for place, link in enumerate(chain)]


def _links(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen and len(seen) < _DEPTH:
        seen.add(id(link))
        yield link
        below = link.__cause__
        if below is None and str(type(link).__module__).partition(".")[0] in _WRAPPERS:
            below = link.__context__
        link = below


def _read(error: BaseException) -> Evidence:
    response = _attribute(error, "response")
    body = _body(error, response)
    said = [_said(error), *(str(one["message"]) for one in _levels(body) if isinstance(one.get("message"), str))]
    return Evidence(
        error,
        _names(type(error)),  # type: ignore[arg-type] # a class is hashable, whatever its instances are
        _status(error, response),
        frozenset(code.lower() for code in _codes(error, body)),
        " ".join(said)[:_MESSAGE_LIMIT],
        _headers(error) or _headers(response),
    )


@lru_cache(maxsize=512)
def _names(raised: type[BaseException]) -> frozenset[str]:
    classes = raised.__mro__
    return frozenset(f"{one.__module__}.{one.__qualname__}" for one in classes) | {one.__name__ for one in classes}


def _attribute(owner: object, name: str) -> Any:
    try:
        return getattr(owner, name, None)
    except Exception:  # noqa: BLE001 - a property of somebody's exception; what cannot be read tells nothing
        return None


def _said(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - see _attribute
        return ""


def _status(error: BaseException, response: Any) -> int | None:
    if isinstance(error, SystemExit):
        return None
    found = [_attribute(error, name) for name in ("status_code", "status", "code")]
    found += [_attribute(response, name) for name in ("status_code", "status")]
    if isinstance(response, dict):  # as botocore has it
        found.append(_level(response.get("ResponseMetadata")).get("HTTPStatusCode"))
    statuses = (int(one) for one in found if isinstance(one, int) and 100 <= one < 600)  # noqa: PLR2004 - HTTP's own range
    return next(statuses, None)


def _codes(error: BaseException, body: Any) -> Iterator[str]:
    for name in _CODE_NAMES:
        code = _attribute(error, name)
        if isinstance(code, str):
            yield code
    number = error.errno if isinstance(error, OSError) else None
    if isinstance(number, int) and number in errno.errorcode:
        yield errno.errorcode[number]
    for level in _levels(body):
        yield from (level[name] for name in _BODY_CODE_NAMES if isinstance(level.get(name), str))
        if any(sign in _level(level.get("metadata")) for sign in _FLAGGED):
            yield "flagged_input"


def _body(error: BaseException, response: Any) -> Any:
    body = _attribute(error, "body")
    if body is not None:
        return body
    if isinstance(response, dict):
        return response
    # What was read already; reading more now could wait for the network.
    content = _level(_attribute(response, "__dict__")).get("_content")
    if not isinstance(content, bytes) or len(content) > _BODY_LIMIT or not content.lstrip().startswith(b"{"):
        return None
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def _levels(body: Any) -> Iterator[dict[str, Any]]:
    """Give the parts of a body that may say what happened: an error is often wrapped in one or two others."""
    outer = _level(body)
    inner = _level(outer.get("error") or outer.get("Error"))
    yield from (outer, inner, _level(inner.get("innererror")))


def _level(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _headers(owner: Any) -> dict[str, str]:
    headers = _attribute(owner, "headers")
    try:
        return {str(name).lower(): str(value) for name, value in headers.items()}
    except Exception:  # noqa: BLE001 - see _attribute
        return {}

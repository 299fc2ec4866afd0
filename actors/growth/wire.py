"""Wire: one HTTP request to another system, and its answer or what was wrong with it."""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import orjson

from pipeline.errors import Failure, PipelineError, RateLimited, Transient

if TYPE_CHECKING:
    import httpx2

#: An answer that is longer than this, unpacked, is not read to its end.
LONGEST_ANSWER = 10 * 1024 * 1024
_CONNECT = timedelta(seconds=10)
_LONGEST_WAIT = timedelta(days=1)
#: How much of an answer is shown in an error.
_SHOWN = 300
_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Reply:
    """The answer to one request; the names of its headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Read the body as JSON; raises ``Transient`` if it is none: whether the call was done is not known then."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError as error:
            told = Transient(f"answered {self.status} with what is not JSON: {self.body[:80]!r}")
            told.status, told.why = self.status, "malformed answer"
            raise told from error

    @property
    def retry_after(self) -> timedelta | None:
        """How long the other side asks to be left alone, in seconds or by a date; None if it did not say."""
        said = self.headers.get("retry-after", "").strip()
        if re.fullmatch(r"\d{1,9}(\.\d+)?", said):
            return min(timedelta(seconds=float(said)), _LONGEST_WAIT)
        until, here = _date(said), _date(self.headers.get("date", "")) or datetime.now(UTC)
        return None if until is None else max(timedelta(0), min(until - here, _LONGEST_WAIT))


def unexplained(reply: Reply) -> None:
    """Know nothing about an answer: its HTTP status decides."""
    del reply


class Wire:
    """The way to one system: makes one request a call, without retries, from any thread and any forked process.

    ``explain`` gives the failure that an answer with a bad status stands for, or None if its status says enough.
    No error carries the headers, the parameters or the credentials of a request.
    """

    def __init__(
        self,
        name: str,
        base_url: str,
        *,
        headers: Mapping[str, str] = _NOTHING,
        auth: tuple[str, str] | None = None,
        timeout: timedelta = timedelta(seconds=30),
        explain: Callable[[Reply], PipelineError | None] = unexplained,
    ) -> None:
        if not re.match(r"https?://[^/@\s]+(/|$)", base_url):
            raise ValueError(f"{name}: its address has to be http(s)://host/..., without a name or a password in it")
        self.name = name
        self._base_url = base_url.rstrip("/")
        self._headers = {"User-Agent": "dramaturg", **headers}
        self._auth = auth
        self._timeout = timeout.total_seconds()
        self._explain = explain
        self._lock = threading.Lock()
        self._client: tuple[int, httpx2.Client] | None = None

    def call(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        params: Mapping[str, str] | None = None,
        content: bytes | None = None,
        headers: Mapping[str, str] = _NOTHING,
        ok: tuple[int, ...] = (),
    ) -> Reply:
        """Make one request and give its answer.

        An answer with a status of 300 or more that is not ``ok`` raises what ``explain`` makes of it, or
        ``httpx2.HTTPStatusError``. One that did not come whole, and in time, raises what httpx2 does.
        """
        import httpx2

        body = orjson.dumps(json) if json is not None else content
        kind = {"Content-Type": "application/json"} if json is not None else {}
        url = f"{self._base_url}/{path.lstrip('/')}" if path else self._base_url
        # What an error shows of the request: no headers, no parameters, so no key.
        shown = httpx2.Request(method, url.partition("?")[0])
        until = time.monotonic() + self._timeout
        try:
            with self._connected().stream(
                method, url, content=body, params=dict(params) if params else None, headers={**kind, **headers}
            ) as answer:
                reply = Reply(
                    answer.status_code,
                    {name.lower(): value for name, value in answer.headers.items()},
                    self._read(answer, until),
                )
        except httpx2.RequestError as error:
            error.request = shown
            raise
        if reply.status < 300 or reply.status in ok:  # noqa: PLR2004 - HTTP's own range
            return reply
        raise self._failure(reply, shown)

    def close(self) -> None:
        """Close the connections of this process."""
        with self._lock:
            if self._client is not None and self._client[0] == os.getpid():
                self._client[1].close()
            self._client = None

    def _read(self, answer: httpx2.Response, until: float) -> bytes:
        import httpx2

        pieces: list[bytes] = []
        size = 0
        for piece in answer.iter_bytes():
            size += len(piece)
            if size > LONGEST_ANSWER:
                told = Transient(f"{self.name}: answered with more than {LONGEST_ANSWER} bytes")
                told.status, told.why = answer.status_code, "answer too long"
                raise told
            if time.monotonic() > until:
                raise httpx2.ReadTimeout(f"{self.name}: the answer took more than {self._timeout:g} s")
            pieces.append(piece)
        return b"".join(pieces)

    def _failure(self, reply: Reply, shown: httpx2.Request) -> Exception:
        import httpx2

        told = self._explain(reply)
        if told is not None:
            if isinstance(told, Failure) and told.status is None:
                told.status = reply.status
            if isinstance(told, RateLimited | Transient) and told.retry_after is None:
                told.retry_after = reply.retry_after
            return told
        said = " ".join(reply.body[: _SHOWN * 4].decode("utf-8", "replace").split())[:_SHOWN]
        return httpx2.HTTPStatusError(
            f"{self.name}: {shown.method} {shown.url.path} answered {reply.status}: {said}",
            request=shown,
            response=httpx2.Response(reply.status, headers=_plain(reply), content=reply.body, request=shown),
        )

    def _connected(self) -> httpx2.Client:
        import httpx2

        with self._lock:
            # A connection must not be shared with the process that this one was forked from.
            if self._client is None or self._client[0] != os.getpid():
                limit = min(self._timeout, _CONNECT.total_seconds())
                client = httpx2.Client(
                    headers=self._headers,
                    auth=self._auth,
                    timeout=httpx2.Timeout(self._timeout, connect=limit),
                    follow_redirects=False,
                )
                self._client = (os.getpid(), client)
            return self._client[1]


def _plain(reply: Reply) -> dict[str, str]:
    # The body is unpacked already.
    return {name: value for name, value in reply.headers.items() if name not in {"content-encoding", "content-length"}}


def _date(said: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(said)
    except (TypeError, ValueError):
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found

"""Effect: a call that changes the world outside is written down before and after, and never repeated blindly."""

from __future__ import annotations

import inspect
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import PydanticSerializationError

from pipeline.classification_rules import of_httpx
from pipeline.errors import (
    Cancelled,
    Interrupted,
    LeaseLost,
    NeedsReview,
    Permanent,
    RateLimited,
    Snooze,
    Unavailable,
)
from pipeline.evidence import chain_of
from pipeline.redaction import redact
from pipeline.rule import Rule
from pipeline.steps import shape_of
from pipeline.tracing.semantics import EFFECT
from pipeline.tracing.spans import span

if TYPE_CHECKING:
    from pipeline.run import Run

R = TypeVar("R")

#: How long what was sent may be on its way: before that, a lookup that finds nothing proves nothing.
SETTLE = timedelta(seconds=5)

#: The checkpoint of a run that was put back from a backup (engine/lua/guard_restored.lua).
RESTORED = "~restored"

#: What is shown of a call's arguments and of its failure.
_SHOWN = 500
_NAMESPACE = uuid.UUID("a5bb0f0c-6d0c-5c0f-9d53-4f2f5f1ef7d1")

#: Failures after which the other side has done nothing: it was not reached, or it said no.
NOTHING_DONE = (
    Rule("transient", "nobody listens there", code=("ECONNREFUSED", "ENETUNREACH", "EHOSTUNREACH")),
    Rule("transient", "the name is not known", exception=("socket.gaierror", "NameResolutionError")),
    Rule(
        "transient",
        "no connection came about",
        exception=(
            *of_httpx("ConnectError"),
            *of_httpx("ConnectTimeout"),
            *of_httpx("PoolTimeout"),
            "NewConnectionError",
            "ConnectTimeoutError",
            "ClientConnectorError",
        ),
    ),
    Rule("permanent", "the other side refused it", status=tuple(s for s in range(400, 500) if s not in {408, 425})),
)

#: Failures of ours that are raised in place of a call, or say that it was refused.
_REFUSED = (Permanent, RateLimited, Snooze)
_CONTROL = (Cancelled, Interrupted, LeaseLost, Unavailable, NeedsReview)


class Entry(BaseModel):
    """What is written down of an effect: how far its last call came, and under which key it was made."""

    model_config = ConfigDict(frozen=True)

    state: Literal["intent", "failed", "uncertain", "done"]
    key: str
    #: Which call this is, from 1.
    call: int
    at_ms: int
    why: str = ""
    #: Who says that it is done.
    by: Literal["call", "lookup", "person"] = "call"
    value: Any = None


def perform(
    run: Run,
    fn: Callable[..., R],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    *,
    key: str,
    lookup: Callable[[str], R | None] | None,
    idempotent: bool,
) -> R:
    """Call ``fn`` and remember its outcome under ``key``; an outcome that is known is given without a call.

    ``fn`` makes one call, without retries of its own, and gets ``idempotency_key``, the same in all attempts, if it
    takes one; ``lookup`` gets it too. An earlier call without an outcome is looked up; without a lookup it is made
    again if it is ``idempotent``, and otherwise put up for review (``NeedsReview``). A key used twice is a
    ``ValueError``.
    """
    if not key:
        raise ValueError("effect(key=''): an effect is known by its key")
    effect = _Effect(run, fn, key, [*map(repr, args), *(f"{name}={value!r}" for name, value in kwargs.items())])
    run.use(effect.name)
    before = effect.before
    if before is not None and before.state == "done":
        return effect.restored(before.value)
    if before is not None and before.state != "failed" and not effect.denied(before):
        told = effect.told_done(before)
        if told is not None:
            return effect.restored(told.value)
        if lookup is not None:
            run.proceed(effect.name)
            found = lookup(effect.idempotency_key)
            if found is not None:
                effect.conclude(found, by="lookup")
                return found
            effect.let_settle(before)
        elif not idempotent:
            raise effect.uncertain(before.why or "its worker stopped before the outcome was known")
    effect.intend()
    try:
        with span(f"effect {effect.function}", "CLIENT", {EFFECT: key}):
            result = fn(*args, **effect.with_key(kwargs))
    except Exception as error:
        effect.failed(error, ask=lookup is None and not idempotent)
        raise
    effect.conclude(result, by="call")
    return result


def nothing_done(error: BaseException) -> str:
    """Say why a failed call has certainly changed nothing; empty if it may have."""
    if isinstance(error, _REFUSED):
        return f"{type(error).__name__}: the call was refused"
    links = chain_of(error)
    reason = getattr(error, "reason", None)  # where urllib keeps the cause
    if isinstance(reason, BaseException):
        links += chain_of(reason)
    answer = next((seen.status for seen in links if seen.status is not None), None)
    if answer is not None and not 400 <= answer < 500:  # noqa: PLR2004 - HTTP's own range
        return ""  # it was reached, whatever else there is to say
    return next((rule.why for seen in links for rule in NOTHING_DONE if rule.fits(seen)), "")


class _Effect(Generic[R]):
    """One effect of a run, with what is written down of it."""

    def __init__(self, run: Run, fn: Callable[..., R], key: str, arguments: list[str]) -> None:
        self._run = run
        self._fn = fn
        self._key = key
        self._arguments = arguments
        self.name = f"effect:{key}"
        self.function: str = getattr(fn, "__name__", str(fn))
        self.idempotency_key = str(uuid.uuid5(_NAMESPACE, f"{run.id}/{key}"))
        kept = run.recall(self.name)
        self.before = self._doubted(None if kept is None else Entry.model_validate_json(kept))
        self._call = 0 if self.before is None else self.before.call

    def restored(self, value: Any) -> R:
        """Give an outcome its type back; raises ``Permanent`` if this version of the code has another one."""
        try:
            result: R = shape_of(self._fn).validate_json(orjson.dumps(value))
        except ValidationError as error:
            raise Permanent(
                f"{self.name} is done, and its outcome is not as this code has it: {_first(error)}"
            ) from None
        return result

    def _doubted(self, before: Entry | None) -> Entry | None:
        """Doubt an effect of a run that was put back from a backup: it may have happened since the copy was taken."""
        kept = self._run.recall(RESTORED)
        if kept is None or (before is not None and before.state != "failed"):
            return before
        told = orjson.loads(kept)
        if before is not None and before.at_ms > told["at_ms"]:
            return before  # that call was made, and refused, after the run was put back
        taken = datetime.fromtimestamp(told["taken_ms"] / 1000, UTC)
        return Entry(
            state="uncertain",
            key=self.idempotency_key,
            call=0 if before is None else before.call,
            at_ms=told["at_ms"],
            why=f"the run was put back from a backup of {taken:%Y-%m-%d %H:%M:%S} UTC: this may have happened since",
        )

    def denied(self, before: Entry) -> bool:
        """Say whether a person found out that the last call did not happen."""
        answer = self._answer(before)
        return answer is not None and answer.get("says") == "undone"

    def told_done(self, before: Entry) -> Entry | None:
        """Write down that the last call happened if a person said so; asks again for an outcome that does not fit."""
        answer = self._answer(before)
        if answer is None:
            return None
        try:
            shape_of(self._fn).validate_json(orjson.dumps(answer.get("value")))
        except ValidationError as error:
            raise self.uncertain(before.why, problem=f"the outcome given does not fit: {_first(error)}") from None
        return self._write("done", by="person", value=answer.get("value"))

    def let_settle(self, before: Entry) -> None:
        """Wait while a call that was not found may still be on its way; raises ``Snooze``."""
        rest = SETTLE - timedelta(milliseconds=self._now_ms() - before.at_ms)
        if rest > timedelta(0):
            raise Snooze(min(rest, SETTLE), f"{self.name} may still be on its way")

    def intend(self) -> None:
        """Write down that the call is about to be made; nothing is written if it must not begin."""
        self._run.proceed(self.name)
        self._call += 1
        self._write("intent")
        try:
            self._run.proceed(self.name)
        except (Cancelled, Interrupted):
            self._write("failed", why="it was not begun")
            raise

    def with_key(self, kwargs: dict[str, Any]) -> dict[str, Any]:
        """Add the idempotency key for a function that takes one."""
        takes = "idempotency_key" in inspect.signature(self._fn).parameters
        return {**kwargs, "idempotency_key": self.idempotency_key} if takes else kwargs

    def failed(self, error: Exception, *, ask: bool) -> None:
        """Write down whether anything can have happened; raises ``NeedsReview`` if only a person can find out."""
        if isinstance(error, LeaseLost):
            return  # the run is another worker's: it finds the intent
        told = redact(f"{type(error).__name__}: {error}")[:_SHOWN]
        certain = nothing_done(error)
        if certain:
            self._write("failed", why=f"{certain} ({told})")
            return
        written = self._write("uncertain", why=told)
        if ask and not isinstance(error, _CONTROL):
            raise self.uncertain(written.why) from error

    def conclude(self, result: R, *, by: Literal["call", "lookup"]) -> None:
        """Write down the outcome; raises ``Permanent`` for one that cannot be kept, with the effect known as done."""
        try:
            value = orjson.loads(shape_of(self._fn).dump_json(result))
        except (PydanticSerializationError, ValueError) as error:
            self._write("done", by=by, why="its outcome could not be kept")
            raise Permanent(f"{self.name} is done, and its outcome cannot be kept: {error}") from error
        self._write("done", by=by, value=value)

    def uncertain(self, why: str, *, problem: str = "") -> NeedsReview:
        """Give what puts the run up for review: what was called, when, under which key, and what is known of it."""
        item: dict[str, Any] = {
            "kind": "effect",
            "name": self._key,
            "answer": f"answer:{self.name}",
            "function": self.function,
            "idempotency_key": self.idempotency_key,
            "call": self._call,
            "why": why,
            "arguments": redact(", ".join(self._arguments))[:_SHOWN],
            "schema": shape_of(self._fn).json_schema(),
        }
        if problem:
            item["problem"] = problem
        return NeedsReview(f"uncertain_effect: {self._key}", item=item)

    def _answer(self, before: Entry) -> dict[str, Any] | None:
        kept = self._run.recall(f"answer:{self.name}")
        answer: dict[str, Any] | None = None if kept is None else orjson.loads(kept)
        # An answer is about one call: a later one that ends in the dark is a question of its own.
        return answer if answer is not None and answer.get("call") == before.call else None

    def _write(self, state: Literal["intent", "failed", "uncertain", "done"], **more: Any) -> Entry:
        entry = Entry(state=state, key=self.idempotency_key, call=self._call, at_ms=self._now_ms(), **more)
        self._run.remember(self.name, entry.model_dump_json().encode(), replace=True)
        return entry

    def _now_ms(self) -> int:
        return int(self._run.now.timestamp() * 1000)


def _first(error: ValidationError) -> str:
    told = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(str(part) for part in told['loc']) or 'the value'}: {told['msg']}"

"""Dead letters: runs that were given up, found by what they have in common, and sent again, edited or not."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

import orjson

from pipeline import ids
from pipeline.engine.dead_letters import AS_BEFORE, DeadIndex
from pipeline.errors import InvalidInput, PipelineError
from pipeline.fingerprint import fingerprint
from pipeline.run import as_ms
from pipeline.sending import Send

if TYPE_CHECKING:
    from pipeline.actor import Actor
    from pipeline.inspector import Inspector

#: Names of runs that a group tells.
_EXAMPLES = 5


class NotDead(PipelineError):  # noqa: N818 - says what is the case
    """The run is not dead, or was edited and sent again before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which dead runs: those that have all of it. ``text`` is looked for in payload, error, reason and id."""

    text: str = ""
    actor: str = ""
    queue: str = ""
    kind: str = ""
    group: str = ""
    since: timedelta | None = None

    @property
    def everything(self) -> bool:
        """Whether it leaves nothing out."""
        return self == Wanted()


@dataclass(frozen=True)
class DeadRun:
    """A run that was given up: what it was to do, and how it ended."""

    id: str
    actor: str
    queue: str
    tenant: str
    attempts: int
    reason: str
    died_ms: int
    message: dict[str, Any]
    error: dict[str, Any] | None
    flow: str = ""
    node: str = ""
    retry_of: str = ""
    retried_as: str = ""

    @property
    def payload(self) -> Any:
        """What it was sent with."""
        args = self.message.get("args")
        return args[0] if isinstance(args, list) and args else None

    @cached_property
    def _cause(self) -> tuple[str, str]:
        return fingerprint(self.reason, self.error)

    @property
    def fingerprint(self) -> str:
        """The name of its group."""
        return self._cause[0]

    @property
    def pattern(self) -> str:
        """What it has in common with its group."""
        return self._cause[1]

    @property
    def kind(self) -> str:
        """The kind of its last failure; the reason of its end if none failed."""
        return str((self.error or {}).get("kind") or self.reason)


@dataclass
class Group:
    """Dead runs whose last errors look the same."""

    fingerprint: str
    pattern: str
    kind: str
    count: int = 0
    actors: set[str] = field(default_factory=set)
    first_ms: int = 0
    last_ms: int = 0
    examples: list[str] = field(default_factory=list)


class DeadLetters:
    """Finds dead runs, and sends them again."""

    def __init__(self, inspector: Inspector) -> None:
        self._inspector = inspector
        self._index = DeadIndex(inspector.store)

    def find(self, wanted: Wanted, *, limit: int | None = None) -> list[DeadRun]:
        """Give dead runs, newest first."""
        found: list[DeadRun] = []
        for run in self._all(wanted):
            found.append(run)
            if len(found) == limit:
                break
        return found

    def get(self, run_id: str) -> DeadRun:
        """Give one dead run; raises ``NotDead`` and ``KeyError``."""
        row = self._index.row(run_id)
        if row is None:
            self._check(run_id, -1 if self._inspector.state(run_id) is None else 0)
            raise KeyError(run_id)
        return _dead_run(*row)

    def groups(self, wanted: Wanted) -> list[Group]:
        """Give the groups of dead runs, the largest first."""
        groups: dict[str, Group] = {}
        for run in self._all(wanted):
            group = groups.setdefault(run.fingerprint, Group(run.fingerprint, run.pattern, run.kind))
            group.count += 1
            group.actors.add(run.actor)
            group.first_ms = min(group.first_ms or run.died_ms, run.died_ms)
            group.last_ms = max(group.last_ms, run.died_ms)
            if len(group.examples) < _EXAMPLES:
                group.examples.append(run.id)
        return sorted(groups.values(), key=lambda group: (-group.count, -group.last_ms))

    def retry(self, run_id: str) -> str:
        """Queue a dead run again as it is, finished steps kept, and give its id; raises ``NotDead``, ``KeyError``."""
        self._check(run_id, self._inspector.retry(run_id))
        return run_id

    def discard(self, run_id: str) -> str:
        """Remove a dead run for good, and give its id; raises ``NotDead``, ``KeyError``."""
        self.get(run_id)
        self._check(run_id, self._inspector.discard(run_id))
        return run_id

    def edit(self, run_id: str, change: Callable[[Any], Any], *, keep_steps: bool = False) -> str:
        """Queue a new run with the changed payload of a dead one, linked to it, and give its id.

        The payload is checked against the actor's signature if its module was imported. The new run is one of its own:
        it takes the old one's queue, priority, tenant and key, and no place in a flow. With ``keep_steps`` it goes on
        after the finished steps. Raises ``InvalidInput`` that names the field, ``NotDead`` and ``KeyError``.
        """
        run = self.get(run_id)
        new_id = ids.new()
        message, gates, version = _renewed(run, change(_upgraded(run)), new_id)
        code = self._index.retry_edited(run_id, new_id, message, gates=gates, version=version, keep_steps=keep_steps)
        self._check(run_id, code)
        return new_id

    def check(self, runs: Sequence[DeadRun], change: Callable[[Any], Any]) -> None:
        """Make sure that every changed payload fits its actor, as far as it is known; raises ``InvalidInput``."""
        for run in runs:
            _renewed(run, change(_upgraded(run)), run.id)

    def outcomes(self, run_ids: Sequence[str], timeout: timedelta) -> dict[str, str]:
        """Wait until runs ended, and give their states; raises ``TimeoutError`` if one takes longer."""
        limit = time.monotonic() + timeout.total_seconds()
        for run_id in run_ids:
            left = timedelta(seconds=max(0.001, limit - time.monotonic()))
            for _ in self._inspector.events(run_id, timeout=left):
                pass
        return {run_id: self._inspector.state(run_id) or "removed" for run_id in run_ids}

    def _all(self, wanted: Wanted) -> Iterator[DeadRun]:
        since_ms = 0 if wanted.since is None else self._inspector.now_ms() - as_ms(wanted.since)
        sought = wanted.text.casefold()
        for run_id, record, error in self._index.rows(since_ms=since_ms):
            run = _dead_run(run_id, record, error)
            if (
                (not wanted.actor or run.actor == wanted.actor)
                and (not wanted.queue or run.queue == wanted.queue)
                and (not wanted.kind or run.kind == wanted.kind)
                and (not wanted.group or run.fingerprint == wanted.group)
                and (not sought or sought in _searched(run))
            ):
                yield run

    @staticmethod
    def _check(run_id: str, code: int) -> None:
        if code == -1:
            raise KeyError(run_id)
        if code == 0:
            raise NotDead(f"the run {run_id} is not dead")
        if code == -2:  # noqa: PLR2004 - see retry_edited.lua
            raise NotDead(f"the run {run_id} was edited before, and the run that was made of it is there")


def _searched(run: DeadRun) -> str:
    error = run.error or {}
    told = (run.id, run.reason, orjson.dumps(run.payload).decode(), *(str(error.get(n, "")) for n in _ERROR_TEXTS))
    return "\n".join(told).casefold()


_ERROR_TEXTS = ("kind", "type", "message", "traceback")


def _dead_run(run_id: str, record: Mapping[str, bytes], error: bytes | None) -> DeadRun:
    text = {name: value.decode(errors="replace") for name, value in record.items() if name != "message"}
    return DeadRun(
        id=run_id,
        actor=text.get("actor", ""),
        queue=text.get("queue", ""),
        tenant=text.get("group", ""),
        attempts=int(text.get("attempt", 0)),
        reason=text.get("reason", ""),
        died_ms=int(text.get("finished_ms", 0)),
        message=_object(record.get("message", b"")),
        error=_object(error) if error else None,
        **{name: text.get(name, "") for name in ("flow", "node", "retry_of", "retried_as")},
    )


def _object(value: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(value)
    except orjson.JSONDecodeError:  # an unreadable message is what some of them died of
        return {}
    return found if isinstance(found, dict) else {}


def _upgraded(run: DeadRun) -> Any:
    """Give the payload as the code that is here would read it."""
    from pipeline.declaration import DECLARED

    actor = DECLARED.get(run.actor)
    if actor is None:
        return run.payload
    try:
        return actor.upgrade(run.payload, (run.message.get("options") or {}).get("version", 1))
    except InvalidInput:
        return run.payload  # it is being mended: what is made of it is checked


def _renewed(run: DeadRun, payload: Any, new_id: str) -> tuple[bytes, str, str]:
    """Give the message of a run's successor, what stands before its start, and the version of its payload."""
    from pipeline.declaration import DECLARED

    options = {name: value for name, value in (run.message.get("options") or {}).items() if name != "flow"}
    actor: Actor[Any, Any] | None = DECLARED.get(run.actor)
    if actor is None:
        told = run.message | {"args": [payload], "options": options, "message_id": new_id}
        return orjson.dumps(told | {"message_timestamp": time.time_ns() // 1_000_000}), AS_BEFORE, AS_BEFORE
    options.pop("version", None)
    sending = Send(
        payload=payload,
        group=run.tenant,
        correlation_id=options.get("correlation_id", ""),
        models=options.get("models"),
        options=options,
    )
    new = actor.new_run(sending, run_id=new_id, raw="inputs" in options)
    return new.message, new.gates, str(new.version)

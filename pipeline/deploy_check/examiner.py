"""Looks at one run as a new worker would that takes it up, up to the first line of its actor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, cast

import orjson
from pydantic import TypeAdapter, ValidationError

from pipeline.actor import Actor
from pipeline.blobs import BlobDamaged, BlobMissing
from pipeline.deploy_check.declared_steps import DeclaredSteps
from pipeline.deploy_check.partial import misfit
from pipeline.deploy_check.report import Trouble
from pipeline.deploy_check.wording import first_problem, names_in
from pipeline.engine.intake import read_message
from pipeline.engine.records import Lease
from pipeline.errors import InvalidInput, Permanent
from pipeline.events import FINAL
from pipeline.models import Models
from pipeline.outcome import gather
from pipeline.steps import shape_of

if TYPE_CHECKING:
    import dramatiq

    from pipeline.engine.broker import PipelineBroker
    from pipeline.engine.payload_reader import Kept

#: What is known of the runs that a payload is put together from: state, packed result, reason, last error.
Results = Mapping[str, tuple[str, bytes | None, str, str]]

#: Stands for a payload of which a part lies where we cannot look.
_NOWHERE: Final = object()


class Examiner:
    """Says of a run why this process's code could not go on with it; it writes nothing and calls no actor."""

    def __init__(self, broker: PipelineBroker, *, blobs: bool = True) -> None:
        self._broker = broker
        self._blobs = blobs
        self._versions = {name: getattr(actor, "version", 1) for name, actor in broker.actors.items()}
        self._queues, self._known = set(broker.queues), set(broker.actors)
        self._names: dict[str, frozenset[str]] = {}
        self._steps: dict[str, DeclaredSteps] = {}

    def examine(self, kept: Kept, results: Results) -> Trouble | None:
        """Give what stops a run before its actor begins, or nothing."""
        try:
            self._claim(kept)
            message = self._message(kept)
            actor = self._broker.actors[message.actor_name]
            if isinstance(actor, Actor):  # a plain Dramatiq actor takes its arguments as they are
                self._payload(actor, message, results)
        except _Stopped as stopped:
            return stopped.trouble
        return None

    def wanted(self, kept: Kept) -> list[str]:
        """Give the runs whose results a run's payload is put together from."""
        if b'"inputs"' not in kept.message:
            return []
        try:
            inputs = orjson.loads(kept.message)["options"]["inputs"]
            return [run_id for source in inputs.values() for run_id in source["runs"]]
        except (LookupError, TypeError, ValueError, AttributeError):
            return []  # it cannot be read at all, which is told of the message

    def steps_of(self, actor_name: str) -> DeclaredSteps | None:
        """Give the steps that an actor's code names; nothing for one that has none of ours."""
        actor = self._broker.actors.get(actor_name)
        if not isinstance(actor, Actor):
            return None
        if actor_name not in self._steps:
            self._steps[actor_name] = DeclaredSteps(actor.fn, actor_name)
        return self._steps[actor_name]

    def examine_step(self, kept: Kept, name: str, stored: bytes) -> Trouble | None:
        """Give what stops a run when it comes to a step that it remembers, or nothing."""
        declared = self.steps_of(kept.actor)
        fn = declared.function_of(name) if declared else None
        if fn is None:
            return None
        step = getattr(fn, "__name__", name)
        try:
            if not self._blobs and stored.startswith(b"@"):
                return None
            shape: TypeAdapter[Any] = shape_of(fn)
            shape.validate_json(self._broker.values.unpack(stored))
        except ValidationError as error:
            place, why = first_problem(error, names_in(shape))
            where = "" if place == "payload" else f" ({place})"
            return Trouble("step", kept.actor, kept.version, field=step, why=f"its result{where}: {why}")
        except (BlobMissing, BlobDamaged) as error:
            return Trouble("blob", kept.actor, kept.version, field=step, why=type(error).__name__)
        return None

    def _claim(self, kept: Kept) -> None:
        known = self._versions.get(kept.actor)
        if known is None:
            raise _Stopped(Trouble("unknown_actor", kept.actor, kept.version))
        if kept.version > known:
            raise _Stopped(Trouble("newer_version", kept.actor, kept.version, why=f"this code reads version {known}"))
        if kept.queue not in self._queues:
            raise _Stopped(Trouble("queue", kept.actor, kept.version, field=kept.queue))

    def _message(self, kept: Kept) -> dramatiq.Message[object]:
        lease = Lease(kept.id, kept.message, 0, 0, 0, has_steps=False, cancelled=False, snoozes=0, tier=2)
        try:
            message = read_message(lease, self._queues, self._known)
        except (LookupError, TypeError, ValueError) as error:
            raise _Stopped(Trouble("message", kept.actor, kept.version, why=type(error).__name__)) from None
        try:
            if asked := message.options.get("models"):
                Models(*asked)
        except (TypeError, ValueError, AttributeError):
            raise _Stopped(Trouble("option", kept.actor, kept.version, field="models")) from None
        return message

    def _payload(self, actor: Actor[Any, Any], message: dramatiq.Message[object], results: Results) -> None:
        version = message.options.get("version", 1)
        given: Any = message.args[0] if message.args else None
        if not isinstance(version, int):
            raise _Stopped(Trouble("option", actor.actor_name, field="version"))
        _require_upgrades(actor, version)
        if inputs := message.options.get("inputs"):
            missing = {into for into, source in inputs.items() if _pending(source, results)}
            if missing:
                # An upgrade sees the whole payload, or nothing.
                found = misfit(actor, given, missing, self._names_of(actor)) if version == actor.version else None
                if found is not None:
                    raise _Stopped(Trouble("payload", actor.actor_name, version, *found))
                return
            given = self._gathered(actor, version, given, inputs, results)
            if given is _NOWHERE:
                return
        self._fit(actor, version, given)

    def _gathered(self, actor: Actor[Any, Any], version: int, given: Any, inputs: Any, results: Results) -> Any:
        try:
            return gather(cast("Any", _Read(self._broker, results)), given, inputs)
        except (BlobMissing, BlobDamaged) as error:
            if self._blobs:
                raise _Stopped(Trouble("blob", actor.actor_name, version, why=type(error).__name__)) from None
            return _NOWHERE
        except Permanent:
            why = "the run that makes it failed or was removed"
            raise _Stopped(Trouble("input", actor.actor_name, version, why=why)) from None

    def _fit(self, actor: Actor[Any, Any], version: int, given: Any) -> None:
        name = actor.actor_name
        try:
            upgraded = given if version == actor.version else actor.upgrade(given, version)
        except Exception as error:  # noqa: BLE001 - an upgrade is the actor's own code: what it raises is the finding
            field = getattr(error, "field", "") if isinstance(error, InvalidInput) else ""
            raise _Stopped(Trouble("upgrade", name, version, field=field, why=_raised(error))) from None
        try:
            actor.validate(upgraded)
        except InvalidInput as refused:
            told = refused.__context__
            if not isinstance(told, ValidationError):
                raise _Stopped(Trouble("payload", name, version, "payload", "it takes no payload")) from None
            raise _Stopped(Trouble("payload", name, version, *first_problem(told, self._names_of(actor)))) from None
        except Exception as error:  # noqa: BLE001 - so is what a payload's type does with it
            raise _Stopped(Trouble("payload", name, version, why=_raised(error))) from None

    def _names_of(self, actor: Actor[Any, Any]) -> frozenset[str]:
        if actor.actor_name not in self._names:
            self._names[actor.actor_name] = names_in(TypeAdapter(actor.payload_type))
        return self._names[actor.actor_name]


class _Stopped(Exception):  # noqa: N818 - says what happened
    """The run would go no further."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble)
        self.trouble = trouble


class _Read:
    """Stands where ``gather`` looks results up: they were read for many runs at once."""

    def __init__(self, broker: PipelineBroker, results: Results) -> None:
        self.values = broker.values
        self.store = self
        self._results = results

    def results(self, run_ids: list[str]) -> list[tuple[str, bytes | None, str, str]]:
        """Give what was read of each run."""
        return [self._results.get(run_id, ("", None, "", "")) for run_id in run_ids]


def _require_upgrades(actor: Actor[Any, Any], version: int) -> None:
    for older in range(version, actor.version):
        if older not in actor.upgrades:
            why = f"this code reads version {actor.version} and has no upgrade from version {older}"
            raise _Stopped(Trouble("version", actor.actor_name, version, why=why))


def _pending(source: Any, results: Results) -> bool:
    """Say whether an input is still being made: one of its runs has not ended, or may yet be made again."""
    states = [results.get(run_id, ("", None, "", ""))[0] for run_id in source["runs"]]
    return any(state != "" and state not in FINAL for state in states)


def _raised(error: BaseException) -> str:
    """Say what was raised, and not its words: they may be the payload's."""
    return f"raises {type(error).__name__}"

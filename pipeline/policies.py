"""Policies: the deployment's file put over what the code says, and what is in force, and from where."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

from pydantic import TypeAdapter
from pydantic.errors import PydanticSchemaGenerationError, PydanticUndefinedAnnotation

from pipeline import duration
from pipeline.actor import Actor
from pipeline.breaker import Breaker
from pipeline.budget import Budget
from pipeline.limit import AT_ONCE, OF_A_QUEUE, PLACES, Limit
from pipeline.llm.catalogue import tell
from pipeline.models import Models
from pipeline.policy_file import ActorOptions, PolicyFile, PolicyFileError, spell_section
from pipeline.retry import Retry
from pipeline.run import as_ms

if TYPE_CHECKING:
    from pipeline.engine.broker import PipelineBroker

#: Where a setting comes from. ``elsewhere``: from workers that read another file or run other code.
Origin = Literal["default", "code", "file", "by hand", "elsewhere"]

#: What is set in Redis: ``limits`` and ``budgets``, each ``declared:<name>`` or ``set:<name>[=<key>]`` -> settings.
InRedis = Mapping[str, Mapping[str, dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Setting:
    """One option of an actor: what is in force, and from where."""

    option: str
    value: Any
    origin: Origin


class Policies:
    """What a deployment says, applied to a broker and to every actor that is declared on it."""

    def __init__(self, broker: PipelineBroker, file: PolicyFile | None = None) -> None:
        self.file = file
        self._broker = broker
        self._said: dict[str, set[str]] = {}
        self._mistakes: list[str] = []
        self._collecting = False
        broker.policies = self
        if file is not None:
            broker.at_once |= {name: q.at_once for name, q in file.queues.items() if q.at_once is not None}
            broker.limits, broker.breakers = tuple(file.limits.values()), tuple(file.breakers.values())
            broker.budgets = tuple(file.budgets.values())
            tell(file.models)

    @contextmanager
    def together(self, *, whole: bool = False) -> Iterator[None]:
        """Name the mistakes of all actors that are declared inside at its end, by a ``PolicyFileError``.

        ``whole`` says that then every actor is declared: what the file says of others is a mistake too.
        """
        self._collecting = True
        try:
            yield
        finally:
            self._collecting = False
        self._refuse(self.strangers() if whole else [])

    def strangers(self) -> list[str]:
        """Name the sections of actors and queues that nobody declared."""
        if self.file is None:
            return []
        actors = {name for name, one in self._broker.actors.items() if isinstance(one, Actor)}
        told = []
        for section, wanted, known in (
            ("actors", self.file.actors, actors),
            ("queues", self.file.queues, self._broker.queues),
        ):
            there = ", ".join(sorted(known)) or "none"
            told += [
                f"{spell_section(section, name)}: there is no such {section[:-1]}; there are {there}"
                for name in wanted
                if name not in known
            ]
        return told

    def declared(self, actor: object) -> None:
        """Put the file over an actor; raises ``PolicyFileError`` at once, or at the end of ``together``."""
        if self.file is None or not isinstance(actor, Actor):
            return
        try:
            _Overlay(self.file, actor, self._broker.models, self._mistakes).apply()
        finally:
            options = self.file.actors.get(actor.actor_name, ActorOptions())
            self._said[actor.actor_name] = {*options.said(), *(f"retry.{name}" for name in options.retry.said())}
        if not self._collecting:
            self._refuse([])

    def _refuse(self, more: list[str]) -> None:
        mistakes, self._mistakes = [*self._mistakes, *more], []
        if mistakes and self.file is not None:
            raise PolicyFileError(self.file.path, mistakes)

    def of(self, actor: Actor[Any, Any], in_redis: InRedis, *, timeout: timedelta) -> list[Setting]:
        """Give every option of an actor; ``timeout`` is the time limit of those that have none of their own."""
        said = self._said.get(actor.actor_name, set())

        def row(option: str, value: Any, by_default: Any) -> Setting:
            origin: Origin = "file" if option in said else "default" if value == by_default else "code"
            return Setting(option, value, origin)

        retry, usual = _plain(asdict(actor.retry)), _plain(asdict(Retry()))
        chain = actor.models or Models(*self._broker.models)
        default = Models(*self._broker.models)
        names = [limit.name for limit in actor.limits]
        by_default = [limit.name for limit in OF_A_QUEUE.get(actor.queue_name, ())]
        rows = [Setting("queue", actor.queue_name, "default" if actor.queue_name == "default" else "code")]
        rows += [row(f"retry.{name}", value, usual[name]) for name, value in retry.items()]
        rows.append(row("timeout", duration.spell(actor.timeout or timeout), duration.spell(timeout)))
        rows.append(row("models", list(chain), list(default)))
        rows.append(row("model_tries", chain.tries, default.tries))
        rows.append(row("model_wait", duration.spell(chain.wait), duration.spell(default.wait)))
        rows.append(row("limits", names, by_default))
        for limit in actor.limits:
            rows += self._policy("limits", limit, in_redis)
        rows.append(row("breaker", actor.breaker.name if actor.breaker else None, None))
        if actor.breaker is not None:
            rows += self._policy("breakers", actor.breaker, in_redis)
        for budget in self._broker.budgets:
            rows += self._policy("budgets", budget, in_redis)
        at_once = self._broker.at_once.get(actor.queue_name)
        set_here = self.file is not None and actor.queue_name in self.file.queues
        origin: Origin = "file" if set_here else "default" if at_once == AT_ONCE.get(actor.queue_name) else "code"
        return [*rows, Setting("at_once", at_once, origin)]

    def _policy(
        self, kind: Literal["limits", "breakers", "budgets"], policy: Limit | Breaker | Budget, in_redis: InRedis
    ) -> Iterator[Setting]:
        found = in_redis.get(kind, {})
        option = f"{kind[:-1]} {policy.name}"
        by_hand, declared = found.get(f"set:{policy.name}"), found.get(f"declared:{policy.name}")
        if by_hand is not None:
            yield Setting(option, by_hand, "by hand")
        elif declared is not None and declared != policy.config():
            yield Setting(option, declared, "elsewhere")
        else:
            yield Setting(option, policy.config(), self._origin(kind, policy))
        for field, config in found.items():
            if field.startswith(f"set:{policy.name}="):
                yield Setting(f"{kind[:-1]} {field.removeprefix('set:')}", config, "by hand")

    def _origin(self, kind: str, policy: Limit | Breaker | Budget) -> Origin:
        if self.file is not None and policy.name in getattr(self.file, kind):
            return "file"
        return "default" if policy in [limit for some in OF_A_QUEUE.values() for limit in some] else "code"


class _Overlay:
    """What the file says of one actor, put over what its code says."""

    def __init__(self, file: PolicyFile, actor: Actor[Any, Any], models: Sequence[str], mistakes: list[str]) -> None:
        self._file = file
        self._actor = actor
        self._models = models
        self._mistakes = mistakes
        self._options = file.actors.get(actor.actor_name, ActorOptions())

    def apply(self) -> None:
        """Change the actor's policies; what is wrong is added to the mistakes, and left as it is."""
        actor, options = self._actor, self._options
        try:
            actor.retry = replace(actor.retry, **options.retry.said())
        except ValueError as error:
            self._wrong("retry", str(error))
        if options.timeout is not None:
            actor.timeout = options.timeout
            actor.options["time_limit"] = as_ms(options.timeout)
        said = options.said()
        if {"models", "model_tries", "model_wait"} & said.keys():
            actor.models = self._chain(options)
        actor.limits = self._limits()
        self._breaker()

    def _chain(self, options: ActorOptions) -> Models | None:
        usual = self._actor.models or Models(*self._models)
        try:
            return Models(
                *(options.models or usual),
                tries=options.model_tries or usual.tries,
                wait=usual.wait if options.model_wait is None else options.model_wait,
            )
        except ValueError as error:
            self._wrong("models", str(error))
            return self._actor.models

    def _limits(self) -> tuple[Limit, ...]:
        own = {limit.name: limit for limit in self._actor.limits}
        usual = {limit.name: limit for limits in OF_A_QUEUE.values() for limit in limits}
        known = usual | own | self._file.limits
        wanted = list(own) if self._options.limits is None else list(dict.fromkeys(self._options.limits))
        for name in wanted:
            if name not in known:
                self._wrong("limits", f"there is no limit {name!r}: define it in {spell_section('limits', name)}")
            elif name in self._file.limits:
                self._countable(known[name])
        return tuple(known[name] for name in wanted if name in known)

    def _countable(self, limit: Limit) -> None:
        if not limit.by or limit.by in PLACES:
            return
        field = limit.by.split(".")[0]
        fields = _fields(self._actor)
        if fields is not None and field not in fields:
            there = ", ".join(fields) or "no fields"
            self._mistakes.append(
                f"{spell_section('limits', limit.name)} by: the payload of {self._actor.actor_name} has no {field!r};"
                f" it has {there}"
            )

    def _breaker(self) -> None:
        own, wanted = self._actor.breaker, self._options.breaker
        name = wanted or (own.name if own else None)
        if name is not None and name in self._file.breakers:
            self._actor.breaker = self._file.breakers[name]
        elif wanted is not None and (own is None or own.name != wanted):
            where = spell_section("breakers", wanted)
            self._wrong("breaker", f"there is no breaker {wanted!r}: define it in {where}, which may be empty")

    def _wrong(self, option: str, told: str) -> None:
        self._mistakes.append(f"{spell_section('actors', self._actor.actor_name)} {option}: {told}")


def _fields(actor: Actor[Any, Any]) -> list[str] | None:
    if actor.payload_type is None:
        return []
    with suppress(PydanticSchemaGenerationError, PydanticUndefinedAnnotation, TypeError):
        schema = TypeAdapter(actor.payload_type).json_schema()
        if schema.get("properties") and not schema.get("additionalProperties"):
            return list(schema["properties"])
    return None


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: duration.spell(v) if isinstance(v, timedelta) else v for name, v in values.items()}

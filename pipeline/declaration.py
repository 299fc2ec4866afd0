"""Declaring actors: at import, without a connection; they are bound when the app starts or at the first send."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar, overload

from pipeline import ids, schedule
from pipeline.actor import Actor, bound
from pipeline.breaker import Breaker
from pipeline.classification import Rule
from pipeline.limit import Limit
from pipeline.models import Models
from pipeline.priority import Priority
from pipeline.retry import Retry
from pipeline.run import Run

if TYPE_CHECKING:
    from pipeline.engine.broker import PipelineBroker

In = TypeVar("In")
Out = TypeVar("Out")

#: Every actor declared in this process, by its name on the wire.
DECLARED: dict[str, Actor[Any, Any]] = {}


def actor(
    *,
    name: str | None = None,
    queue: str = "default",
    priority: Priority = Priority.NORMAL,
    retry: Retry | None = None,
    models: Models | None = None,
    timeout: timedelta | None = None,
    limits: Sequence[Limit] | None = None,
    breaker: Breaker | None = None,
    rules: Sequence[Rule] = (),
    version: int = 1,
    upgrades: Mapping[int, Callable[[Any], Any]] | None = None,
    periodic: object = None,
) -> _Declare:
    """Declare an actor. Payload and result types come from the function's signature.

    The function takes at most one payload, and ``run: Run`` if it wants to know its run. ``name`` is its name on the
    wire, by default the function's. ``limits`` and ``breaker`` stand before each start; without ``limits`` those of the
    queue do (``pipeline.limit``). ``rules`` classify its failures before the general ones do. ``version`` is that of
    its payload: ``upgrades[n]`` turns the JSON of one of version n into the next; newer ones are left to newer workers.
    ``periodic=cron("0 3 * * *")`` starts one that takes no payload by itself (``pipeline.schedule``).
    Raises ``TypeError`` for a signature, ``ValueError`` for a name or a queue that
    does not fit.
    """
    return _Declare(
        name=name,
        queue=queue,
        priority=priority,
        retry=retry,
        models=models,
        timeout=timeout,
        limits=limits,
        breaker=breaker,
        rules=rules,
        version=version,
        upgrades=upgrades,
        periodic=periodic,
    )


class _Declare:
    def __init__(self, *, name: str | None, queue: str, periodic: object, **policies: Any) -> None:
        self._periodic = periodic
        self._name = name
        self._queue = queue
        self._policies = policies

    @overload
    def __call__(self, fn: Callable[[In, Run], Coroutine[Any, Any, Out]]) -> Actor[In, Out]: ...
    @overload
    def __call__(self, fn: Callable[[In, Run], Out]) -> Actor[In, Out]: ...
    @overload
    def __call__(self, fn: Callable[[Run], Coroutine[Any, Any, Out]]) -> Actor[None, Out]: ...
    @overload
    def __call__(self, fn: Callable[[Run], Out]) -> Actor[None, Out]: ...
    @overload
    def __call__(self, fn: Callable[[In], Coroutine[Any, Any, Out]]) -> Actor[In, Out]: ...
    @overload
    def __call__(self, fn: Callable[[In], Out]) -> Actor[In, Out]: ...
    @overload
    def __call__(self, fn: Callable[[], Out]) -> Actor[None, Out]: ...
    def __call__(self, fn: Callable[..., Any]) -> Actor[Any, Any]:
        name = self._name or fn.__name__
        for what, text in (("name", name), ("queue", self._queue)):
            if not ids.NAME.fullmatch(text):
                raise ValueError(f"actor {fn.__name__}: {what}={text!r} is not letters, digits, '.', '_' and '-'")
        declared = Actor[Any, Any](fn, name=name, queue=self._queue, **self._policies)
        other = DECLARED.get(name)
        if other is not None and (other.fn.__module__, other.fn.__qualname__) != (fn.__module__, fn.__qualname__):
            raise ValueError(f"two actors are named {name!r}: {other.fn.__module__} and {fn.__module__}")
        DECLARED[name] = declared
        for broker in bound:
            broker.actors.pop(name, None)
            broker.declare_actor(declared)
        if self._periodic is not None:
            schedule.periodic(declared, self._periodic)
        return declared


def bind(broker: PipelineBroker) -> None:
    """Bind every actor, declared so far or later, to a broker; the last one bound is the one used."""
    bound[:] = [broker]
    for declared in DECLARED.values():
        if declared.actor_name not in broker.actors:
            broker.declare_actor(declared)

"""The Dramatiq broker: enqueue, claim, commit, on the run record in Redis."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import dramatiq
import orjson
import structlog
from dramatiq.broker import Broker, Consumer
from dramatiq.encoder import Encoder
from dramatiq.middleware import Middleware, MiddlewareError

from pipeline.breaker import Breaker
from pipeline.budget import Budget
from pipeline.engine.attempts import Attempts
from pipeline.engine.declarations import Declarations
from pipeline.engine.records import RETENTION, NewRun, Retention
from pipeline.engine.store import Store
from pipeline.engine.values import Values
from pipeline.errors import Backpressure, Unavailable
from pipeline.limit import AT_ONCE, Limit

if TYPE_CHECKING:
    from pipeline.policies import Policies

#: How long a lease lasts unless it is renewed: a dead worker's runs go on after it.
LEASE = timedelta(seconds=8)

#: How often, and with what pauses, an enqueue whose reply was lost is sent again; the ids make it one enqueue.
_SEND_PAUSES_S = (0.05, 0.2, 0.5, 1.0)

P = TypeVar("P", Limit, Breaker)

log = structlog.get_logger(__name__)


class OrjsonEncoder(Encoder):
    """Messages as JSON, and nothing else."""

    def encode(self, data: dict[str, Any]) -> bytes:
        """Give the JSON of a message."""
        return orjson.dumps(data)

    def decode(self, data: bytes) -> dict[str, Any]:
        """Read a message; raises ``ValueError`` for anything but JSON."""
        fields: dict[str, Any] = orjson.loads(data)
        return fields


class PipelineBroker(Broker):
    """A Dramatiq broker that keeps its promises: see docs/architecture.md for what they are and how they are kept."""

    def __init__(
        self,
        store: Store,
        values: Values,
        *,
        middleware: Iterable[Middleware] = (),
        lease: timedelta = LEASE,
        grace: timedelta = timedelta(seconds=25),
        payload_limit: int = 262_144,
        models: Sequence[str] = ("offline",),
        at_once: Mapping[str, int] | None = None,
        retention: dict[str, Retention] = RETENTION,
        on_boot: Callable[[], None] = lambda: None,
    ) -> None:
        # The hooks that do something, by what happened.
        self._before: dict[str, tuple[Callable[..., None], ...]] = {}
        self._after: dict[str, tuple[Callable[..., None], ...]] = {}
        self.store = store
        self.values = values
        self.lease = lease
        self.grace = grace
        self.payload_limit = payload_limit
        self.retention = retention
        #: The chain of actors that name none.
        self.models = tuple(models)
        #: How many runs of a queue a process has in hand at most.
        self.at_once = dict(AT_ONCE if at_once is None else at_once)
        self.on_boot = on_boot
        self.worker_id = f"{socket.gethostname()}:{os.getpid()}:{os.urandom(3).hex()}"
        self.stopping = False
        #: What the policy file says beside what actors do: of calls of models, and of gates that no actor names.
        self.budgets: tuple[Budget, ...] = ()
        self.limits: tuple[Limit, ...] = ()
        self.breakers: tuple[Breaker, ...] = ()
        #: What the deployment says of actors; it hears of each before it is declared.
        self.policies: Policies | None = None
        self._attempts: Attempts | None = None
        dramatiq.set_encoder(OrjsonEncoder())
        super().__init__(middleware=[_Boot(), *middleware])

    # Dramatiq calls every hook of every middleware; most are empty. Only those that are overridden are called here.
    def emit_before(self, signal: str, *args: Any, **kwargs: Any) -> None:
        """Call the hooks before something happens, in order; only a ``MiddlewareError`` stops it.

        Before an actor is called any failure does: a gate that breaks lets nothing through.
        """
        hooks = self._before.get(signal)
        for hook in self._hooks_for("before", signal) if hooks is None else hooks:
            try:
                hook(self, *args, **kwargs)
            except MiddlewareError:
                raise
            except Exception:
                if signal == "process_message":
                    raise
                log.critical("hook_failed", hook=f"before_{signal}", owner=repr(hook), exc_info=True)

    def emit_after(self, signal: str, *args: Any, **kwargs: Any) -> None:
        """Call the hooks after something happened, innermost first; none stops the others."""
        hooks = self._after.get(signal)
        for hook in self._hooks_for("after", signal) if hooks is None else hooks:
            try:
                hook(self, *args, **kwargs)
            except Exception:
                log.critical("hook_failed", hook=f"after_{signal}", owner=repr(hook), exc_info=True)

    def _hooks_for(self, when: Literal["before", "after"], signal: str) -> tuple[Callable[..., None], ...]:
        known = self._before if when == "before" else self._after
        if signal not in known:
            name = f"{when}_{signal}"
            empty = getattr(Middleware, name)
            order = self.middleware if when == "before" else reversed(self.middleware)
            known[signal] = tuple(getattr(m, name) for m in order if getattr(type(m), name, empty) is not empty)
        return known[signal]

    def add_middleware(self, middleware: Middleware, **where: Any) -> None:
        """Add a middleware; see Dramatiq."""
        super().add_middleware(middleware, **where)
        self._before.clear()
        self._after.clear()

    def declare_actor(self, actor: Any) -> None:
        """Declare an actor, with the policies of this deployment."""
        if self.policies is not None:
            self.policies.declared(actor)
        super().declare_actor(actor)

    def declare_queue(self, queue_name: str) -> None:
        """Declare a queue; declaring it again changes nothing."""
        if queue_name not in self.queues:
            self.emit_before("declare_queue", queue_name)
            self.queues[queue_name] = True
            self.emit_after("declare_queue", queue_name)

    def enqueue(self, message: dramatiq.Message[Any], *, delay: int | None = None) -> dramatiq.Message[Any]:
        """Accept a plain Dramatiq message, ``delay`` in ms; raises ``Unavailable`` if Redis does not answer."""
        periodic = (
            self.actors[message.actor_name].options.get("periodic") if "scheduled_at" in message.options else None
        )
        if periodic is not None:
            periodic.fire(self, message.options["scheduled_at"])  # what periodiq sends says when, and not what
            return message
        self.emit_before("enqueue", message, delay)
        run = NewRun(
            id=message.message_id,
            actor=message.actor_name,
            queue=message.queue_name,
            message=message.encode(),
            delay_ms=delay or 0,
        )
        self.accept([run])
        self.emit_after("enqueue", message, delay)
        return message

    def accept(self, runs: list[NewRun]) -> list[str]:
        """Accept runs, and give their ids; raises ``Unavailable`` if Redis does not answer for about two seconds.

        A lost reply is followed by the same call: a run is known by its id, so it is accepted once.
        """
        return self.persist(lambda: self.store.enqueue(runs))

    @staticmethod
    def persist(call: Callable[[], list[str]]) -> list[str]:
        """Make an idempotent call again while Redis does not answer, for about two seconds."""
        for pause in _SEND_PAUSES_S:
            try:
                return call()
            except Backpressure:
                raise  # it answers, and has no room: what to do then is the sender's to say
            except Unavailable:
                time.sleep(pause)
        return call()

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 30_000) -> Consumer:
        """Give Dramatiq a consumer; what it may claim is decided by free threads, not by ``prefetch``."""
        del prefetch
        if self._attempts is None:
            raise RuntimeError("consume() is for a worker, and none was started on this broker")
        return _Consumer(self._attempts, queue_name, timedelta(milliseconds=timeout))

    def close(self) -> None:
        """Close the connections to Redis."""
        self.store.client.close()

    def boot(self, worker: dramatiq.Worker) -> None:
        """Start what a worker process needs.

        Its policies are written down before it claims anything. Raises ``NoStart`` if Redis does not answer.
        """
        for stranger in self.policies.strangers() if self.policies is not None else ():
            log.warning("policy_unused", what=stranger)
        try:
            self.declare_policies()
        except Unavailable as error:
            raise NoStart(str(error)) from error
        self._attempts = Attempts(self, worker)

    def declare_policies(self) -> None:
        """Write down the limits, breakers and budgets that this process knows; what was set by hand stays over them."""
        known = self.actors.values()
        limits = _named((actor, limit) for actor in known for limit in getattr(actor, "limits", ()))
        breakers = _named((actor, b) for actor in known if (b := getattr(actor, "breaker", None)) is not None)
        limits |= {limit.name: limit for limit in self.limits}
        breakers = {"*": Breaker()} | breakers | {breaker.name: breaker for breaker in self.breakers}
        removed = Declarations(self.store).declare(self.worker_id, limits.values(), breakers.values(), self.budgets)
        if removed:
            log.info("policies_removed", names=removed, why="no worker declares them any more")

    def withdraw_policies(self) -> None:
        """Declare nothing any more: what only this worker declared is not in force for the others."""
        try:
            Declarations(self.store).withdraw(self.worker_id)
        except Unavailable as error:
            log.warning("policies_left", error=str(error))

    @property
    def attempts(self) -> Attempts:
        """What this worker process has in hand; raises ``RuntimeError`` where no worker runs."""
        if self._attempts is None:
            raise RuntimeError("no worker runs in this process")
        return self._attempts


def _named(said: Iterable[tuple[Any, P]]) -> dict[str, P]:
    found: dict[str, tuple[Any, P]] = {}
    for actor, policy in said:
        first, other = found.setdefault(policy.name, (actor, policy))
        if other != policy:
            names = sorted({first.actor_name, actor.actor_name})
            log.warning("policy_declared_twice", policy=policy.name, actors=names, why="one name, several settings")
            found[policy.name] = (actor, policy)
    return {name: policy for name, (_, policy) in found.items()}


class NoStart(MiddlewareError, Unavailable):  # noqa: N818 - says what happened
    """A worker cannot write down its policies, so it does not start; of a hook's failures only this kind is heard."""


class _Boot(Middleware):
    """Ties the engine's threads to the life of the worker."""

    def after_process_boot(self, broker: Any) -> None:
        broker.on_boot()

    def before_worker_boot(self, broker: Any, worker: Any) -> None:
        broker.boot(worker)

    def after_worker_boot(self, broker: Any, worker: Any) -> None:
        del worker
        broker.attempts.start()

    def before_worker_shutdown(self, broker: Any, worker: Any) -> None:
        del worker
        broker.attempts.stop_claiming()

    def after_worker_shutdown(self, broker: Any, worker: Any) -> None:
        del worker
        broker.attempts.stop()
        broker.withdraw_policies()


class _Consumer(Consumer):
    """Hands verdicts to the committer; messages reach the worker through the intake."""

    def __init__(self, attempts: Attempts, queue_name: str, timeout: timedelta) -> None:
        self._attempts = attempts
        self._queue_name = queue_name
        self._timeout = timeout

    def __next__(self) -> None:
        self._attempts.serve(self._queue_name)  # not before: Dramatiq keeps the consumer when it has made it
        self._attempts.rest(self._timeout)

    def ack(self, message: Any) -> None:
        self._attempts.end(message)

    def nack(self, message: Any) -> None:
        self._attempts.end(message)

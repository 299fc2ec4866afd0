"""Actor: a typed function, and the policies it runs under. ``pipeline.declaration`` makes them."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from types import NoneType
from typing import TYPE_CHECKING, Any, Generic, TypeVar, get_type_hints

import dramatiq
import orjson
from pydantic import TypeAdapter, ValidationError

from pipeline import ids
from pipeline.breaker import Breaker
from pipeline.call import Call
from pipeline.classification import Rule
from pipeline.engine.coroutines import on_loop
from pipeline.engine.records import NewRun
from pipeline.errors import InvalidInput, Permanent
from pipeline.gating import spell
from pipeline.handle import RunHandle
from pipeline.limit import OF_A_QUEUE, Limit
from pipeline.models import Models
from pipeline.priority import Priority
from pipeline.retry import Retry
from pipeline.run import as_ms, correlation_here, current_run
from pipeline.sending import Mode, Send
from pipeline.signature import invalid, parameters, secret, secrets_in
from pipeline.tracing.context import carry
from pipeline.tracing.sends import around

if TYPE_CHECKING:
    from pipeline.engine.broker import PipelineBroker

In = TypeVar("In")
Out = TypeVar("Out")

#: Payloads above this many bytes are refused; large data goes to the blob store.
PAYLOAD_LIMIT = 262_144

#: How long a run waits at gates unless its actor says otherwise (claim.lua).
_DAY = timedelta(days=1)

#: The broker this process uses, once one is bound.
bound: list[PipelineBroker] = []


class Actor(dramatiq.Actor[..., Any], Generic[In, Out]):
    """A declared job type. Call it to run it here; ``send`` it to have a worker run it."""

    def __init__(
        self,
        fn: Callable[..., Any],
        *,
        name: str,
        queue: str,
        priority: Priority = Priority.NORMAL,
        retry: Retry | None = None,
        models: Models | None = None,
        timeout: timedelta | None = None,
        limits: Sequence[Limit] | None = None,
        breaker: Breaker | None = None,
        rules: Sequence[Rule] = (),
        version: int = 1,
        upgrades: Mapping[int, Callable[[Any], Any]] | None = None,
    ) -> None:
        self._source = fn
        self.fn = on_loop(fn) if inspect.iscoroutinefunction(fn) else fn
        self.logger = dramatiq.get_logger(fn.__module__ or "_", name)  # type: ignore[no-untyped-call]
        self.actor_name = name
        self.queue_name = queue
        self.priority = 0  # Dramatiq's own order; ours is decided when a run is claimed
        self.options: dict[str, Any] = {}
        if timeout is not None:
            self.options["time_limit"] = as_ms(timeout)
        self.tier = priority
        self.retry = retry or Retry()
        self.models = models
        self.timeout = timeout
        self.limits = tuple(OF_A_QUEUE.get(queue, ()) if limits is None else limits)
        self.breaker = breaker
        self.rules = tuple(rules)
        self.version = version
        self.upgrades = dict(upgrades or {})
        if version < 1 or not set(self.upgrades) <= set(range(1, version)):
            raise ValueError(
                f"actor {name!r}: upgrades are from versions 1 to {version - 1}, got {sorted(self.upgrades)}"
            )
        self.__doc__ = fn.__doc__
        self.__name__ = name
        self._takes_payload, self._takes_run = parameters(fn, name)
        self._message_head = {"queue_name": queue, "actor_name": name, "kwargs": {}}

    @property
    def broker(self) -> PipelineBroker:  # type: ignore[override] # bound late: declaring connects nothing
        """The broker it is bound to; the first use binds everything that was declared."""
        if not bound:
            import pipeline.app  # noqa: F401 - importing it binds
        return bound[0]

    @cached_property
    def payload_type(self) -> Any:
        """The annotation of its payload; ``None`` if it takes none."""
        return self._hints[self._takes_payload] if self._takes_payload else None

    @cached_property
    def result_type(self) -> Any:
        """The annotation of its result."""
        return self._hints.get("return", Any)

    @cached_property
    def _hints(self) -> dict[str, Any]:
        try:
            hints = get_type_hints(self._source, include_extras=True)
        except NameError as error:
            raise TypeError(f"actor {self.actor_name!r}: an annotation cannot be resolved: {error}") from error
        if self._takes_payload and self._takes_payload not in hints:
            hints[self._takes_payload] = Any
        return hints

    @cached_property
    def _payload_shape(self) -> TypeAdapter[Any]:
        return TypeAdapter(self.payload_type)

    @cached_property
    def _secrets(self) -> tuple[str, ...]:
        return secrets_in(self._payload_shape) if self._takes_payload else ()

    @cached_property
    def result_shape(self) -> TypeAdapter[Any]:
        """Turns its result to JSON and back."""
        return TypeAdapter(self.result_type)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the function here; a worker passes one ``Call`` and finds the result in it."""
        if len(args) == 1 and isinstance(args[0], Call):
            call = args[0]
            given = [call.payload] if self._takes_payload else []
            with call.guard:
                result = self.fn(*given, call.run) if self._takes_run else self.fn(*given)
            call.result = self._encode_result(result)
            return None
        return self.fn(*args, **kwargs)

    def _encode_result(self, result: Any) -> bytes:
        if result is None and self.result_type is NoneType:
            return b"null"
        try:
            return self.result_shape.dump_json(self.result_shape.validate_python(result))
        except ValidationError as error:
            raise Permanent(f"{self.actor_name} returned what its signature does not say: {error}") from error

    def validate(self, payload: Any) -> Any:
        """Give the payload as its type; raises ``InvalidInput`` that names the actor and the field."""
        if not self._takes_payload:
            if payload is not None:
                raise InvalidInput(
                    f"{self.actor_name}: takes no payload, got {type(payload).__name__}", field="payload"
                )
            return None
        try:
            return self._payload_shape.validate_python(payload)
        except ValidationError as error:
            raise invalid(self.actor_name, error) from None

    def upgrade(self, payload: Any, version: int) -> Any:
        """Give a payload of an older version as one of this; raises ``InvalidInput`` if there is no way to."""
        for older in range(version, self.version):
            if older not in self.upgrades:
                raise InvalidInput(
                    f"{self.actor_name}: the payload is of version {version}, this code reads version {self.version}"
                    f" and has no upgrade from version {older}",
                    field="version",
                )
            payload = self.upgrades[older](payload)
        return payload

    def encode(self, payload: Any) -> Any:
        """Give the payload as JSON values, checked; raises ``InvalidInput`` that names the field."""
        value = self.validate(payload)
        if self._secrets:
            raise secret(self.actor_name, self._secrets)
        return self._payload_shape.dump_python(value, mode="json") if self._takes_payload else None

    def message_with_options(self, *, args: tuple[Any, ...] = (), kwargs: Any = None, **options: Any) -> Any:
        """Build a Dramatiq message; the payload is its only argument, checked here."""
        checked = (self.encode(args[0]),) if args and self._takes_payload else args
        return super().message_with_options(args=checked, kwargs=kwargs, **options)

    def send(  # type: ignore[override] # one typed payload instead of any arguments
        self,
        payload: In | None = None,
        *,
        priority: Priority | None = None,
        delay: timedelta | None = None,
        key: str = "",
        mode: Mode = "return",
        period: timedelta | None = None,
        group: str = "",
        deadline: datetime | timedelta | None = None,
        correlation_id: str = "",
        models: Sequence[str] | None = None,
    ) -> RunHandle[Out]:
        """Have a worker run it, and give a handle on the run.

        ``key`` makes the same job one run. Sent again, by ``mode``: *return* gives the run that is there, unless it
        failed; *throttle* gives it for a ``period``, however it ended; *debounce* starts one run a ``period`` after the
        last send, with the last payload; *replace* puts the payload in the place of one that has not started.
        ``group`` is the tenant it counts for. After ``deadline`` it is not started any more, and stopped if it runs.
        ``models`` replaces the actor's chain. ``correlation_id`` is in every log line of it and of what it sends: by
        default the sender's, or the id of the run that sends it. It belongs to the trace of whoever sends it.
        Raises ``InvalidInput`` that names the field, and ``Unavailable`` when Redis does not answer.
        """
        sending = Send(
            payload=payload,
            priority=priority,
            delay=delay,
            key=key,
            mode=mode,
            period=period,
            group=group,
            deadline=deadline,
            correlation_id=correlation_id,
            models=models,
        )
        return self.send_many([sending])[0]

    def send_many(self, payloads: Iterable[In | Send]) -> list[RunHandle[Out]]:
        """Send payloads, or ``Send`` values, in as few calls as can be; all are checked before any is sent."""
        broker = self.broker
        with around(self.actor_name, self.queue_name) as sent:
            runs = [self.new_run(item if isinstance(item, Send) else Send(payload=item)) for item in payloads]
            accepted = broker.accept(runs)
            sent.note_runs(accepted)
        return [RunHandle(run_id, self, broker) for run_id in accepted]

    def new_run(self, sending: Send, *, run_id: str = "", raw: bool = False, **flow: Any) -> NewRun:
        """Check a payload and give what is written when it is accepted; a ``raw`` one is checked once complete."""
        run_id = run_id or ids.new()
        payload = sending.payload if raw else self.encode(sending.payload)
        options = dict(sending.options)
        if sending.models is not None:
            options["models"] = list(Models(*sending.models))
        correlation_id = sending.correlation_id or correlation_here()
        if correlation_id:
            options["correlation_id"] = correlation_id
        carry(options, None if (sender := current_run.get()) is None else sender.trace)
        if sending.group:
            options["group"] = sending.group
        if self.version != 1:
            options["version"] = self.version
        message = orjson.dumps(
            self._message_head
            | {
                "args": [payload] if self._takes_payload else [],
                "options": options,
                "message_id": run_id,
                "message_timestamp": time.time_ns() // 1_000_000,
            }
        )
        limit = bound[0].payload_limit if bound else PAYLOAD_LIMIT
        if len(message) > limit:
            raise InvalidInput(
                f"{self.actor_name}: the payload has {len(message):,} bytes, at most {limit:,} are accepted;"
                " put large data in the blob store and send its reference",
                field="payload",
            )
        priority = sending.priority or self.tier
        return NewRun(
            id=run_id,
            actor=self.actor_name,
            queue=self.queue_name,
            message=message,
            tier=priority.tier,
            number=priority.number,
            group=sending.label("group"),
            delay_ms=sending.delay_ms(),
            deadline_ms=sending.deadline_ms(),
            key=sending.label("key"),
            mode=sending.mode,
            period_ms=sending.period_ms(),
            gates=self._gates(payload, sending),
            version=self.version,
            patience_ms=None if self.retry.patience == _DAY else as_ms(self.retry.patience),
            correlation=correlation_id,
            **flow,
        )

    def _gates(self, payload: Any, sending: Send) -> str:
        models = sending.models or self.models or ()
        if not models and self.queue_name in OF_A_QUEUE and bound:
            models = bound[0].models
        if not (self.limits or self.breaker or models):
            return ""
        return spell(self.limits, self.breaker, models, payload, group=sending.label("group"), actor=self.actor_name)

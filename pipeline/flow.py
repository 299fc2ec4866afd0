"""Flow: actors chained into a graph, declared once, checked when it is declared.

::

    study = Flow("study", StudyRequest)
    document = study.each("documents", extract_document)        # one run for each item of the request's field
    graph = study.add(generate_graph, document)                 # its payload is the other's result
    quiz = study.add(generate_quiz, document=document, questions=study.given("questions"))
    pack = study.add(assemble_pack, graphs=study.all(graph), quizzes=study.all(quiz))

What depends on nothing runs at once; what depends on others when they ended. How a node takes failure is said by its
types: a field of type ``T`` needs the other's result, and the node is cancelled when there is none; a field of type
``Outcome[T]`` takes either, and says which.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from types import GenericAlias
from typing import Any, Generic, TypeVar, cast, get_args

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from pipeline import ids
from pipeline.actor import Actor
from pipeline.engine.records import NewRun
from pipeline.errors import InvalidInput
from pipeline.events import Event
from pipeline.fitting import fits, tolerates
from pipeline.handle import RunHandle
from pipeline.inspector import Inspector
from pipeline.models import Models
from pipeline.priority import Priority
from pipeline.run import correlation_here
from pipeline.sending import Send
from pipeline.tracing.sends import around

In = TypeVar("In", bound=BaseModel)
Out = TypeVar("Out")
Made = TypeVar("Made")

#: The input that is a node's whole payload.
WHOLE = ""


@dataclass(frozen=True, slots=True)
class Node(Generic[Out]):
    """An actor's place in a flow."""

    name: str
    actor: Actor[Any, Out]
    inputs: dict[str, Node[Any] | Given | Collected] = field(hash=False)
    each: str = ""

    def __repr__(self) -> str:
        return f"<node {self.name}>"


@dataclass(frozen=True, slots=True)
class Given:
    """A field of the flow's request."""

    field: str
    annotation: Any


@dataclass(frozen=True, slots=True)
class Collected:
    """The results of a node that runs once for each item, in the order of the items."""

    node: Node[Any]


class Flow(Generic[In, Out]):
    """A declared graph of actors; its last node's result is the flow's."""

    def __init__(self, name: str, request: type[In]) -> None:
        if not ids.NAME.fullmatch(name):
            raise ValueError(f"flow {name!r}: a name is letters, digits, '.', '_' and '-'")
        self.name = name
        self.request = request
        self.nodes: list[Node[Any]] = []

    def given(self, name: str) -> Given:
        """Name a field of the request as an input; raises ``TypeError`` if there is none."""
        if name not in self.request.model_fields:
            raise TypeError(f"flow {self.name}: {self.request.__name__} has no field {name!r}")
        return Given(name, self.request.model_fields[name].annotation)

    def all(self, node: Node[Any]) -> Collected:
        """Collect a node that runs once for each item; the input's type is a list or a tuple."""
        if not node.each:
            raise TypeError(f"flow {self.name}: {node.name} runs once; pass it as it is")
        return Collected(node)

    def each(self, items: str, actor: Actor[Any, Made], *, name: str = "") -> Node[Made]:
        """Add an actor that runs once for each item of a field of the request."""
        given = self.given(items)
        node = Node(name or actor.actor_name, actor, {WHOLE: given}, each=items)
        item = (get_args(given.annotation) or (Any,))[0]
        self._check(node, WHOLE, item, actor.payload_type)
        return self._append(node)

    def add(
        self,
        actor: Actor[Any, Made],
        payload: Node[Any] | None = None,
        /,
        *,
        name: str = "",
        **fields: Node[Any] | Given | Collected,
    ) -> Node[Made]:
        """Add an actor that takes another's result as its payload, or in fields of it.

        Raises ``TypeError`` when an output does not fit the input it is passed to, or a required field gets nothing.
        """
        inputs: dict[str, Node[Any] | Given | Collected] = dict(fields)
        if payload is not None:
            if fields:
                raise TypeError(f"flow {self.name}: {actor.actor_name} takes a whole payload or fields, not both")
            inputs[WHOLE] = payload
        axes = {source.each for source in inputs.values() if isinstance(source, Node) and source.each}
        if len(axes) > 1:
            raise TypeError(f"flow {self.name}: {actor.actor_name} mixes items of {sorted(axes)}")
        node = Node(name or actor.actor_name, actor, inputs, each=next(iter(axes), ""))
        for into, source in inputs.items():
            self._check(node, into, _offered(source), self._wanted(node, into))
        if WHOLE not in inputs:
            missing = [n for n, f in actor.payload_type.model_fields.items() if f.is_required() and n not in inputs]
            if missing:
                raise TypeError(f"flow {self.name}: {node.name} gets nothing for {', '.join(missing)}")
        return self._append(node)

    def send(
        self,
        request: In,
        *,
        priority: Priority | None = None,
        group: str = "",
        correlation_id: str = "",
        models: Models | None = None,
    ) -> FlowHandle[Out]:
        """Start a flow: all of its runs are accepted, or none. Raises as ``Actor.send`` does."""
        flow_id = ids.new()
        correlation_id = correlation_id or correlation_here() or flow_id
        sending = Send(priority=priority, group=group, correlation_id=correlation_id, models=models)
        broker = self.nodes[-1].actor.broker
        with around(self.name, self.nodes[0].actor.queue_name) as sent:
            runs, names = _unfold(self, request, sending, flow_id)
            last = runs[-1].id
            broker.persist(lambda: broker.store.start_flow(flow_id, self.name, runs, last))
            sent.note_runs([run.id for run in runs], flow_id)
        return FlowHandle(flow_id, self, names, last)

    def _append(self, node: Node[Made]) -> Node[Made]:
        if any(node.name == other.name for other in self.nodes):
            raise ValueError(f"flow {self.name}: two nodes are named {node.name!r}; pass name=")
        self.nodes.append(node)
        return node

    def _wanted(self, node: Node[Any], into: str) -> Any:
        payload = node.actor.payload_type
        if into == WHOLE:
            return payload
        fields = getattr(payload, "model_fields", {})
        if into not in fields:
            raise TypeError(f"flow {self.name}: the payload of {node.name} has no field {into!r}")
        return fields[into].annotation

    def _check(self, node: Node[Any], into: str, offered: Any, wanted: Any) -> None:
        if not fits(offered, wanted):
            where = f"{node.name}.{into}" if into else node.name
            raise TypeError(f"flow {self.name}: {where} takes {_shown(wanted)}, and gets {_shown(offered)}")


class FlowHandle(Generic[Out]):
    """A flow that was started."""

    def __init__(self, flow_id: str, flow: Flow[Any, Out], names: dict[str, str], last: str) -> None:
        self.id = flow_id
        self._flow = flow
        self._last = last
        broker = flow.nodes[-1].actor.broker
        self._inspector = Inspector(broker.store, broker.values)
        actors = {node.name: node.actor for node in flow.nodes}
        #: A handle for each run, by the node's name, with ``[i]`` where it runs once for each item.
        self.runs: dict[str, RunHandle[Any]] = {
            name: RunHandle(run_id, actors[name.partition("[")[0]], broker) for name, run_id in names.items()
        }

    def state(self) -> str | None:
        """Give 'running', 'completed', 'partial' or 'failed'; none once retention has removed it."""
        flow = self._inspector.flow(self.id)
        return flow["state"] if flow else None

    def result(self, timeout: timedelta | None = None) -> Out:
        """Wait for the last node's result; raises as ``RunHandle.result``."""
        last = next(handle for handle in self.runs.values() if handle.id == self._last)
        return cast("Out", last.result(timeout))

    def events(self, timeout: timedelta | None = None) -> Iterator[Event]:
        """Give what happens to its nodes until all of them ended."""
        return self._inspector.flow_events(self.id, timeout=timeout)

    def cancel(self) -> None:
        """Ask every run of it to stop."""
        for handle in self.runs.values():
            handle.cancel()


def _offered(source: Node[Any] | Given | Collected) -> Any:
    if isinstance(source, Given):
        return source.annotation
    if isinstance(source, Collected):
        return GenericAlias(list, (source.node.actor.result_type,))
    return source.actor.result_type


def _shown(annotation: Any) -> str:
    return annotation.__name__ if isinstance(annotation, type) and not get_args(annotation) else str(annotation)


def _unfold(
    flow: Flow[Any, Any], request: BaseModel, sending: Send, flow_id: str
) -> tuple[list[NewRun], dict[str, str]]:
    """Give one run for each node and item, each knowing whom it feeds."""
    copies = {node.name: len(getattr(request, node.each)) if node.each else 1 for node in flow.nodes}
    for node in flow.nodes:
        if not copies[node.name]:
            raise InvalidInput(f"flow {flow.name}: {node.each} is empty", field=node.each)
    run_ids = {name: [ids.new() for _ in range(count)] for name, count in copies.items()}
    feeds: dict[str, list[str]] = {}
    prepared: list[tuple[Node[Any], int, Any, dict[str, Any], int]] = []
    for node in flow.nodes:
        for item in range(copies[node.name]):
            payload, inputs, needs = _inputs_of(flow, node, item, request, run_ids)
            for source, required in needs.items():
                feeds.setdefault(source, []).append(f"{run_ids[node.name][item]}:{int(required)}")
            prepared.append((node, item, payload, inputs, len(needs)))
    runs, names = [], {}
    for node, item, payload, inputs, needed in prepared:
        run_id = run_ids[node.name][item]
        label = f"{node.name}[{item}]" if node.each else node.name
        names[label] = run_id
        runs.append(
            node.actor.new_run(
                Send(
                    payload=payload,
                    priority=sending.priority,
                    group=sending.group,
                    correlation_id=sending.correlation_id,
                    models=sending.models,
                    options={"inputs": inputs, "flow": flow_id} if inputs else {"flow": flow_id},
                ),
                run_id=run_id,
                raw=bool(inputs),
                node=label,
                needs=needed,
                feeds=" ".join(feeds.get(run_id, ())),
            )
        )
    return runs, names


def _inputs_of(
    flow: Flow[Any, Any], node: Node[Any], item: int, request: BaseModel, run_ids: dict[str, list[str]]
) -> tuple[Any, dict[str, Any], dict[str, bool]]:
    payload: Any = {}
    inputs: dict[str, Any] = {}
    needs: dict[str, bool] = {}
    for into, source in node.inputs.items():
        if isinstance(source, Given):
            value = getattr(request, source.field)
            if into == WHOLE:
                payload = value[item]
            else:
                payload[into] = to_jsonable_python(value)
            continue
        wanted = flow._wanted(node, into)  # noqa: SLF001 - one idea in two places of this file
        required = not tolerates(wanted)
        if isinstance(source, Collected):
            sources = run_ids[source.node.name]
        else:
            sources = [run_ids[source.name][item if source.each else 0]]
        inputs[into] = {"runs": sources, "many": isinstance(source, Collected), "outcome": not required}
        needs.update((run_id, required or needs.get(run_id, False)) for run_id in sources)
    return payload, inputs, needs

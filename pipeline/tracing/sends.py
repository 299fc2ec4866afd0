"""The span around a send: what is sent inside it belongs to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from pipeline.tracing import semantics
from pipeline.tracing.spans import OpenSpan, sending, sends_are_seen


class Sent:
    """A send on its way, and its span if there is one."""

    __slots__ = ("_span",)

    def __init__(self, span: OpenSpan | None = None) -> None:
        self._span = span

    def __enter__(self) -> Self:
        if self._span is not None:
            self._span.__enter__()
        return self

    def __exit__(self, *failure: object) -> None:
        if self._span is not None:
            self._span.__exit__(*failure)  # type: ignore[arg-type] # as ``with`` gives them

    def note_runs(self, run_ids: Sequence[str], flow_id: str = "") -> None:
        """Note which runs came of it."""
        if self._span is None:
            return
        if len(run_ids) == 1:
            self._span.note({semantics.MESSAGING_MESSAGE_ID: run_ids[0]})
        else:
            self._span.note({semantics.MESSAGING_BATCH: len(run_ids)})
        if flow_id:
            self._span.note({semantics.FLOW: flow_id})


_UNSEEN = Sent()


def around(name: str, queue: str) -> Sent:
    """Open the span of a send of this actor, or this flow; to be used in a ``with``."""
    if not sends_are_seen():
        return _UNSEEN
    return Sent(
        sending(
            f"send {name}",
            {
                semantics.MESSAGING_SYSTEM: semantics.SYSTEM,
                semantics.MESSAGING_OPERATION: "send",
                semantics.MESSAGING_OPERATION_TYPE: "send",
                semantics.MESSAGING_DESTINATION: queue,
            },
        )
    )

"""Reviews: what waits for a person - drafts that no model made good enough, effects nobody knows the outcome of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import orjson

from pipeline import ids
from pipeline.engine.reviews import ReviewQueue
from pipeline.errors import InvalidInput, PipelineError

if TYPE_CHECKING:
    from pipeline.engine.reviews import Asked
    from pipeline.engine.store import Store
    from pipeline.engine.values import Values
    from pipeline.inspector import Inspector


class NotInReview(PipelineError):  # noqa: N818 - says what is the case
    """The run does not wait for a person, or waits for another answer than the one that was looked at."""


@dataclass(frozen=True, slots=True)
class Review:
    """One question to a person.

    ``item`` is what the run says about it: of a *gate* its grades, and the schema of what it makes; of an *effect* the
    function, its arguments, the idempotency key to ask the other side for, and why the outcome is not known.
    """

    run: str
    actor: str
    queue: str
    since_ms: int
    reason: str
    kind: str
    name: str
    item: dict[str, Any]

    @property
    def problem(self) -> str:
        """What was wrong with the answer given before; empty if there was none."""
        return str(self.item.get("problem", ""))


class Reviews:
    """Lists what waits for a person, and takes the answers: the run goes on by itself, on any worker.

    An answer raises ``NotInReview`` if the run does not wait for it, and ``InvalidInput`` if it makes no sense there.
    An actor that raises ``NeedsReview`` itself finds the answer in the checkpoint ``answer:review``.
    """

    def __init__(self, store: Store, values: Values) -> None:
        self._queue = ReviewQueue(store, values)

    @classmethod
    def seen_by(cls, inspector: Inspector) -> Self:
        """Give the reviews of the deployment that an inspector looks at."""
        return cls(inspector._store, inspector._values)  # noqa: SLF001 - the same parts, seen from another side

    def list(self, limit: int = 50) -> list[Review]:
        """Give what has waited longest, at most so many."""
        return [_review(row) for row in self._queue.waiting(limit)]

    def show(self, run_id: str) -> Review:
        """Give what a run waits for."""
        return _review(self._asked(run_id))

    def draft(self, run_id: str) -> Any:
        """Give the draft that is put up, as JSON values; none if no answer had the right shape, and for effects."""
        step = self._asked(run_id).item.get("draft")
        found = self._queue.draft(run_id, step) if step else None
        return None if found is None else orjson.loads(found)

    def approve(self, run_id: str, *, by: str = "", why: str = "") -> None:
        """Take the draft as it is."""
        asked = self._asked(run_id, "draft")
        draft = asked.item.get("draft", "")
        if asked.item.get("kind") == "gate" and not draft:
            raise InvalidInput(f"run {run_id} has no draft of the right shape to approve: edit it, or reject it")
        self._answer(asked, {"says": "approve", "draft": draft}, by, why)

    def edit(self, run_id: str, value: Any, *, by: str = "", why: str = "") -> None:
        """Take another draft in its place; one that does not fit comes back with the field named."""
        self._answer(self._asked(run_id, "draft"), {"says": "edit", "value": value}, by, why)

    def done(self, run_id: str, value: Any = None, *, by: str = "", why: str = "") -> None:
        """Say that an effect happened, and what came of it; it is not called again."""
        asked = self._asked(run_id, "effect")
        self._answer(asked, {"says": "done", "value": value, "call": asked.item["call"]}, by, why)

    def undone(self, run_id: str, *, by: str = "", why: str = "") -> None:
        """Say that an effect did not happen: it is called again."""
        asked = self._asked(run_id, "effect")
        self._answer(asked, {"says": "undone", "call": asked.item["call"]}, by, why)

    def reject(self, run_id: str, *, by: str = "", why: str = "") -> None:
        """Give the run up; it is dead, with the reason."""
        asked = self._asked(run_id)
        told = {"says": "reject", "name": asked.item.get("name", ""), "by": by, "why": why}
        _heed(self._queue.reject(asked, ids.new(), why=why or "no reason given", told=told), run_id)

    def _answer(self, asked: Asked, answer: dict[str, Any], by: str, why: str) -> None:
        told = {"says": answer["says"], "name": asked.item.get("name", ""), "by": by, "why": why}
        value = orjson.dumps(answer | {"by": by, "why": why})
        step = asked.item.get("answer", "answer:review")
        _heed(self._queue.answer(asked, ids.new(), step=step, value=value, told=told), asked.run_id)

    def _asked(self, run_id: str, about: str = "") -> Asked:
        asked = self._queue.find(run_id)
        if asked is None:
            raise NotInReview(f"run {run_id} does not wait for a person")
        is_effect = asked.item.get("kind") == "effect"
        if about and (about == "effect") != is_effect:
            says = "done, undone or reject" if is_effect else "approve, edit or reject"
            raise InvalidInput(f"run {run_id} asks about {'an effect' if is_effect else 'a draft'}: answer {says}")
        return asked


def _review(row: Asked) -> Review:
    return Review(
        run=row.run_id,
        actor=row.actor,
        queue=row.queue,
        since_ms=row.asked_ms,
        reason=row.reason,
        kind=str(row.item.get("kind", "other")),
        name=str(row.item.get("name", "")),
        item=row.item,
    )


def _heed(code: int, run_id: str) -> None:
    if code == -3:  # noqa: PLR2004 - see the script's signature
        raise NotInReview(f"run {run_id} was answered, and asks something else now: look at it again")
    if code < 0:
        raise NotInReview(f"run {run_id} does not wait for a person any more")

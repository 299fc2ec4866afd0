"""Gate: a draft goes on when its check lets it; what falls short is repaired, escalated, or shown to a person."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from pipeline import metrics
from pipeline.chain import OFFLINE
from pipeline.errors import NeedsReview, QualityError
from pipeline.steps import name_of, shape_of

if TYPE_CHECKING:
    from pipeline.run import Run

R = TypeVar("R")

#: What is kept of a feedback.
FEEDBACK_LIMIT = 4_000


@dataclass(frozen=True, slots=True)
class Grade:
    """What a check thinks of a draft: ``score`` from 0 to 1, and what to do better, in words for the model.

    ``details`` is JSON, for people. ``usable`` says that the draft may be taken, if it is the best there is, when no
    model is left that could do better. Raises ``ValueError`` for a score outside its range.
    """

    score: float
    feedback: str = ""
    details: dict[str, Any] = field(default_factory=dict)
    usable: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.score <= 1:
            raise ValueError(f"Grade({self.score}): a score is from 0 to 1")


class Graded(BaseModel):
    """A draft's grade as it is kept: ``draft`` names the step that holds the draft, empty if there is none."""

    model_config = ConfigDict(frozen=True)

    draft: str
    model: str
    score: float
    threshold: float
    feedback: str = ""
    details: dict[str, Any] = {}
    usable: bool = False
    accepted: bool = False
    #: Whether an attempt failed with it: the next one has its tries anew.
    closed: bool = False


_GRADES = TypeAdapter(list[Graded])


def hold(
    run: Run,
    fn: Callable[..., R],
    args: tuple[Any, ...],
    *,
    check: Callable[[R], Grade],
    threshold: float,
    repairs: int,
    review: bool,
) -> R:
    """Give the first draft of ``fn`` that ``check`` grades at ``threshold`` or above.

    ``fn`` reads ``run.model`` and ``run.feedback`` itself, so it takes the run as an argument if it needs them. Its
    drafts are the steps ``<fn>#1``, ``<fn>#2`` ..., their grades the step ``gate:<fn>``. An answer of the wrong shape
    (``QualityError``) counts as a draft of score 0. When no model is left that could do better, the best ``usable``
    draft is taken; without one a person decides (``NeedsReview``) or, with ``review`` off, ``QualityError`` is raised.
    """
    if not 0 < threshold <= 1 or repairs < 0:
        raise ValueError(f"gate(threshold={threshold}, repairs={repairs}): above 0 and at most 1; 0 or more")
    gate = _Gate(run, fn, threshold)
    run.use(gate.name)
    decided = gate.decided()
    if decided is not None:
        return gate.restored(decided)
    try:
        while True:
            tries = 1 + (0 if run.model == OFFLINE else repairs)  # offline says the same again, whatever it is told
            if gate.tried(run.model) >= tries:
                if not gate.escalate():
                    break
                continue
            run.feedback = gate.grades[-1].feedback if gate.grades else ""
            draft = gate.draft(args)
            if draft is not None and gate.judge(check(draft[0])):
                return draft[0]
    finally:
        run.feedback = ""
    taken = gate.best(one for one in gate.grades if one.usable)
    if taken is not None:
        gate.accept(taken)
        return gate.restored(taken.draft)
    run.next_model(f"{gate.name}: no draft reached {threshold:g}")  # only offline can be left: the run starts over
    if review:
        raise gate.needs_person()
    gate.close()
    raise QualityError(gate.summary())


class _Gate(Generic[R]):
    """One gate of a run, with what is remembered of it."""

    def __init__(self, run: Run, fn: Callable[..., R], threshold: float) -> None:
        self._run = run
        self._fn = fn
        self._threshold = threshold
        self._step = name_of(fn)
        self.name = f"gate:{self._step}"
        self._places = run.places()
        kept = run.recall(self.name)
        self.grades: list[Graded] = [] if kept is None else _GRADES.validate_json(kept)

    def decided(self) -> str | None:
        """Give the step that holds what a person, or an earlier attempt, settled on."""
        answer = self._run.recall(self._answer)
        if answer is not None:
            return self._answer
        return next((one.draft for one in self.grades if one.accepted), None)

    def restored(self, step: str) -> R:
        """Give the draft that a step holds; a person's that does not fit goes back to review."""
        self._run.rewind(self._places)
        if step != self._answer:
            return self._run.once(step, self._fn)
        answer = orjson.loads(self._run.recall(step) or b"{}")
        if answer.get("says") == "approve":
            return self._run.once(answer["draft"], self._fn)
        try:
            value: R = shape_of(self._fn).validate_json(orjson.dumps(answer.get("value")))
        except ValidationError as error:
            told = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in told["loc"]) or "the value"
            raise self.needs_person(f"the edited draft does not fit: {where}: {told['msg']}") from None
        return value

    def tried(self, model: str) -> int:
        """Count the drafts of a model, since an attempt failed at this gate."""
        return sum(one.model == model and not one.closed for one in self.grades)

    def escalate(self) -> bool:
        """Move on to the next model that can do better; offline is none."""
        models, here = list(self._run.models), self._run.model
        left = models[models.index(here) + 1 :]
        return bool(left) and left[0] != OFFLINE and self._run.next_model(f"{self.name}: below {self._threshold:g}")

    def draft(self, args: tuple[Any, ...]) -> tuple[R] | None:
        """Make the next draft, or give the one that was made and not yet graded; none if its shape is wrong."""
        step = f"{self._step}#{len(self.grades) + 1}"
        self._run.rewind(self._places)  # who listens sees one draft at a time
        try:
            return (self._run.once(step, self._fn, *args),)
        except QualityError as error:
            self._keep("", Grade(0.0, str(error)), accepted=False)
            return None

    def judge(self, grade: Grade) -> bool:
        """Keep the last draft's grade, and say whether it is good enough."""
        accepted = grade.score >= self._threshold
        self._keep(f"{self._step}#{len(self.grades) + 1}", grade, accepted=accepted)
        return accepted

    def accept(self, taken: Graded) -> None:
        """Keep that a draft below the threshold was taken."""
        self.grades = [one.model_copy(update={"accepted": one is taken}) for one in self.grades]
        self._remember()
        metrics.count("dramaturg_gate_verdicts_total", self._step, self._run.actor, "taken")
        self._run.log.warning("gate_took_less", gate=self._step, score=taken.score, threshold=self._threshold)

    def close(self) -> None:
        """Give the next attempt its tries anew: it may be the first of many days later."""
        self.grades = [one.model_copy(update={"closed": True}) for one in self.grades]
        self._remember()

    @staticmethod
    def best(grades: Iterable[Graded]) -> Graded | None:
        """Give the highest grade of a draft, the latest of equals."""
        return max((one for one in reversed(list(grades)) if one.draft), key=lambda one: one.score, default=None)

    def needs_person(self, problem: str = "") -> NeedsReview:
        """Give what puts the run up for review: the grades, the best draft, and what an edited one has to look like."""
        best = self.best(self.grades)
        item: dict[str, Any] = {
            "kind": "gate",
            "name": self._step,
            "answer": self._answer,
            "draft": "" if best is None else best.draft,
            "threshold": self._threshold,
            "grades": [one.model_dump(mode="json") for one in self.grades],
            "schema": shape_of(self._fn).json_schema(),
        }
        if problem:
            item["problem"] = problem
        return NeedsReview(problem or self.summary(), item=item)

    def summary(self) -> str:
        """Say how far the drafts fell short."""
        best = max((one.score for one in self.grades), default=0.0)
        models = ", ".join(dict.fromkeys(one.model for one in self.grades))
        last = self.grades[-1].feedback if self.grades else ""
        told = f"{self._step}: the best of {len(self.grades)} drafts ({models}) has {best:.2f} of {self._threshold:.2f}"
        return f"{told}: {last}" if last else told

    @property
    def _answer(self) -> str:
        return f"answer:{self.name}"

    def _keep(self, step: str, grade: Grade, *, accepted: bool) -> None:
        self.grades.append(
            Graded(
                draft=step,
                model=self._run.model,
                score=round(grade.score, 4),
                threshold=self._threshold,
                feedback=grade.feedback[:FEEDBACK_LIMIT],
                details=grade.details,
                usable=grade.usable,
                accepted=accepted,
            )
        )
        self._remember()
        metrics.graded(self._step, self._run.actor, grade.score, accepted=accepted)
        self._run.log.info("gate_graded", gate=self._step, draft=len(self.grades), score=grade.score, accepted=accepted)

    def _remember(self) -> None:
        self._run.remember(self.name, _GRADES.dump_json(self.grades), replace=True)

"""The grade of a lesson: computed from what it says and what its passages say, the same whoever wrote it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from actors.study.lesson import criteria
from actors.study.lesson.criteria import Graded, Mark
from actors.study.lesson.outline import take_apart
from actors.study.material import Criterion, Material

if TYPE_CHECKING:
    from actors.study.lesson.support import Support
    from actors.study.material import LessonSpec

#: A lesson of this quality is published without a person's look at it.
THRESHOLD = 0.75

#: Each criterion, what it weighs, and whether a lesson is at best as good as it is in this one.
_CRITERIA: tuple[tuple[Callable[[Graded], Mark], float, bool], ...] = (
    (criteria.grounding, 0.25, True),
    (criteria.coverage, 0.25, True),
    (criteria.structure, 0.15, True),
    (criteria.questions, 0.1, True),
    (criteria.length, 0.1, True),
    (criteria.repetition, 0.1, True),
    (criteria.readability, 0.05, False),
)


class Verdict(Material):
    """A lesson's grade: the weighted mean of the criteria, held down by the worst of the vital ones."""

    quality: float
    grades: tuple[Criterion, ...]
    feedback: str


def grade(markdown: str, spec: LessonSpec, support: Support, *, left_out: int = 0) -> Verdict:
    """Grade a lesson; ``left_out`` statements of its draft were taken out as foreign to the passages."""
    lesson = Graded(spec, take_apart(markdown), support, left_out)
    marks = [
        (criterion, criterion(lesson), weight, vital)
        for criterion, weight, vital in _CRITERIA
        if criterion is not criteria.questions or spec.questions
    ]
    mean = sum(mark.score * weight for _, mark, weight, _ in marks) / sum(weight for _, _, weight, _ in marks)
    quality = min(mean, *(mark.score for _, mark, _, vital in marks if vital))
    worst_first = sorted(marks, key=lambda row: row[1].score)
    return Verdict(
        quality=round(quality, 4),
        grades=tuple(
            Criterion(name=fn.__name__, score=round(mark.score, 4), weight=weight, vital=vital, why=mark.why)
            for fn, mark, weight, vital in marks
        ),
        feedback=" ".join(mark.advice for _, mark, _, _ in worst_first if mark.advice),
    )

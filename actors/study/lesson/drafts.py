"""Drafts of lessons: what was written, and the lesson that one of them becomes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from pydantic import Field

from actors.study.lesson.cleaning import clean, escaped
from actors.study.lesson.grading import grade
from actors.study.lesson.outline import take_apart
from actors.study.lesson.passages import Context
from actors.study.lesson.support import Support, citations
from actors.study.material import Citation, Lesson, LessonSpec, Making, Material, Usage
from pipeline import Grade

if TYPE_CHECKING:
    from actors.study.lesson.grading import Verdict


class Draft(Material):
    """A lesson as it was written, sanitized; ``markdown`` is what a person edits who reviews it."""

    markdown: str
    model: str
    usage: Usage | None = None
    seconds: float = 0.0
    dropped: dict[str, int] = Field(default_factory=dict, description="reason -> what was left out of it")


class Found(Material):
    """The passages that were found, and how long the search took."""

    context: Context
    seconds: float = 0.0


class Written(Material):
    """What writing a draft took, whether it was taken or not."""

    usage: Usage | None = None
    seconds: float = 0.0


def judged(draft: Draft, spec: LessonSpec, support: Support) -> Grade:
    """Grade a draft, with what to do better."""
    verdict = grade(draft.markdown, spec, support, left_out=draft.dropped.get("ungrounded", 0))
    return Grade(verdict.quality, verdict.feedback, details=_details(verdict, draft))


def written(grades: Sequence[dict[str, Any]]) -> tuple[Written, ...]:
    """Give what all drafts took, from the grades that a gate has kept of them."""
    return tuple(Written.model_validate(one["details"].get("written", {})) for one in grades)


def finished(run_id: str, spec: LessonSpec, draft: Draft, found: Found, drafts: Sequence[Written]) -> Lesson:
    """Make the lesson of a draft; what a person wrote into it is made harmless as well."""
    support = Support(found.context, spec)
    body, dropped = clean(draft.markdown, known=support.text, title=spec.title)
    verdict = grade(body, spec, support, left_out=draft.dropped.get("ungrounded", 0))
    outline = take_apart(body)
    told = [(one.text, one.cited) for one in outline.statements()]
    usages = [one.usage for one in drafts if one.usage is not None]
    made = _making(draft.model, usages, Counter(draft.dropped) + dropped)
    return Lesson(
        run=run_id,
        title=spec.title,
        markdown=f"# {escaped(spec.title)}\n\n{body}",
        citations=tuple(
            Citation(number=number, document=one.document, page=one.page, sentence=one.sentence)
            for number, one in citations(body, told, support).items()
        ),
        quality=verdict.quality,
        grades=verdict.grades,
        words=outline.words,
        tokens=made.tokens_in + made.tokens_out,
        seconds=round(found.seconds + sum(one.seconds for one in drafts), 3),
        model=draft.model,
        drafts=max(1, len(drafts)),
        made=made,
    )


def _making(model: str, usages: Sequence[Usage], dropped: Counter[str]) -> Making:
    prices = [usage.price for usage in usages if usage.price is not None]
    return Making(
        generator=model,
        calls=len(usages),
        tokens_in=sum(usage.tokens_in for usage in usages),
        tokens_out=sum(usage.tokens_out for usage in usages),
        price=sum(prices, Decimal(0)) if prices else None,
        seconds=round(sum(usage.seconds for usage in usages), 3),
        dropped=dict(sorted(dropped.items())),
    )


def _details(verdict: Verdict, draft: Draft) -> dict[str, Any]:
    return {
        "criteria": {one.name: {"score": one.score, "why": one.why} for one in verdict.grades},
        "written": Written(usage=draft.usage, seconds=draft.seconds).model_dump(mode="json"),
    }

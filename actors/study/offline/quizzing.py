"""The quiz on a document, made from its own sentences."""

from __future__ import annotations

import random
import time
from collections import defaultdict

from actors.study.grounding import Source
from actors.study.material import ExtractedDocument, Making, Quiz, QuizItem
from actors.study.offline.asking import Asked, Asker
from actors.study.offline.distracting import Distractors
from actors.study.offline.parts import split
from actors.study.offline.ranking import Terms, select, widened
from actors.study.offline.reading import Read, read_closely
from actors.study.offline.wording import named_in
from actors.study.questions import accept_items

# So many are tried for each that is wanted: most of the others would be refused as duplicates.
_TRIED = 30
_ORDER = (
    "multiple_choice",
    "cloze",
    "true_false",
    "multiple_choice",
    "short_answer",
    "cloze",
    "multiple_choice",
    "true_false",
)


def make_quiz(document: ExtractedDocument, questions: int, seed: int = 7) -> Quiz:
    """Make at most ``questions`` questions on a document; the same seed gives the same quiz."""
    began = time.perf_counter()
    rng = random.Random(seed)  # noqa: S311 - it shuffles options and guards nothing
    source = Source(document)
    parts = [read_closely(part) for part in split(document)]
    findings = [found for found, _ in parts]
    reads: list[Read] = [read for _, found in parts for read in found]
    terms = Terms(findings)
    claims = widened([claim for part in findings for claim in part.relations], terms)
    chosen = select(terms, claims, sum(part.words for part in findings))
    names = {read.offset: named_in(read, terms) for read in reads}
    together = [frozenset(found & chosen.keys()) for found in names.values()]
    asker = Asker(source, terms, chosen, Distractors(chosen, terms, findings, together), names, rng)
    asked = [question for read in reads for question in asker.ask(read)]
    items, dropped = accept_items(
        _woven(asked, max(2, questions * 3 // 10))[: _TRIED * max(questions, 1)], source, limit=questions
    )
    made = Making(generator="offline", seconds=round(time.perf_counter() - began, 3), dropped=dropped)
    return Quiz(items=items, made=made)


def _woven(asked: list[Asked], judged_at_most: int) -> list[QuizItem]:
    """Put questions in order of worth with the kinds taking turns, true and false ones alike."""
    kinds: dict[str, list[QuizItem]] = defaultdict(list)
    seen: set[str] = set()
    for question in sorted(asked, key=lambda one: (-one.worth, one.item.page, one.item.question)):
        if question.item.question in seen:
            continue
        seen.add(question.item.question)
        judged = question.item.kind == "true_false"
        kinds[f"true_false {question.item.answer}" if judged else question.item.kind].append(question.item)
    truths, lies = kinds.pop("true_false True", []), kinds.pop("true_false False", [])
    kinds["true_false"] = [item for pair in zip(lies, truths, strict=False) for item in pair]
    kinds["true_false"] += truths[len(lies) : len(lies) + 1] if len(truths) > len(lies) else lies[len(truths) :]
    del kinds["true_false"][judged_at_most:]
    woven: list[QuizItem] = []
    queues = {kind: list(reversed(items)) for kind, items in kinds.items()}
    while any(queues.values()):
        woven.extend(queues[kind].pop() for kind in _ORDER if queues.get(kind))
    return woven

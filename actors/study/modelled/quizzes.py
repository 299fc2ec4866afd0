"""A quiz as a model writes it, held against the document and the rules every quiz item must pass."""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from collections.abc import Sequence
from typing import Literal

from actors.study.material import Evidence, ExtractedDocument, Quiz, QuizItem
from actors.study.modelled.answers import QuestionClaim, QuizAnswer
from actors.study.modelled.claims import (
    FOREIGN_WORDS,
    INCOMPLETE,
    UNGROUNDED,
    Answered,
    Ground,
    Stood,
    making_of,
    rests_on,
    sends_elsewhere,
    strays,
    usage_of,
)
from actors.study.modelled.parts import Part
from actors.study.modelled.prompts import QUIZ, part_prompt
from actors.study.questions import FALSE, TRUE, accept_items
from pipeline.llm import generate

#: Some questions do not pass, so more are asked for than are wanted.
_SPARE = 1.6
_FEWEST_A_CALL, _MOST_A_CALL = 3, 12
_DISTRACTORS = 3
_KINDS: dict[str, Literal["multiple_choice", "cloze", "true_false", "short_answer"]] = {
    "multiple_choice": "multiple_choice",
    "cloze": "cloze",
    "true_false": "true_false",
    "short_answer": "short_answer",
}
_DIFFICULTIES: dict[str, Literal["easy", "medium", "hard"]] = {"easy": "easy", "medium": "medium", "hard": "hard"}


class PartQuiz(Answered):
    """The questions a model wrote about one part, unchecked, and what asking took."""

    part: int
    answer: QuizAnswer


def choose_parts(parts: Sequence[Part], questions: int) -> tuple[list[Part], int]:
    """Choose the parts to ask about, evenly over the document, and how many questions to ask of each."""
    if not parts or questions < 1:
        return [], 0
    needed = max(1, round(questions * _SPARE))
    chosen = min(len(parts), max(1, -(-needed // _FEWEST_A_CALL)))
    places = [index * len(parts) // chosen for index in range(chosen)]
    return [parts[place] for place in places], min(_MOST_A_CALL, max(_FEWEST_A_CALL, -(-needed // chosen)))


def make_questions(part: Part, model: str, count: int, feedback: str = "") -> PartQuiz:
    """Ask a model once for questions about a part; ``feedback`` is what was wrong the time before."""
    prompt = part_prompt(part, f"Write {count} questions.", feedback)
    made = generate(model, QuizAnswer, instructions=QUIZ, prompt=prompt)
    return PartQuiz(part=part.number, answer=made.output, usage=usage_of(made.usage))


def assemble_quiz(document: ExtractedDocument, parts: Sequence[PartQuiz], questions: int) -> Quiz:
    """Keep at most so many questions that the document bears out, and count the others by reason."""
    claims = _in_turns([part.answer.questions for part in parts])
    kept, dropped = _accepted(claims, Ground(document), questions)
    return Quiz(items=kept, made=making_of(parts, dropped))


def weigh_questions(asked: PartQuiz, ground: Ground) -> Stood:
    """Say how many of the questions about a part stand, by themselves and beside one another."""
    claims = asked.answer.questions
    kept, dropped = _accepted(claims, ground, len(claims))
    return Stood(offered=len(claims), kept=len(kept), dropped=dropped)


def _accepted(claims: Sequence[QuestionClaim], ground: Ground, limit: int) -> tuple[tuple[QuizItem, ...], Counter[str]]:
    dropped: Counter[str] = Counter()
    items: list[QuizItem] = []
    for claim in claims:
        item, reason = _item(claim, ground)
        if item is None:
            dropped[reason] += 1
        else:
            items.append(item)
    kept, refused = accept_items(items, ground.source, limit=limit)
    dropped.update(refused)
    return kept, dropped


def _in_turns(parts: Sequence[Sequence[QuestionClaim]]) -> list[QuestionClaim]:
    longest = max(map(len, parts), default=0)
    return [part[turn] for turn in range(longest) for part in parts if turn < len(part)]


def _item(claim: QuestionClaim, ground: Ground) -> tuple[QuizItem | None, str]:
    kind = _KINDS.get(claim.kind.lower().replace(" ", "_").replace("/", "_"))
    if kind is None or not claim.question or not claim.answer:
        return None, INCOMPLETE
    evidence, reason = ground.evidence(claim.quote)
    if evidence is None:
        return None, reason
    answer = claim.answer.strip(" .").capitalize() if kind == "true_false" else claim.answer
    distractors = tuple(claim.distractors[:_DISTRACTORS]) if kind == "multiple_choice" else ()
    if (fault := _wording(claim.question, kind, answer, distractors, evidence, ground)) is not None:
        return None, fault
    options = (TRUE, FALSE) if kind == "true_false" else _shuffled(claim.question, answer, distractors)
    return QuizItem(
        question=claim.question,
        kind=kind,
        answer=answer,
        options=options,
        passage=evidence.sentence,
        page=evidence.page,
        document=evidence.document,
        difficulty=_DIFFICULTIES.get(claim.difficulty.lower(), "medium"),
    ), ""


def _wording(  # noqa: PLR0917 - what a reader gets to see, and what it is held against
    question: str, kind: str, answer: str, distractors: tuple[str, ...], evidence: Evidence, ground: Ground
) -> str | None:
    passage = ground.source.passage(evidence)
    shown = " ".join((question, answer, *distractors))
    if not ground.speaks(question) or sends_elsewhere(shown, evidence.sentence):
        return FOREIGN_WORDS
    if kind == "true_false" and not rests_on(question, passage):
        return UNGROUNDED
    if strays(question, passage):
        return FOREIGN_WORDS
    return None if all(_fits(distractor, ground) for distractor in distractors) else FOREIGN_WORDS


def _fits(distractor: str, ground: Ground) -> bool:
    # A wrong number is not in the text by its nature; wrong words must at least be words of the subject.
    return not any(character.isalpha() for character in distractor) or ground.speaks(distractor)


def _shuffled(question: str, answer: str, distractors: tuple[str, ...]) -> tuple[str, ...]:
    if not distractors:
        return ()
    options = list(dict.fromkeys((answer, *distractors)))
    # Seeded by the question: the same order in every attempt, and no pattern over the quiz.
    random.Random(hashlib.sha256(question.encode()).digest()).shuffle(options)  # noqa: S311 - nothing secret
    return tuple(options)

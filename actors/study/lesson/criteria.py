"""What a lesson is graded by: each criterion gives a number, says why, and what to do better."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from actors.study.lesson.outline import Statement, count_words
from actors.study.lesson.stems import stems, subject_stems
from actors.study.lesson.support import FEWEST
from actors.study.sentences import apparatus

if TYPE_CHECKING:
    from actors.study.lesson.outline import Check, Outline
    from actors.study.lesson.support import Support
    from actors.study.material import LessonSpec

_OPENING_WORDS, _SECTION_WORDS, _SUMMARY_WORDS = 12, 25, 12
_FEWEST_SECTIONS = 2
#: An objective counts as covered when so much of it stands within a few sentences that say something about it.
_COVERED, _NEAR, _TELLING = 0.75, 4, 2
#: This share of the statements may be the author's own: comparisons, transitions, examples.
_OWN = 0.1
#: So many of the sections' statements cite a passage, and are as good as cited all.
_CITED = 0.8
#: What had to be left out is worse than what is only doubtful: it leaves a hole.
_LEFT_OUT = 2
_SHORT, _LONG, _TOO_SHORT, _TOO_LONG = 0.6, 1.6, 0.15, 4.0
_SAME = 0.75
_LOOP = 0.2
_SENTENCE_WORDS = {"beginner": 20, "intermediate": 25, "advanced": 30}
_ANSWER_KNOWN = 0.6
_TALK = re.compile(
    r"\bas an? (?:ai|artificial intelligence|(?:large )?language model)\b|\bi (?:cannot|can't|am unable to)\b"
    r"|\bhere (?:is|'s) (?:the|a|your) (?:lesson|draft|rewritten)|^(?:certainly|sure|of course)[!,]|\blorem ipsum\b"
    r"|\[(?:insert|todo|placeholder)|\bTODO\b",
    re.IGNORECASE,
)


class Mark(NamedTuple):
    """One criterion's number, why it is that, and what to do about it."""

    score: float
    why: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Graded:
    """A lesson as it is graded."""

    spec: LessonSpec
    outline: Outline
    support: Support
    #: Statements that were taken out because the passages know nothing of them.
    left_out: int = 0

    @property
    def body(self) -> list[Statement]:
        """The statements of the sections themselves."""
        return [one for one in self.outline.statements() if one.role == "body"]

    def words(self, text: str) -> set[str]:
        """Give the stems of a text that carry meaning."""
        return set(stems(text, self.support.language))


def structure(lesson: Graded) -> Mark:
    """Look for an opening, sections with something in them, a summary and a check."""
    outline = lesson.outline
    filled = [section for section in outline.sections if section.words >= _SECTION_WORDS]
    bare = [section.heading for section in outline.sections if section.words < _SECTION_WORDS]
    parts = {
        "an opening": (0.15, min(1.0, outline.opening.words / _OPENING_WORDS)),
        f"{_FEWEST_SECTIONS} or more sections": (0.45, min(1.0, len(filled) / _FEWEST_SECTIONS)),
        "a summary": (0.2, min(1.0, (outline.summary.words if outline.summary else 0) / _SUMMARY_WORDS)),
        "check questions": (0.2, 1.0 if outline.checks or not lesson.spec.questions else 0.0),
    }
    missing = [name for name, (_, there) in parts.items() if there < 1]
    score = sum(weight * there for weight, there in parts.values()) * (1 - len(bare) / (2 * len(outline.sections) or 1))
    why = f"{len(filled)} sections" + (f"; missing or too thin: {', '.join(missing)}" if missing else "")
    why += f"; nearly nothing under: {', '.join(bare[:3])}" if bare else ""
    advice = f"Add {', '.join(missing)}. " if missing else ""
    advice += f"Say more under: {', '.join(bare[:3])}." if bare else ""
    return Mark(score, why, advice.strip())


def coverage(lesson: Graded) -> Mark:
    """See that each objective is told of, in statements near one another; the worst one counts as much as all."""
    body = lesson.body
    found = {objective: _covered(lesson, objective, body) for objective in lesson.spec.objectives}
    told = " ".join((*(one.text for one in lesson.outline.statements()), *(s.heading for s in lesson.outline.sections)))
    there = lesson.words(told)
    terms = [term for term in lesson.spec.key_terms if not lesson.words(term) <= there]
    score = (sum(found.values()) / len(found) + min(found.values())) / 2
    if lesson.spec.key_terms:
        score *= 1 - 0.5 * len(terms) / len(lesson.spec.key_terms)
    weak = [objective for objective, share in found.items() if share < 1]
    why = "; ".join(f"{objective}: {share:.2f}" for objective, share in found.items())
    why += f"; not named: {', '.join(terms)}" if terms else ""
    advice = f"Tell more, from the passages, of: {'; '.join(weak)}. " if weak else ""
    advice += f"Bring in the terms {', '.join(terms)}." if terms else ""
    return Mark(score, why, advice.strip())


def grounding(lesson: Graded) -> Mark:
    """See that every statement is borne out by a passage, and says by which."""
    said, cited, uncited, strange = 0, 0, 0, list[str]()
    for one in lesson.outline.statements():
        held = None if apparatus(one.text) else lesson.support.weigh(one.text)
        if held is None:
            continue
        said += 1
        at_place = lesson.support.weigh(one.text, one.cited) if one.cited else None
        if not held.borne_out:
            strange.append(one.text)
        elif at_place is not None and at_place.borne_out:
            cited += one.role == "body"
        else:
            uncited += one.role == "body"
    good, every = said - len(strange), said + lesson.left_out
    if not every:
        return Mark(0.0, "it says nothing", "Write the lesson from the passages.")
    unknown = set(cited_numbers(lesson)) - {passage.number for passage in lesson.support.passages}
    score = min(1.0, good / (said + _LEFT_OUT * lesson.left_out) / (1 - _OWN)) * (0.8 if unknown else 1.0)
    score *= 0.5 + 0.5 * min(1.0, cited / max(1, cited + uncited) / _CITED)
    why = f"{good} of {every} statements are borne out by the passages"
    why += f", {uncited} of them without citing the passage that does" if uncited else ""
    why += f", {lesson.left_out} were left out" if lesson.left_out else ""
    why += f"; cites passages that are not there: {', '.join(map(str, sorted(unknown)))}" if unknown else ""
    advice = "Put the number of the passage after each sentence that rests on it. " if uncited else ""
    advice += f"The passages do not say: {' / '.join(one[:120] for one in strange[:3])}. " if strange else ""
    advice += "Say nothing that the passages do not say." if lesson.left_out else ""
    return Mark(score, why, advice.strip())


def length(lesson: Graded) -> Mark:
    """See that it is about as long as was asked for."""
    words, wanted = lesson.outline.words, lesson.spec.words
    ratio = words / wanted
    if ratio < _SHORT:
        score = (ratio - _TOO_SHORT) / (_SHORT - _TOO_SHORT)
    else:
        score = 1 - (ratio - _LONG) / (_TOO_LONG - _LONG)
    advice = "" if _SHORT <= ratio <= _LONG else f"Write about {wanted} words; it has {words}."
    return Mark(max(0.0, min(1.0, score)), f"{words} words of about {wanted}", advice)


def repetition(lesson: Graded) -> Mark:
    """See that no sentence stands twice in the sections, and no phrase over and over."""
    sets = [words for one in lesson.body if len(words := lesson.words(one.text)) > FEWEST]
    again = sum(any(_alike(words, other) for other in sets[:at]) for at, words in enumerate(sets))
    share = again / len(sets) if sets else 0.0
    run = [word for one in lesson.body for word in stems(one.text, lesson.support.language)]
    triples = Counter(zip(run, run[1:], run[2:], strict=False))
    looped = sum(count - 1 for count in triples.values()) / max(1, sum(triples.values()))
    headings = [section.heading.casefold() for section in lesson.outline.sections]
    same = len(headings) - len(set(headings))
    score = 1 - 2 * share - 2 * max(0.0, looped - _LOOP) - 0.25 * same
    why = f"{again} of {len(sets)} sentences were said before, {looped:.0%} of the phrases"
    advice = "Say each thing once." if score < 1 else ""
    return Mark(max(0.0, min(1.0, score)), why + (f"; {same} headings twice" if same else ""), advice)


def readability(lesson: Graded) -> Mark:
    """Look for sentences of a length that its readers can take, and for talk about the writing of it."""
    said = [one.text for one in lesson.outline.statements()]
    talk = [one for one in said if _TALK.search(one)]
    limit = _SENTENCE_WORDS[lesson.spec.level]
    mean = sum(map(count_words, said)) / len(said) if said else 0.0
    score = max(0.0, min(1.0, 2 - mean / limit)) * (0.0 if talk else 1.0)
    why = f"{mean:.0f} words a sentence, up to {limit} for {lesson.spec.level}"
    advice = f"Write shorter sentences, of {limit} words or fewer." if mean > limit else ""
    if talk:
        why += f"; speaks of itself: {talk[0][:80]}"
        advice += " Give the lesson only, with no word about yourself or the task."
    return Mark(score, why, advice.strip())


def questions(lesson: Graded) -> Mark:
    """Count the questions that the lesson answers and whose answers the passages bear out; one may be missing."""
    wanted, checks = lesson.spec.questions, lesson.outline.checks
    said = [lesson.words(one.text) for one in lesson.outline.statements() if one.role == "body"]
    known = set().union(*said) if said else set[str]()
    faults = Counter[str]()
    asked: list[set[str]] = []
    for check in checks:
        fault = _fault(lesson, check, known, asked)
        asked.append(lesson.words(check.question))
        if fault:
            faults[fault] += 1
    good = len(checks) - sum(faults.values())
    score = min(1.0, (good + 1) / (wanted + 1))
    why = f"{good} good questions of {wanted}"
    why += "".join(f"; {count} {fault}" for fault, count in sorted(faults.items()))
    lacking = ", ".join(sorted(faults)) or "too few"
    advice = (
        "" if good >= wanted else f"Ask {wanted} questions that the lesson answers, each with its answer ({lacking})."
    )
    return Mark(score, why, advice)


def cited_numbers(lesson: Graded) -> Iterator[int]:
    """Give every number that a lesson cites."""
    for one in lesson.outline.statements():
        yield from one.cited


def _covered(lesson: Graded, objective: str, body: Sequence[Statement]) -> float:
    wanted = subject_stems(objective, lesson.support.language)
    telling = []
    for one in body:
        words = lesson.words(one.text)
        # A sentence that only says the objective again tells nothing of it.
        if not apparatus(one.text) and words & wanted and len(words - wanted) >= FEWEST - 1:
            telling.append((one.section, words))
    best = 0.0
    for at in range(len(body)):
        near = [lesson.words(one.text) for one in body[at : at + _NEAR] if one.section == body[at].section]
        best = max(best, len(wanted & set().union(*near)) / len(wanted)) if wanted else 0.0
    return 0.7 * min(1.0, best / _COVERED) * bool(telling) + 0.3 * min(1.0, len(telling) / _TELLING)


def _alike(words: set[str], other: set[str]) -> bool:
    return len(words & other) / max(1, len(words | other)) >= _SAME


def _fault(lesson: Graded, check: Check, known: set[str], asked: Sequence[set[str]]) -> str:
    answer, question = lesson.words(check.answer), lesson.words(check.question)
    if not check.answer or not (answer or check.answer.strip()):
        return "without an answer"
    if answer and answer <= question:
        return "giving the answer away"
    if any(_alike(question, other) for other in asked):
        return "asked twice"
    if answer and len(answer & known) / len(answer) < _ANSWER_KNOWN:
        return "not answered by the lesson"
    return "" if not answer or lesson.support.knows(check.answer, _ANSWER_KNOWN) else "not answered by the passages"

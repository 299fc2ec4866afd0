"""A lesson made without a model: the sentences of the passages that tell of each objective, in the documents' order."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from actors.study import offline
from actors.study.english import POINTERS
from actors.study.lesson.cleaning import escaped
from actors.study.lesson.outline import count_words
from actors.study.lesson.stems import stems, subject_stems
from actors.study.material import Block, Evidence, ExtractedDocument, QuizItem
from actors.study.sentences import apparatus

if TYPE_CHECKING:
    from actors.study.lesson.passages import Context
    from actors.study.material import LessonSpec

#: What share of the lesson's length its sections take; the rest is opening, summary and questions.
_BODY = 0.7
_OPENING_WORDS = 15
_SENTENCE = (4, 60)
_LEADS = {
    "analyse", "analyze", "apply", "compare", "define", "demonstrate", "describe", "discuss", "distinguish",
    "evaluate", "examine", "explain", "explore", "give", "identify", "interpret", "know", "learn", "list", "name",
    "outline", "recall", "recognise", "recognize", "say", "show", "state", "summarise", "summarize", "tell", "trace",
    "understand",
}  # fmt: skip
#: What the last two sections are called.
_HEADINGS = {
    "en": ("Summary", "Check your understanding"),
    "de": ("Zusammenfassung", "Fragen zum Verständnis"),
    "es": ("Resumen", "Comprueba lo aprendido"),
    "fr": ("Résumé", "Vérifier ses connaissances"),
    "it": ("Riassunto", "Verifica le conoscenze"),
    "nl": ("Samenvatting", "Controleer je kennis"),
    "pt": ("Resumo", "Verifique o que aprendeu"),
}
_ANSWERS = {"de": "Antwort", "es": "Respuesta", "fr": "Réponse", "it": "Risposta", "nl": "Antwoord", "pt": "Resposta"}


class _Told(NamedTuple):
    """One or two sentences that are told together, where they stand, and their words."""

    text: str
    passage: int
    place: int
    words: frozenset[str]
    evidence: Evidence


def compose(spec: LessonSpec, context: Context) -> str:
    """Write a lesson from the sentences of its passages; the same passages always give the same lesson."""
    language = context.language
    told = _told(context)
    weights = _weights(told)
    sections = _choose(spec, told, weights, language)
    used = {one for _, chosen in sections for one in chosen}
    opening = _opening(spec, [*(one for one in told if one not in used), *told], weights, language)
    summary = [_best(objective, chosen, weights, language) for objective, chosen in sections]
    names = _HEADINGS.get(language or "en", _HEADINGS["en"])
    parts = [" ".join(map(_cited, opening))]
    parts += [f"## {_heading(objective, language)}\n\n{_paragraphs(chosen)}" for objective, chosen in sections]
    parts.append(f"## {names[0]}\n\n" + " ".join(_cited(one) for one in dict.fromkeys(summary)))
    if spec.questions and (checks := _checks(spec, [one for _, chosen in sections for one in chosen], context)):
        parts.append(f"## {names[1]}\n\n{checks}")
    return "\n\n".join(part for part in parts if part.strip()) + "\n"


def _told(context: Context) -> list[_Told]:
    found: list[_Told] = []
    for passage in context.passages:
        for place, one in enumerate(passage.sentences):
            text = one.sentence
            if apparatus(text) or not _SENTENCE[0] <= count_words(text) <= _SENTENCE[1] or text[-1] not in '.!。)”"':
                continue
            if _points(text, context.language):
                # It leans on the sentence before it: the two are told together, or not at all.
                if found and (found[-1].passage, found[-1].place) == (passage.number, place - 1):
                    before = found.pop()
                    words = before.words | frozenset(stems(text, context.language))
                    found.append(before._replace(text=f"{before.text} {text}", place=place, words=words))
                continue
            words = frozenset(stems(text, context.language))
            found.append(_Told(text, passage.number, place, words, one))
    return found


def _points(text: str, language: str | None) -> bool:
    words = text.lower().replace(",", " ").split()
    return language in (None, "en") and words[0] in POINTERS - {"both", "each"}


def _weights(told: Sequence[_Told]) -> dict[str, float]:
    counts = Counter(word for one in told for word in one.words)
    return {word: math.log(1 + len(told) / count) for word, count in counts.items()}


def _choose(
    spec: LessonSpec, told: Sequence[_Told], weights: dict[str, float], language: str | None
) -> list[tuple[str, list[_Told]]]:
    """Let the objectives take sentences in turns, each the one that fits it best, until the lesson is long enough."""
    wanted = [subject_stems(objective, language) for objective in spec.objectives]
    chosen: list[list[_Told]] = [[] for _ in spec.objectives]
    share = spec.words * _BODY / len(spec.objectives)
    left = list(told)
    open_ = set(range(len(chosen)))
    while open_:
        for number in sorted(open_):
            scores = {one: _worth(one, told, wanted[number], weights, chosen[number]) for one in left}
            best = max(left, key=lambda one: scores[one], default=None)
            if best is None or scores[best] <= 0 or sum(count_words(one.text) for one in chosen[number]) >= share:
                open_.discard(number)
                continue
            chosen[number].append(best)
            left.remove(best)
    in_order = (sorted(ones, key=lambda one: (one.passage, one.place)) for ones in chosen)
    return [(objective, ones) for objective, ones in zip(spec.objectives, in_order, strict=True) if ones]


def _worth(
    one: _Told, told: Sequence[_Told], wanted: set[str], weights: dict[str, float], chosen: Sequence[_Told]
) -> float:
    # A sentence beside one that fits tells of the same thing, even in other words.
    beside = [_fit(other, wanted, weights) for other in told if _beside(one, other)]
    joins = any(_beside(one, other) for other in chosen)
    return _fit(one, wanted, weights) + 0.4 * max(beside, default=0.0) + 0.1 * joins


def _beside(one: _Told, other: _Told) -> bool:
    return other.passage == one.passage and 0 < abs(other.place - one.place) <= 2  # noqa: PLR2004 - two are told as one


def _fit(one: _Told, wanted: set[str], weights: dict[str, float]) -> float:
    return sum(weights.get(word, 0.0) for word in wanted & one.words) / math.sqrt(3 + len(one.words))


def _best(objective: str, chosen: Sequence[_Told], weights: dict[str, float], language: str | None) -> _Told:
    wanted = subject_stems(objective, language)
    return max(chosen, key=lambda one: _fit(one, wanted, weights))


def _opening(spec: LessonSpec, told: Sequence[_Told], weights: dict[str, float], language: str | None) -> list[_Told]:
    wanted = subject_stems(spec.title, language)
    opening: list[_Told] = []
    for one in sorted(dict.fromkeys(told), key=lambda one: -_fit(one, wanted, weights)):
        if sum(count_words(taken.text) for taken in opening) >= _OPENING_WORDS:
            break
        opening.append(one)
    return sorted(opening, key=lambda one: (one.passage, one.place))


def _heading(objective: str, language: str | None) -> str:
    text = " ".join(objective.split()).rstrip(".")
    first, _, rest = text.partition(" ")
    if language in (None, "en") and first.lower() in _LEADS and " " in rest:
        text = rest
    return text[:1].upper() + text[1:]


def _cited(one: _Told) -> str:
    text = one.text
    end = text[-1] if text[-1] in ".!?。" else ""
    return f"{escaped(text.removesuffix(end))} [{one.passage}]{end}"


def _paragraphs(chosen: Sequence[_Told]) -> str:
    lines: list[str] = []
    for number, one in enumerate(chosen):
        gap = number and (chosen[number - 1].passage != one.passage or one.place - chosen[number - 1].place > 2)  # noqa: PLR2004 - two sentences apart
        lines.append(("\n\n" if gap else " " if number else "") + _cited(one))
    return "".join(lines)


def _checks(spec: LessonSpec, told: Sequence[_Told], context: Context) -> str:
    asked = offline.make_quiz(_as_document(told, context.language), spec.questions * 2).items
    label = _ANSWERS.get(context.language or "en", "Answer")
    by_text = {sentence: one.passage for one in told for sentence in (one.text, one.evidence.sentence)}
    lines: list[str] = []
    for item in asked:
        if item.kind == "true_false" or len(lines) >= spec.questions:
            continue
        passage = next((number for text, number in by_text.items() if item.passage in text or text in item.passage), 0)
        cited = f" [{passage}]" if passage else ""
        question = _question(item, context.language)
        lines.append(f"{len(lines) + 1}. {question}\n\n   **{label}:** {escaped(item.answer)}{cited}.")
    return "\n\n".join(lines)


def _question(item: QuizItem, language: str | None) -> str:
    text = escaped(item.question.replace("_____", "…"))
    if text.endswith("?"):
        return text
    return f"Which word is missing: “{text.rstrip('.')}”?" if language in (None, "en") else f"{text.rstrip('.')}?"


def _as_document(told: Sequence[_Told], language: str | None) -> ExtractedDocument:
    blocks: list[Block] = []
    offset = 0
    for one in told:
        blocks.append(Block(kind="paragraph", text=one.text, page=1, offset=offset))
        offset += len(one.text) + 2
    return ExtractedDocument(
        id="0" * 64, name="lesson", format="markdown", language=language, pages=1, blocks=tuple(blocks), chunks=()
    )

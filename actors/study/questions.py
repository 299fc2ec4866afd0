"""The rules every quiz item must pass, whoever wrote it."""
# ruff: noqa: PLR2004, PLR0911 - the numbers count words and letters where they stand, and every rule returns

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from difflib import SequenceMatcher

from actors.study.english import FUNCTION_WORDS, POINTERS
from actors.study.grounding import Source, plain
from actors.study.material import Evidence, QuizItem
from actors.study.words import singular, term_key

BLANK = "_____"
TRUE, FALSE = "True", "False"

_BLANK = re.compile(r"_{2,}")
_LONGEST_QUESTION = 340
_LONGEST_OPTION = 140
_LONGEST_PASSAGE = 1_600
_OPTIONS = 4
_ALIKE = 0.88
_SAME_QUESTION = 0.7
_OUTSIDE = re.compile(
    r"\b(?:figure|fig\.|table|chapter|section|page|appendix|exercise|equation|plate|box)\s+\d|"
    r"\bthis (?:book|chapter|text|section|"
    r"document|passage|unit|module)\b|\bthe (?:author|preface|foreword|textbook)s?\b|\bisbn\b|"
    r"\bcopyright\b|\ball rights reserved\b|"
    r"\b(?:in|of|to) the (?:text|passage|document|chapter|excerpt)\b|\baccording to the (?:text|passage|"
    r"document|author)",
    re.IGNORECASE,
)
_CATCH_ALL = re.compile(r"\b(?:all|none|both|neither) of (?:the|these|them)\b|\bboth [a-d] and [a-d]\b", re.IGNORECASE)
_NUMBER = re.compile(r"^[\W]*\d[\d.,:/\s%\u2013-]*\D{0,12}$")


def accept_items(
    items: Iterable[QuizItem], source: Source, *, limit: int
) -> tuple[tuple[QuizItem, ...], dict[str, int]]:
    """Keep at most ``limit`` items that pass every rule, the worthiest first, and count the others by reason.

    The items come in order of worth; of equals, those from parts of the document not yet asked about go first.
    Items that pass and are only beyond the limit are not counted.
    """
    dropped: Counter[str] = Counter()
    sound: list[QuizItem] = []
    for item in items:
        evidence = source.find(item.passage)
        reason = _fault(item, source, evidence)
        if reason or evidence is None:
            dropped[reason or "ungrounded"] += 1
        else:
            sound.append(item.model_copy(update={"page": evidence.page, "document": evidence.document}))
    forms = [_Form(item) for item in _spread(sound, limit)]
    kept, clashes = _compatible(forms, limit)
    if len(kept) < limit:
        # In order of worth, a question that names many terms shuts out many others; try those that shut out few first.
        strife = [sum(_clash(form, other) is not None for other in forms if other is not form) for form in forms]
        order = sorted(range(len(forms)), key=lambda place: (strife[place], place))
        peaceful, fewer = _compatible([forms[place] for place in order], limit)
        if len(peaceful) > len(kept):
            kept, clashes = [form for form in forms if form in peaceful], fewer
    dropped.update(clashes)
    return tuple(form.item for form in kept), dict(sorted(dropped.items()))


class _Form:
    """An item with what is compared of it."""

    def __init__(self, item: QuizItem) -> None:
        self.item = item
        self.question = plain(item.question)
        self.passage = plain(item.passage)
        self.stem = f" {term_key(_BLANK.sub(' . ', item.question))} "
        self.answer = "" if item.kind == "true_false" else term_key(item.answer)
        self.content = content(item.question)


def _compatible(forms: list[_Form], limit: int) -> tuple[list[_Form], Counter[str]]:
    kept: list[_Form] = []
    dropped: Counter[str] = Counter()
    for form in forms:
        if len(kept) >= limit:
            break
        reason = next((found for other in kept if (found := _clash(form, other))), None)
        if reason:
            dropped[reason] += 1
        else:
            kept.append(form)
    return kept, dropped


def _spread(items: list[QuizItem], limit: int) -> list[QuizItem]:
    last = max((item.page for item in items), default=1)
    width = max(1, -(-last // max(1, limit)))
    seen: Counter[int] = Counter()
    ranked: list[tuple[int, int, QuizItem]] = []
    for place, item in enumerate(items):
        bucket = item.page // width
        ranked.append((seen[bucket] // max(1, limit * width // last), place, item))
        seen[bucket] += 1
    return [item for _, _, item in sorted(ranked, key=lambda entry: entry[:2])]


def _fault(item: QuizItem, source: Source, evidence: Evidence | None) -> str | None:
    if evidence is None or not _supported(item, source, evidence):
        return "ungrounded"
    place = source.place(evidence)
    if (place is not None and place.front_matter) or _OUTSIDE.search(item.question):
        return "front_matter"
    if len(item.question) > _LONGEST_QUESTION or len(item.passage) > _LONGEST_PASSAGE:
        return "too_long"
    if max(map(len, (item.answer, *item.options))) > _LONGEST_OPTION:
        return "too_long"
    if not _options_good(item):
        return "bad_options"
    if item.kind != "true_false" and _holds(_BLANK.sub(" . ", item.question), item.answer):
        return "gives_away"
    return "unclear" if _unclear(item) else None


def _supported(item: QuizItem, source: Source, evidence: Evidence) -> bool:
    if item.kind == "true_false":
        return True
    if item.kind == "cloze" and _BLANK.search(item.question):
        filled = _BLANK.sub(lambda _: item.answer, item.question)
        if source.find(filled.replace("a(n) ", "a ")) or source.find(filled.replace("a(n) ", "an ")):
            return True
    wanted = content(item.answer)
    if not wanted:
        return plain(item.answer) in plain(evidence.sentence)
    return len(wanted & content(evidence.sentence)) * 2 >= len(wanted)


def content(text: str) -> set[str]:
    """Give the words of a text that carry meaning, in the singular and without case."""
    words = re.findall(r"[^\W_]+", plain(text))
    return {singular(word) for word in words if word not in FUNCTION_WORDS}


def _holds(text: str, answer: str) -> bool:
    wanted = term_key(answer)
    return bool(wanted) and f" {wanted} " in f" {term_key(text)} "


def _options_good(item: QuizItem) -> bool:
    options = item.options
    if item.kind == "true_false":
        return item.answer in (TRUE, FALSE) and (not options or set(options) == {TRUE, FALSE})
    if not item.answer.strip():
        return False
    if not options:
        return item.kind in ("cloze", "short_answer")
    if len(options) != _OPTIONS or item.answer not in options or any(_CATCH_ALL.search(option) for option in options):
        return False
    keys = [term_key(option) or option for option in options]
    if len(set(keys)) < _OPTIONS or _too_alike(keys, item.answer):
        return False
    if len({bool(_NUMBER.match(option)) for option in options}) > 1:
        return False
    others = [len(option) for option in options if option != item.answer]
    return len(item.answer) <= 2 * max(others) + 10 and max(others) <= 3 * len(item.answer) + 24


def _too_alike(keys: list[str], answer: str) -> bool:
    if _NUMBER.match(answer):
        return False
    pairs = [(a, b) for number, a in enumerate(keys) for b in keys[number + 1 :]]
    return any(SequenceMatcher(None, a, b).ratio() >= _ALIKE for a, b in pairs)


def _unclear(item: QuizItem) -> bool:
    words = re.findall(r"[^\W_]+", item.question.lower())
    if not words:
        return True
    if item.kind == "cloze" and not _BLANK.search(item.question):
        return True
    return item.kind in ("cloze", "true_false") and words[0] in POINTERS and len(words) > 1


def _clash(form: _Form, other: _Form) -> str | None:
    if _same(form, other):
        return "duplicate"
    return "gives_away" if _reveals(form, other) or _reveals(other, form) else None


def _same(form: _Form, other: _Form) -> bool:
    if form.question == other.question or (form.answer and form.answer == other.answer):
        return True
    alike = len(form.content & other.content) / max(1, min(len(form.content), len(other.content)))
    return alike >= _SAME_QUESTION and (alike >= 0.9 or form.passage == other.passage)


def _reveals(form: _Form, other: _Form) -> bool:
    """Tell whether the question of one item names the answer of the other."""
    return bool(other.answer) and f" {other.answer} " in form.stem

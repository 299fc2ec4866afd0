"""Questions made of sentences: what a definition, a statement or a number can be asked as."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

from actors.study import english
from actors.study.grounding import Source
from actors.study.material import Evidence, QuizItem
from actors.study.offline.chunking import Chunk
from actors.study.offline.definitions import Definition, definition_of
from actors.study.offline.distracting import Distractors, wrong_numbers
from actors.study.offline.ranking import Term, Terms
from actors.study.offline.reading import Read
from actors.study.offline.relations import argument_at, claims_of, subject_of
from actors.study.offline.standing import stands_alone
from actors.study.questions import BLANK, FALSE, TRUE
from actors.study.words import is_plural, term_key

Difficulty = Literal["easy", "medium", "hard"]
_LONGEST = 34
_PERSONAL = frozenset(
    "discover invent propose develop write publish found formulate coin introduce design build create describe demonstrate establish prove patent compose".split()
)


class Asked(NamedTuple):
    """A question and how much it is worth asking."""

    item: QuizItem
    worth: float


class Asker:
    """Makes questions of one document's sentences."""

    def __init__(
        self, source: Source, terms: Terms, chosen: dict[str, Term], distractors: Distractors, rng: random.Random
    ) -> None:
        self._source = source
        self._terms = terms
        self._chosen = chosen
        self._distractors = distractors
        self._rng = rng
        self._most = max((term.score for term in chosen.values()), default=1.0) or 1.0

    def ask(self, read: Read) -> Iterator[Asked]:
        """Yield every question that a sentence is good for."""
        evidence = self._source.find(read.text)
        words = len(read.text.split())
        if evidence is None or words > _LONGEST:
            return
        crowd = 0.07 * len(self._named(read) & self._chosen.keys())
        for asked in self._all(read, evidence):
            # A stem that names many concepts gives away the answers of many other questions.
            yield Asked(asked.item, asked.worth - crowd)

    def _all(self, read: Read, evidence: Evidence) -> Iterator[Asked]:
        definition = definition_of(read.text, read.chunks)
        if definition is not None and definition.chunk == 0 and not stands_alone(read.text, read.chunks):
            definition = None
        if definition is not None:
            yield from self._definition(read, definition, evidence)
        if not stands_alone(read.text, read.chunks):
            return
        yield from self._number(read, evidence)
        if definition is None:
            yield from self._statement(read, evidence)

    def _definition(self, read: Read, found: Definition, evidence: Evidence) -> Iterator[Asked]:
        key = self._terms.canonical(found.term.key)
        term = self._chosen.get(key)
        told = read.text[found.start : found.end]
        if term is None or not _told_well(told):
            return
        chunk = read.chunks[found.chunk]
        answer = self._cased(_written(read, chunk, found.term.label), term)
        wrong = self._distractors.wrong(answer, key, self._named(read), answer[0].isupper(), self._rng)
        worth = 1.0 + found.strength + term.score / self._most
        quoted = f"“{told[0].lower() + told[1:] if found.start == 0 and not read.chunks[0].name else told}”"
        if wrong:
            yield Asked(
                self._item(
                    "multiple_choice", f"Which term is described here: {quoted}?", answer, evidence, term, wrong
                ),
                worth + 0.3,
            )
        yield Asked(self._item("short_answer", f"What is the term for {quoted}?", answer, evidence, term), worth - 0.4)
        if found.chunk == 0 and stands_alone(read.text, read.chunks):
            yield Asked(self._item("true_false", read.text, TRUE, evidence, term), worth - 0.3)
            false = self._swapped(read, found, wrong, answer)
            if false:
                yield Asked(self._item("true_false", false, FALSE, evidence, term), worth - 0.2)

    def _swapped(self, read: Read, found: Definition, wrong: list[str], answer: str) -> str | None:
        """Say a definition of another thing: false, if that thing is defined otherwise elsewhere in the document."""
        for option in wrong:
            other = self._terms.canonical(term_key(option))
            elsewhere = self._terms.definitions.get(other)
            if elsewhere is None:
                continue
            chunk = read.chunks[found.chunk]
            before = read.text[: chunk.end].removesuffix(answer)
            if before == read.text[: chunk.end] and chunk.start == 0:
                before = read.text[: chunk.end][: -len(answer)]
            phrase = _article(before, option)
            return phrase[0].upper() + phrase[1:] + read.text[chunk.end :]
        return None

    def _statement(self, read: Read, evidence: Evidence) -> Iterator[Asked]:
        chunks = read.chunks
        for index, chunk in enumerate(chunks):
            if chunk.kind not in ("V", "U", "E", "B"):
                continue
            subject = subject_of(chunks, index, {})
            if subject is None or chunk.doubtful or subject.first != 0 or len(subject.heads) > 1:
                return
            yield from self._subject(read, index, evidence)
            yield from self._gap(read, index, evidence)
            return

    def _subject(self, read: Read, verb: int, evidence: Evidence) -> Iterator[Asked]:
        """Ask what or who does what the sentence says of its subject."""
        chunks = read.chunks
        head = argument_at(chunks, 0)
        if (
            head is None
            or verb != 1
            or chunks[0].determiner in ("its", "their", "many", "most", "some", "several", "all", "every")
        ):
            return
        key = self._terms.canonical(head.key)
        term = self._chosen.get(key)
        group = chunks[verb]
        if term is None or group.kind not in ("V", "U", "E") or group.form == "base" and not group.base:
            return
        rest = read.text[group.start :].rstrip(" .!")
        if len(rest.split()) < 5 or group.base in ("seem", "appear", "become"):  # noqa: PLR2004
            return
        answer = self._cased(_written(read, chunks[0], head.label), term)
        named = chunks[0].name or answer[0].isupper()
        if group.form == "base":
            return  # "What produce ...?" is no English
        word = "Who" if named and group.base in _PERSONAL and len(answer.split()) > 1 else "What"
        question = f"{word} {rest}?"
        wrong = self._distractors.wrong(answer, key, self._named(read), answer[0].isupper(), self._rng)
        worth = 0.9 + term.score / self._most
        if wrong and word == "What":
            yield Asked(self._item("multiple_choice", question, answer, evidence, term, wrong), worth)
        yield Asked(self._item("short_answer", question, answer, evidence, term), worth - 0.35)

    def _gap(self, read: Read, verb: int, evidence: Evidence) -> Iterator[Asked]:
        """Leave a gap for one of the main terms of a statement."""
        chunks = read.chunks
        named = self._named(read)
        stated = {self._terms.canonical(end.key) for claim in claims_of(chunks) for end in (claim.source, claim.target)}
        best: tuple[float, Asked] | None = None
        for index, chunk in enumerate(chunks):
            if chunk.kind != "N" or chunk.determiner in ("its", "their", "no", "any") or not chunk.key:
                continue
            if 0 < index < verb:
                continue
            key = self._terms.canonical(chunk.key)
            term = self._chosen.get(key)
            if term is None or (key not in stated and len(named & self._chosen.keys() - {key}) < 2):  # noqa: PLR2004 - enough to go by
                continue
            answer = _written(read, chunk, chunk.label)
            if f" {term_key(answer)} " in f" {term_key(read.text[: chunk.start] + ' . ' + read.text[chunk.end :])} ":
                continue
            wrong = self._distractors.wrong(answer, key, named, answer[0].isupper(), self._rng)
            if not wrong:
                continue
            start = (
                read.text.rindex(answer, chunk.start, chunk.end) if answer in read.text[chunk.start : chunk.end] else -1
            )
            if start < 0:
                continue
            question = _open_article(read.text[:start]) + BLANK + read.text[start + len(answer) :]
            worth = (
                0.7
                + term.score / self._most
                + (0.2 if index > verb else 0.0)
                + (0.4 if key in stated else 0.0)
                - 0.01 * len(read.text.split())
            )
            asked = Asked(self._item("cloze", question, answer, evidence, term, wrong), worth)
            if best is None or worth > best[0]:
                best = (worth, asked)
        if best is not None:
            yield best[1]

    def _number(self, read: Read, evidence: Evidence) -> Iterator[Asked]:
        """Ask for the one number that a sentence gives."""
        numbers = list(re.finditer(r"(?<![\w.,/-])(\d{1,3}(?:,\d{3})+|\d+(?:\.\d+)?)(?![\w/]|[.,-]\d)", read.text))
        if len(numbers) != 1 or re.search(r"\d", read.text.replace(numbers[0].group(), "", 1)):
            return
        number = numbers[0]
        year = re.search(
            r"\b(?:in|since|until|by|from|of|during|before|after|year)\s+(?:\w+\s+)?$", read.text[: number.start()]
        ) and re.fullmatch(r"1[0-9]{3}|20[0-2]\d", number.group())
        unit = re.match(
            r"\s?(?:%|percent|per cent|degrees|years|million|billion|thousand|hours|minutes|days|kilometers|kilometres|meters|metres|km|miles|kg|grams|litres|liters|bits|bytes|"
            r"times|pairs|members|people|°|volts|watts|elements|chromosomes|species|stars|planets)",
            read.text[number.end() :],
        )
        if not (year or unit) or not any(key in self._chosen for key in self._named(read)):
            return
        wrong = wrong_numbers(number.group(), set(), self._rng)
        if not wrong:
            return
        question = read.text[: number.start()] + BLANK + read.text[number.end() :]
        options = [*wrong, number.group()]
        item = QuizItem(
            question=question,
            kind="cloze",
            answer=number.group(),
            options=tuple(sorted(options, key=lambda option: float(option.replace(",", "")))),
            passage=self._source.passage(evidence),
            page=evidence.page,
            document=evidence.document,
            difficulty="hard",
        )
        yield Asked(item, 0.9 if year else 0.6)

    def _named(self, read: Read) -> set[str]:
        found: set[str] = set()
        for chunk in read.chunks:
            if chunk.kind == "N" and chunk.key:
                words = chunk.key.split()
                found |= {
                    self._terms.canonical(" ".join(words[start:end]))
                    for start in range(len(words))
                    for end in range(start + 1, len(words) + 1)
                }
        return found

    def _item(  # noqa: PLR0917 - the fields of a question, in the order they are thought of
        self,
        kind: Literal["multiple_choice", "cloze", "true_false", "short_answer"],
        question: str,
        answer: str,
        evidence: Evidence,
        term: Term,
        wrong: list[str] | None = None,
    ) -> QuizItem:
        options = (TRUE, FALSE) if kind == "true_false" else ()
        if wrong:
            shown = [*wrong, answer]
            self._rng.shuffle(shown)
            options = tuple(shown)
        return QuizItem(
            question=question,
            kind=kind,
            answer=answer,
            options=options,
            passage=self._source.passage(evidence),
            page=evidence.page,
            document=evidence.document,
            difficulty=self._difficulty(term, kind),
        )

    def _cased(self, answer: str, term: Term) -> str:
        """Give a term the capital that the text gives it elsewhere."""
        capital = term.label[:1].isupper() and term.label[:1].lower() == answer[:1]
        return answer[0].upper() + answer[1:] if capital else answer

    def _difficulty(self, term: Term, kind: str) -> Difficulty:
        rank = term.score / self._most
        if kind == "short_answer":
            return "medium" if rank > 0.5 else "hard"  # noqa: PLR2004 - the upper half of the concepts
        if kind == "true_false":
            return "easy" if rank > 0.4 else "medium"  # noqa: PLR2004
        return "easy" if rank > 0.55 else "medium" if rank > 0.25 else "hard"  # noqa: PLR2004


_UNBOUND = frozenset("they them these this those he she we us you your our here".split())
_COMPLETES = english.PREPOSITIONS | frozenset(
    "that which who whose where when made used called produced formed found caused containing".split()
)


def _told_well(told: str) -> bool:
    words = told.split()
    lows = [word.lower().strip(",.") for word in words]
    if any(low in _UNBOUND for low in lows) or "it" in lows[:4] or not any(low in _COMPLETES for low in lows[2:]):
        return False
    return (
        5 <= len(words) <= 32
        and words[0].lower() not in english.POINTERS
        and "?" not in told
        and told.count("(") == told.count(")")
    )  # noqa: PLR2004


def _written(read: Read, chunk: Chunk, label: str) -> str:
    """Give a term as the sentence writes it, without a capital that only opens the sentence."""
    place = read.text.lower().find(label.lower(), chunk.start)
    written = read.text[place : place + len(label)] if place >= 0 else label
    return written if place or read.text[1:2].isupper() else label


def _article(before: str, option: str) -> str:
    bare = before.rstrip()
    if bare.lower() in ("a", "an"):
        article = "an" if option[0].lower() in "aeiou" else "a"
        return f"{article} {option}"
    return f"{before}{option}"


def _open_article(before: str) -> str:
    return re.sub(r"\b([Aa])n? $", r"\1(n) ", before)

"""Questions made of sentences: what a definition, a statement or a number can be asked as."""
# ruff: noqa: C901, PLR0917, PLR2004 - questions have many parts, and the numbers count words where they stand

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple

from actors.study.grounding import Source
from actors.study.material import Evidence, QuizItem
from actors.study.offline.arguments import argument_at
from actors.study.offline.definitions import Definition
from actors.study.offline.distracting import Distractors
from actors.study.offline.foreign import dated
from actors.study.offline.numbering import number_of, wrong_numbers
from actors.study.offline.ranking import Term, Terms
from actors.study.offline.reading import Read
from actors.study.offline.relations import past_tense
from actors.study.offline.standing import stands_alone
from actors.study.offline.subjects import subject_of
from actors.study.offline.wording import asks_for, misread, opened_article, told_well, written
from actors.study.questions import BLANK, FALSE, TRUE, content
from actors.study.words import term_key

Difficulty = Literal["easy", "medium", "hard"]
_LONGEST = 34
_LONGEST_CLAIM = 20
_SURE = 0.85


class Asked(NamedTuple):
    """A question and how much it is worth asking."""

    item: QuizItem
    worth: float


class Asker:
    """Makes questions of one document's sentences."""

    def __init__(
        self,
        source: Source,
        terms: Terms,
        chosen: dict[str, Term],
        distractors: Distractors,
        names: Mapping[int, set[str]],
        rng: random.Random,
    ) -> None:
        self._source = source
        self._terms = terms
        self._chosen = chosen
        self._distractors = distractors
        self._names = names  # of a sentence, by its offset
        self._rng = rng
        self._most = max((term.score for term in chosen.values()), default=1.0) or 1.0

    def ask(self, read: Read) -> Iterator[Asked]:
        """Yield every question that a sentence is good for."""
        evidence = self._source.find(read.text)
        if evidence is None or len(read.text.split()) > _LONGEST:
            return
        if not read.chunks:  # a language whose grammar is not known
            if dated(read.text, self._chosen.keys()):
                yield from self._number(read, evidence)
            return
        crowd = 0.07 * len(self._names[read.offset] & self._chosen.keys())
        for asked in self._all(read, evidence):
            # A stem that names many concepts gives away the answers of many other questions.
            yield Asked(asked.item, asked.worth - crowd)

    def _all(self, read: Read, evidence: Evidence) -> Iterator[Asked]:
        definition = read.definition
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
        if term is None or found.strength < _SURE or not told_well(told):
            return
        chunk = read.chunks[found.chunk]
        answer = self._cased(written(read, chunk, found.term.label), term)
        wrong = self._distractors.wrong(answer, key, self._names[read.offset], self._rng)
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
        chunk = read.chunks[found.chunk]
        rest = read.text[chunk.end :]
        if not read.text[: chunk.end].lower().endswith(answer.lower()) or rest.lstrip().startswith("("):
            return None
        for option in wrong:
            for other in self._terms.definitions.get(self._terms.canonical(term_key(option)), ()):
                # The other thing as its own definition writes it, with or without an article.
                subject = re.match(rf"(?:(?:an?|the) )?{re.escape(option)}\b", other.evidence.sentence, re.IGNORECASE)
                if subject and not content(rest) <= content(other.evidence.sentence):
                    return subject.group() + rest
        return None

    def _statement(self, read: Read, evidence: Evidence) -> Iterator[Asked]:
        chunks = read.chunks
        for index, chunk in enumerate(chunks):
            if chunk.kind not in ("V", "U", "E", "B"):
                continue
            if chunk.kind == "E" and not past_tense(chunks, index):
                return
            subject = subject_of(chunks, index, {})
            if subject is None or chunk.doubtful or subject.first != 0 or len(subject.heads) > 1:
                return
            yield from self._subject(read, index, evidence)
            yield from self._gap(read, index, evidence)
            yield from self._claim(read, index, evidence)
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
        if term is None or group.kind not in ("V", "U", "E") or (group.form == "base" and not group.base):
            return
        rest = read.text[group.start :].rstrip(" .!")
        if re.search(r"\b(?:they|them|their|it)\b", rest):
            return  # who is meant went with the subject
        if len(rest.split()) < 5 or group.base in ("seem", "appear", "become"):
            return
        answer = self._cased(written(read, chunks[0], head.label), term)
        named = self._names[read.offset]
        if group.form == "base":
            return  # "What produce ...?" is no English
        word = asks_for(answer, group.base)
        if word is None:
            return
        question = f"{word} {rest}?"
        wrong = self._distractors.wrong(answer, key, named | self._distractors.fitting(key, named), self._rng)
        worth = 0.9 + term.score / self._most
        if wrong and word == "What":
            yield Asked(self._item("multiple_choice", question, answer, evidence, term, wrong), worth)
        yield Asked(self._item("short_answer", question, answer, evidence, term), worth - 0.35)

    def _claim(self, read: Read, verb: int, evidence: Evidence) -> Iterator[Asked]:
        """Give a statement to be judged as it stands; said of another thing it might be true as well."""
        head = argument_at(read.chunks, 0)
        key = self._terms.canonical(head.key) if head else ""
        term = self._chosen.get(key)
        if head is None or term is None or verb != 1 or len(read.text.split()) > _LONGEST_CLAIM or not read.claims:
            return
        worth = 0.6 + term.score / self._most
        yield Asked(self._item("true_false", read.text, TRUE, evidence, term), worth)

    def _gap(self, read: Read, verb: int, evidence: Evidence) -> Iterator[Asked]:
        """Leave a gap for one of the main terms of a statement."""
        chunks = read.chunks
        named = self._names[read.offset]
        stated = {self._terms.canonical(end.key) for claim in read.claims for end in (claim.source, claim.target)}
        best: tuple[float, Asked] | None = None
        for index, chunk in enumerate(chunks):
            if chunk.kind != "N" or chunk.determiner in ("its", "their", "no", "any") or not chunk.key:
                continue
            if 0 < index < verb or misread(read, index):
                continue
            key = self._terms.canonical(chunk.key)
            term = self._chosen.get(key)
            if term is None or (key not in stated and len(named & self._chosen.keys() - {key}) < 2):
                continue
            answer = written(read, chunk, chunk.label)
            if f" {term_key(answer)} " in f" {term_key(read.text[: chunk.start] + ' . ' + read.text[chunk.end :])} ":
                continue
            if index == 0 and len(read.text.split()) < 9:
                continue
            wrong = self._distractors.wrong(answer, key, named | self._distractors.fitting(key, named), self._rng)
            if not wrong:
                continue
            start = (
                read.text.rindex(answer, chunk.start, chunk.end) if answer in read.text[chunk.start : chunk.end] else -1
            )
            if start < 0:
                continue
            question = opened_article(read.text[:start]) + BLANK + read.text[start + len(answer) :]
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
        number = number_of(read)
        named = self._names[read.offset] & self._chosen.keys() or any(chunk.name for chunk in read.chunks)
        if number is None or not (named or not read.chunks):
            return
        wrong = wrong_numbers(number.text, self._rng, year=number.year)
        if not wrong:
            return
        before, after = read.text[: number.start], read.text[number.end :]
        item = QuizItem(
            question=before + BLANK + after,
            kind="cloze",
            answer=number.text,
            options=tuple(sorted([*wrong, number.text], key=lambda option: float(option.replace(",", "")))),
            passage=self._source.passage(evidence),
            page=evidence.page,
            document=evidence.document,
            difficulty="hard",
        )
        yield Asked(item, 0.9 if number.year else 0.6)
        if read.chunks and len(read.text.split()) <= _LONGEST_CLAIM:
            yield Asked(
                item.model_copy(
                    update={
                        "kind": "true_false",
                        "question": before + wrong[0] + after,
                        "answer": FALSE,
                        "options": (TRUE, FALSE),
                        "difficulty": "medium",
                    }
                ),
                0.7,
            )

    def _item(
        self,
        kind: Literal["multiple_choice", "cloze", "true_false", "short_answer"],
        question: str,
        answer: str,
        evidence: Evidence,
        term: Term,
        wrong: list[str] | None = None,
    ) -> QuizItem:
        options: tuple[str, ...] = (TRUE, FALSE) if kind == "true_false" else ()
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
            return "medium" if rank > 0.5 else "hard"
        if kind == "true_false":
            return "easy" if rank > 0.4 else "medium"
        return "easy" if rank > 0.55 else "medium" if rank > 0.25 else "hard"

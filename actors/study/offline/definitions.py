"""Sentences that say what a term is, and sentences that give a thing a second name."""
# ruff: noqa: C901, PLR2004 - the forms of English, a case a line

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from actors.study import english
from actors.study.english import word_set
from actors.study.offline.arguments import Argument, argument_at
from actors.study.offline.chunks import Chunk
from actors.study.words import acronym_of, term_key

_LEAST_WORDS = 4
_NAMING = word_set("call term name dub label")


class Definition(NamedTuple):
    """A term, the stretch of the sentence that says what it is, and how sure that is."""

    term: Argument
    chunk: int
    start: int
    end: int
    strength: float


def definition_of(sentence: str, chunks: list[Chunk]) -> Definition | None:
    """Give the definition that a sentence is, if it is one."""
    if len(chunks) < 3 or sentence.endswith("?"):
        return None
    return _forward(sentence, chunks) or _backward(sentence, chunks)


def _forward(sentence: str, chunks: list[Chunk]) -> Definition | None:
    """Read "Osmosis is the movement of ...", "Inflation refers to ..."."""
    subject = chunks[0]
    term = argument_at(chunks, 0)
    if subject.kind != "N" or term is None or subject.negative or _too_general(subject, term):
        return None
    place = 1
    if " of " in term.label and place + 1 < len(chunks) and chunks[place].kind == "P":
        place += 2
    place = _after_aside(chunks, place)
    if place + 1 >= len(chunks):
        return None
    verb, following = chunks[place], chunks[place + 1]
    if verb.doubtful:
        return None
    start, strength = -1, 0.0
    if verb.kind == "B" and verb.form in ("s", "base"):
        if following.kind == "N" and _classifies(subject, following, chunks, place + 1):
            start, strength = following.start, 0.9 + _precision(sentence[following.start :], chunks, place + 1)
    elif verb.kind == "V" and verb.base == "refer" and following.base == "to":
        start, strength = following.end + 1, 1.0
    elif (
        verb.kind == "V" and verb.base in ("mean", "denote", "describe") and following.kind == "N" and verb.form == "s"
    ):
        start, strength = following.start, 0.7 if verb.base != "describe" else 0.5
    elif (
        verb.kind == "U"
        and verb.base in ("define", "describe", "know")
        and following.base == "as"
        and verb.base != "know"
    ):
        start, strength = following.end + 1, 1.0
    if start < 0:
        return None
    end = len(sentence.rstrip(" .;:!"))
    given = re.match(r"the (?:term|name) (?:given to|for|used for) ", sentence[start:])
    start += given.end() if given else 0
    if len(sentence[start:end].split()) < _LEAST_WORDS or term_key(term.label) in term_key(sentence[start:end]):
        return None
    return Definition(term, 0, start, end, strength)


_PRAISE = word_set(
    "very important fundamental essential major popular common useful good great key most best probably "
    "powerful famous well-known crucial vital simple main"
)


def _precision(told: str, chunks: list[Chunk], genus: int) -> float:
    """Rate a definition: one that says which of its kind the term is tells more than one that praises it."""
    after = chunks[genus + 1] if genus + 1 < len(chunks) else None
    completed = after is not None and (after.kind in ("W", "E", "S") or after.base in ("of", "by", "in", "for", "used"))
    praised = any(word.lower().strip(",") in _PRAISE for word in told.split()[:6])
    return 0.2 * completed - 0.5 * praised


def _too_general(subject: Chunk, term: Argument) -> bool:
    if subject.determiner in (
        "the",
        "its",
        "their",
        "his",
        "her",
        "our",
        "your",
        "my",
        "many",
        "most",
        "some",
        "several",
        "all",
        "each",
        "every",
    ):
        words = term.label.split()
        return subject.determiner != "the" or (len(words) == 1 and subject.head in english.GENERIC_NOUNS)
    return term.label.lower() in english.GENERIC_NOUNS


def _after_aside(chunks: list[Chunk], place: int) -> int:
    """Step over "(ABC)" and ", also called a thing,"."""
    if place < len(chunks) and chunks[place].kind == "(":
        while place < len(chunks) and chunks[place].kind != ")":
            place += 1
        place += 1
    if place < len(chunks) and chunks[place].kind == ",":
        close = place + 1
        while close < len(chunks) and chunks[close].kind in ("N", "R", "C", "E", "P"):
            close += 1
        if close < len(chunks) and chunks[close].kind == ",":
            return close + 1
    while place < len(chunks) and chunks[place].kind == "R":
        place += 1
    return place


def _classifies(subject: Chunk, genus: Chunk, chunks: list[Chunk], place: int) -> bool:
    """Tell whether a predicate says what kind of thing the subject is, not what befell it."""
    if (
        place + 1 < len(chunks)
        and chunks[place + 1].kind in ("N", "J", "V", "U", "B", "D")
        and not (genus.determiner == "the" and chunks[place + 1].kind == "N")
    ):
        return False
    if genus.negative or genus.head in (
        "way",
        "reason",
        "case",
        "problem",
        "question",
        "example",
        "result",
        "key",
        "fact",
        "matter",
        "thing",
        "one",
        "time",
        "idea",
    ):
        following = chunks[place + 1] if place + 1 < len(chunks) else None
        return genus.head in ("way", "one") and following is not None and following.base in ("of", "in")
    if genus.determiner in ("a", "an", "the"):
        return True
    return genus.determiner == "" and (genus.plural == subject.plural or genus.name)


def _backward(sentence: str, chunks: list[Chunk]) -> Definition | None:
    """Read "The movement of water across a membrane is called osmosis."."""
    for place, verb in enumerate(chunks[:-1]):
        if verb.kind not in ("U", "B", "V"):
            continue
        following = chunks[place + 1]
        target = -1
        if verb.kind == "U" and verb.base in _NAMING and following.kind == "N":
            target = place + 1
        elif verb.kind == "U" and verb.base in ("know", "refer") and following.kind == "P":
            target = place + 2 if following.base == "as" else place + 3 if following.base == "to" else -1
        if target < 0 or target >= len(chunks) or chunks[target].kind != "N" or verb.doubtful:
            return None
        rest = sentence[chunks[target].end :].strip(" .”\"'")
        start, end = chunks[0].start, verb.start
        words = sentence[start:end].split()
        term = argument_at(chunks, target)
        if rest or term is None or len(words) < _LEAST_WORDS or words[0].lower() in english.POINTERS | {"when", "if"}:
            return None
        if (
            any(chunk.kind in ("V", "U", "B", ",") for chunk in chunks[:place])
            and "which" not in words
            and "that" not in words
        ):
            return None
        if term_key(term.label) in term_key(sentence[start:end]):
            return None
        return Definition(term, target, start, len(sentence[:end].rstrip(" ,")), 0.9)
    return None


_PARENTHESIS = re.compile(
    r"\(\s*(?:(?:also |sometimes |often |commonly )?(?:called|known as|or|abbreviated|i\.e\.,?|"
    r"abbreviated as)\s+)?(?:the |an? )?([^();,]{2,40}?)\s*\)"
)
_ALSO = re.compile(
    r"^,?\s*\(?(?:which is |which are )?(?:also|sometimes|often|commonly|otherwise) (?:called|known as|"
    r"termed|referred to as)\s+(?:an? |the )?"
)


def aliases_of(sentence: str, chunks: list[Chunk]) -> Iterator[tuple[Argument, str]]:
    """Yield a term and its other name where a sentence gives both: "central processing unit (CPU)"."""
    for index, chunk in enumerate(chunks):
        term = argument_at(chunks, index) if chunk.kind == "N" else None
        if term is None:
            continue
        rest = sentence[chunk.end :]
        opened = re.match(r"\s*\(", rest)
        inner = _PARENTHESIS.match(rest.lstrip()) if opened else None
        if inner:
            name = inner.group(1).strip("\"'“” ")
            other_way = len(name) > len(chunk.label) and acronym_of(chunk.label, name)
            if (_capitals(name) and acronym_of(name, chunk.label)) or (other_way and chunk.label.isupper()):
                yield Argument(chunk.key, chunk.label), name
                continue
        also = _ALSO.match(rest)
        if also:
            start = chunk.end + also.end()
            for other in chunks[index + 1 :]:
                if other.kind == "N" and other.end > start and other.start <= start + 1:
                    name = sentence[start : other.end]
                    if len(name.split()) <= 4 and other.key != chunk.key:
                        yield term, name
                    break


def _capitals(name: str) -> bool:
    """Tell whether a name is written as acronyms are: "DNA", "mRNA", "RuBisCO"."""
    return sum(char.isupper() for char in name) * 2 >= len(name.rstrip("s")) and " " not in name

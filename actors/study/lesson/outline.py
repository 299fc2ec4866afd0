"""A lesson's Markdown taken apart: its opening, sections, summary and check questions, told by their form."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

from actors.study.lesson.cleaning import parser
from actors.study.sentences import spans

if TYPE_CHECKING:
    from markdown_it.tree import SyntaxTreeNode

Role = Literal["opening", "body", "summary", "answer"]

_MARK = re.compile(r"\s*\[(\d{1,3}(?:\s*[,;\u2013-]\s*\d{1,3})*)\]")
_BEHIND = re.compile(r"([.!?\u3002\uff01\uff1f]+)((?:\s*\[\d{1,3}(?:\s*[,;\u2013-]\s*\d{1,3})*\])+)")
_QUESTION = re.compile(r"^(.+?[?\uff1f\u061f])\s*(.*)$", re.DOTALL)
_LABEL = re.compile(r"^[\W_]*(?:[^\W\d_]+[ ]?){1,3}[:\uff1a]\s*")
_MOST_CITED = 30


class Statement(NamedTuple):
    """One sentence of a lesson that says something, with the numbers that it cites."""

    text: str
    cited: tuple[int, ...]
    role: Role
    section: int


class Check(NamedTuple):
    """A question to check what was learned, and its answer; empty if it has none."""

    question: str
    answer: str
    cited: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """What stands under one heading of the second level; its smaller headings are among ``headings``."""

    heading: str
    texts: tuple[str, ...]
    headings: tuple[str, ...] = ()

    @property
    def words(self) -> int:
        """How long it is."""
        return sum(count_words(text) for text in self.texts)


@dataclass(frozen=True, slots=True)
class Outline:
    """A lesson in its parts."""

    opening: Section
    sections: tuple[Section, ...]
    summary: Section | None
    checks: tuple[Check, ...]

    @property
    def words(self) -> int:
        """How long the whole is."""
        parts = [self.opening, *self.sections, *([self.summary] if self.summary else [])]
        return sum(part.words for part in parts) + sum(count_words(f"{c.question} {c.answer}") for c in self.checks)

    def statements(self) -> Iterator[Statement]:
        """Give its sentences, part by part, the answers last."""
        yield from _statements(self.opening.texts, "opening", 0)
        for number, section in enumerate(self.sections, 1):
            yield from _statements(section.texts, "body", number)
        if self.summary is not None:
            yield from _statements(self.summary.texts, "summary", len(self.sections) + 1)
        for check in self.checks:
            if check.answer:
                yield Statement(check.answer, check.cited, "answer", len(self.sections) + 2)


def take_apart(markdown: str) -> Outline:
    """Read a lesson: the last section with a list of questions is the check, the one before it the summary."""
    from markdown_it.tree import SyntaxTreeNode

    opening: list[SyntaxTreeNode] = []
    parts: list[tuple[str, list[SyntaxTreeNode]]] = []
    for node in SyntaxTreeNode(parser().parse(markdown)).children:
        if node.type == "heading" and node.tag == "h2":
            parts.append((_text(node), []))
        elif node.type != "heading" or node.tag != "h1":
            (parts[-1][1] if parts else opening).append(node)
    checks = _checks(parts[-1][1]) if parts else ()
    if checks:
        parts.pop()
    sections = [_section(heading, nodes) for heading, nodes in parts]
    summary = sections.pop() if checks and len(sections) > 1 else None
    return Outline(_section("", opening), tuple(sections), summary, checks)


def without_marks(text: str) -> str:
    """Give a text without its citations."""
    return " ".join(_MARK.sub("", text).split())


def cited_in(text: str) -> tuple[int, ...]:
    """Give the numbers that a text cites, in order; ``[2-4]`` cites three."""
    found: dict[int, None] = {}
    for mark in _MARK.finditer(text):
        for piece in re.split(r"[,;]", mark.group(1)):
            ends = [int(number) for number in re.findall(r"\d+", piece)]
            for number in range(ends[0], min(ends[-1], ends[0] + _MOST_CITED) + 1):
                found[number] = None
    return tuple(found)


def count_words(text: str) -> int:
    """Count words; of scripts without spaces, two characters are one."""
    unspaced = len(re.findall(r"[\u3040-\u30ff\u3400-\u9fff\u0e00-\u0e7f]", text))
    return len(re.findall(r"[^\W_]+(?:['\u2019-][^\W_]+)*", without_marks(text))) if not unspaced else unspaced // 2


def sentences_of_text(text: str) -> list[str]:
    """Cut a text into sentences; a citation behind the full stop belongs to the sentence before it."""
    moved = _BEHIND.sub(lambda found: f"{found.group(2)}{found.group(1)}", text)
    return [moved[start:end] for start, end in spans(moved)]


def _section(heading: str, nodes: list[SyntaxTreeNode]) -> Section:
    smaller = tuple(_text(node) for node in nodes if node.type == "heading")
    return Section(heading, tuple(_texts([node for node in nodes if node.type != "heading"])), smaller)


def _checks(nodes: list[SyntaxTreeNode]) -> tuple[Check, ...]:
    items = [item for node in nodes if node.type == "ordered_list" for item in node.children]
    found = [_check("\n".join(_texts([item]))) for item in items]
    asked = [check for check in found if check is not None]
    return tuple(asked) if asked and len(asked) * 2 >= len(items) else ()


def _check(text: str) -> Check | None:
    found = _QUESTION.match(text.strip())
    if found is None:
        return None
    answer = _LABEL.sub("", found.group(2), count=1)
    return Check(without_marks(found.group(1)), without_marks(answer), cited_in(text))


def _texts(nodes: list[SyntaxTreeNode]) -> Iterator[str]:
    for node in nodes:
        if node.type == "inline":
            text = _text(node)
            if text:
                yield text
        elif node.type not in ("fence", "code_block"):
            yield from _texts(node.children)


def _text(node: SyntaxTreeNode) -> str:
    found: list[str] = []
    for part in node.walk():
        if part.type in ("text", "code_inline"):
            found.append(part.content)
        elif part.type in ("softbreak", "hardbreak"):
            found.append(" ")
    return " ".join("".join(found).split())


def _statements(texts: tuple[str, ...], role: Role, section: int) -> Iterator[Statement]:
    for text in texts:
        for sentence in sentences_of_text(text):
            said = without_marks(sentence)
            if said:
                yield Statement(said, cited_in(sentence), role, section)

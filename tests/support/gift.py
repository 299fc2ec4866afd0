"""A reader of Moodle's GIFT format, written from its description and not from our writer."""

from __future__ import annotations

import re
from dataclasses import dataclass

TOKEN = re.compile(r"\\(.)|([~=#{}])|(::)|([^\\~=#{}:]+|:)", re.DOTALL)
Token = tuple[str, str]


@dataclass(frozen=True)
class Question:
    """What Moodle would make of one question."""

    title: str
    form: str
    stem: str
    kind: str
    right: tuple[str, ...]
    wrong: tuple[str, ...]
    feedback: str


def read_gift(text: str) -> list[Question]:
    """Every question of a GIFT file; an error where Moodle would refuse it."""
    lines = [line for line in text.split("\n") if not line.startswith("//")]
    blocks = re.split(r"\n\s*\n", "\n".join(lines))
    return [_question(_tokens(block.strip())) for block in blocks if block.strip()]


def _tokens(block: str) -> list[Token]:
    found: list[Token] = []
    at = 0
    while at < len(block):
        match = TOKEN.match(block, at)
        if match is None:
            raise ValueError(f"not GIFT at {block[at : at + 30]!r}")
        escaped, mark, title, plain = match.groups()
        if escaped is not None:
            if escaped not in "\\~=#{}:":
                raise ValueError(f"GIFT knows no escape \\{escaped}")
            found.append(("text", escaped))
        elif mark or title:
            found.append(("mark", mark or title))
        else:
            found.append(("text", plain))
        at = match.end()
    return found


def _question(tokens: list[Token]) -> Question:
    marks = [at for at, token in enumerate(tokens) if token == ("mark", "::")]
    if len(marks) != 2 or marks[0] != 0:
        raise ValueError("a question has one title, at its start")
    opening = [at for at, token in enumerate(tokens) if token == ("mark", "{")]
    closing = [at for at, token in enumerate(tokens) if token == ("mark", "}")]
    if len(opening) != 1 or len(closing) != 1 or opening[0] > closing[0]:
        raise ValueError("a question has one pair of braces")
    before, after = _plain(tokens[marks[1] + 1 : opening[0]]), _plain(tokens[closing[0] + 1 :])
    form = re.match(r"\[(html|moodle|plain|markdown)\]", before)
    if form is None:
        raise ValueError("the text format is not said")
    stem = before[form.end() :].strip() + (f" _____ {after.strip()}" if after.strip() else "")
    answers, feedback = _feedback(tokens[opening[0] + 1 : closing[0]])
    kind, right, wrong = _answers(answers)
    return Question(_plain(tokens[1 : marks[1]]), form[1], stem, kind, right, wrong, feedback)


def _feedback(inside: list[Token]) -> tuple[list[Token], str]:
    for at in range(len(inside) - 3):
        if inside[at : at + 4] == [("mark", "#")] * 4:
            return inside[:at], _plain(inside[at + 4 :]).strip()
    return inside, ""


def _answers(tokens: list[Token]) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    bare = "".join(value for _, value in tokens).strip()
    if bare in {"T", "TRUE", "F", "FALSE"}:
        return "true_false", (str(bare.startswith("T")),), ()
    parts: list[tuple[str, list[Token]]] = []
    for token in tokens:
        if token in {("mark", "="), ("mark", "~")}:
            parts.append((token[1], []))
        elif token[0] == "mark":
            raise ValueError(f"a stray {token[1]} among the answers")
        elif parts:
            parts[-1][1].append(token)
        elif token[1].strip():
            raise ValueError("text before the first answer")
    read = [(mark, _weight(_plain(inside).strip())) for mark, inside in parts]
    right = tuple(text for mark, text in read if mark == "=")
    wrong = tuple(text for mark, text in read if mark == "~")
    if not wrong and any("->" in text for text in right):
        return "matching", right, ()
    return ("multiple_choice" if wrong else "short_answer"), right, wrong


def _weight(text: str) -> str:
    return re.sub(r"^%-?\d+(\.\d+)?%", "", text)


def _plain(tokens: list[Token]) -> str:
    stray = [value for kind, value in tokens if kind == "mark"]
    if stray:
        raise ValueError(f"an unescaped {stray[0]} in a text")
    return "".join(value for _, value in tokens)

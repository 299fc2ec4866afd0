"""The quiz as files that learning programs read: JSON, Moodle GIFT and a CSV for Anki."""

from __future__ import annotations

import csv
import io
import json
import re

from actors.study.material import Quiz, QuizItem, StudyPack

# A run of underscores is how a cloze question marks its gap.
GAP = re.compile(r"_{2,}")
# What GIFT reads as its own marks. The backslash is among them, so one pass escapes it too.
GIFT_MARKS = re.compile(r"[\\~=#{}:]")
# A cell that starts with one of these is a formula to a spreadsheet.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
TITLE_LENGTH = 60


def quiz_json(quiz: Quiz) -> str:
    """Write the list of questions, each with the passage that supports its answer."""
    items = [item.model_dump(mode="json") for item in quiz.items]
    return json.dumps(items, ensure_ascii=False, indent=1) + "\n"


def quiz_gift(pack: StudyPack, quiz: Quiz) -> str:
    """Write the questions in Moodle's GIFT format; the source passage is their general feedback."""
    head = f"// {_line(pack.title)}\n"
    return "\n\n".join([head, *(_gift(number, item) for number, item in enumerate(quiz.items, 1))]) + "\n"


def quiz_csv(quiz: Quiz) -> str:
    """Write cards for Anki's text import: UTF-8, header lines that set the columns, no cell that starts a formula."""
    out = io.StringIO()
    out.write("#separator:Comma\n#html:false\n#columns:Front,Back,Tags\n#tags column:3\n")
    rows = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n")
    for item in quiz.items:
        front = item.question if item.kind != "true_false" else f"True or false? {item.question}"
        if item.kind != "true_false" and item.options:
            front += "\n" + "\n".join(f"{chr(ord('A') + place)}. {text}" for place, text in enumerate(item.options))
        back = f"{item.answer}\n\n{_source(item)}"
        rows.writerow([_cell(front), _cell(back), f"dramaturg {item.kind} {item.difficulty}"])
    return out.getvalue()


def is_true(answer: str) -> bool:
    """Say whether the answer of a true/false question is true."""
    return answer.strip().casefold() in {"true", "t", "yes", "1"}


def _gift(number: int, item: QuizItem) -> str:
    title = _line(item.question)
    if len(title) > TITLE_LENGTH:
        title = title[: TITLE_LENGTH - 1].rstrip() + "…"
    stem, rest = _stem(item)
    lines = [f"::{number:02} {_escape(title)}::[plain]{_escape(stem)} {{"]
    lines += [f"\t{answer}" for answer in _answers(item)]
    lines.append(f"\t####{_escape(_line(_source(item)))}")
    return "\n".join(lines) + "\n}" + (f" {_escape(rest)}" if rest else "")


def _stem(item: QuizItem) -> tuple[str, str]:
    # GIFT has one gap a question, where the braces stand: a second gap stays underscores.
    text = _line(item.question)
    if item.kind == "cloze" and (gap := GAP.search(text)):
        return text[: gap.start()].rstrip() or "…", text[gap.end() :].lstrip()
    return text, ""


def _answers(item: QuizItem) -> list[str]:
    if item.kind == "true_false":
        return ["TRUE" if is_true(item.answer) else "FALSE"]
    if not item.options:
        # An arrow inside a short answer would make it a matching question.
        return [f"={_weighted(item.answer.replace('->', '→'), 100)}"]
    right = item.answer.strip()
    return [
        f"={_weighted(text, 100)}" if text.strip() == right else f"~{_weighted(text, 0)}"
        for text in dict.fromkeys((*item.options, *(() if right in map(str.strip, item.options) else (right,))))
    ]


def _weighted(answer: str, weight: int) -> str:
    # An answer that starts with a percent sign would be read as its own weight.
    text = _escape(_line(answer))
    return f"%{weight}%{text}" if text.startswith("%") else text


def _source(item: QuizItem) -> str:
    return f"“{item.passage}” ({item.document}, p. {item.page})"


def _escape(text: str) -> str:
    return GIFT_MARKS.sub(r"\\\g<0>", text)


def _line(text: str) -> str:
    return " ".join(text.split())


def _cell(text: str) -> str:
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text

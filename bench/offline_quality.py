"""Prints what the offline generator makes of Markdown texts, to be judged by reading.

python -m bench.offline_quality FILE...
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from actors.study.offline import assemble, explain, make_quiz, read_part, split
from tests.support.texts import document

QUESTIONS = 15


def show(path: Path) -> None:
    """Print every stated relation with its sentence, every question with its options, and the explanations."""
    text = document(path.read_text(encoding="utf-8"), name=path.name, language=None)
    began = time.perf_counter()
    graph = assemble(text, [read_part(part) for part in split(text)])
    quiz = make_quiz(text, QUESTIONS)
    explained = explain(graph, [text])
    words = sum(len(block.text.split()) for block in text.blocks)
    print(f"{path.name}: {words} words, {time.perf_counter() - began:.2f} s")
    labels = {concept.id: concept.label for concept in graph.concepts}
    print("concepts:", "; ".join(labels.values()))
    for edge in graph.relations:
        if edge.type != "related":
            print(f"  {labels[edge.source]} --{edge.type}--> {labels[edge.target]} | {edge.evidence[0].sentence}")
    for item in quiz.items:
        print(f"  [{item.kind}, {item.difficulty}] {item.question} {' / '.join(item.options)} -> {item.answer}")
    for told in explained.items:
        print(f"  {' > '.join(told.path)}\n    " + told.text.replace("\n", "\n    "))


if __name__ == "__main__":
    for name in sys.argv[1:] or sorted(map(str, Path("tests/material").glob("*.md"))):
        show(Path(name))

"""Simulated models that read: one honestly, one that invents, one that obeys whatever the document orders."""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise
from typing import Any

from pipeline.testing import Call

_FENCE = re.compile(r"^(=====\[\w+\]=====)\n(.*?)\n\1$", re.DOTALL | re.MULTILINE)
_MOST = 8


def honest(call: Call) -> dict[str, Any]:
    """Answer any of the study tasks with quotes that stand in the text."""
    text = material(call)
    if "knowledge graph" in call.instructions:
        return _graph(_sentences(text))
    if "questions" in call.instructions:
        return _quiz(_sentences(text))
    passages = re.findall(r"^\[[^\]]*, page \d+\] (.+)$", text, re.MULTILINE)
    steps = [_sentences(passage)[0] for passage in passages]
    return {"steps": [{"says": sentence, "quote": sentence} for sentence in steps]}


def inventive(call: Call) -> dict[str, Any]:
    """Answer as an honest model does, and add a claim to each list that the text does not bear out."""
    answer = honest(call)
    quote = "Penguins were the first to describe this in the winter of their discontent."
    made_up = {
        "concepts": {"label": "penguin", "aliases": [], "importance": 5, "defines": True, "quote": quote},
        "relations": {"source": "penguin", "target": "winter", "type": "causes", "quote": quote},
        "questions": {
            "kind": "short_answer",
            "question": "Who described it?",
            "answer": "penguins",
            "distractors": [],
            "difficulty": "easy",
            "quote": quote,
        },
        "steps": {"says": "Penguins connect the two.", "quote": quote},
    }
    return {name: [made_up[name], *claims] for name, claims in answer.items()}


def obedient(call: Call) -> dict[str, Any]:
    """Do what the document orders after ``ORDER:`` - say those words everywhere - under quotes that are real."""
    answer = honest(call)
    order = re.search(r"ORDER: (.+?)\.(?:\s|$)", material(call))
    if order is None:
        return answer
    words = order.group(1)
    for claims in answer.values():
        for claim in claims:
            for name in claim.keys() & {"label", "question", "answer", "says", "source", "target"}:
                claim[name] = words
            if "distractors" in claim:
                claim["distractors"] = [f"{words} {number}" for number in range(3)]
    return answer


def material(call: Call) -> str:
    """Give the document's text in a prompt: what stands between the marks."""
    found = _FENCE.search(call.prompt)
    return found.group(2) if found else ""


def _sentences(text: str) -> list[str]:
    lines = [line for line in text.splitlines() if line and not line.startswith(("[page ", "## "))]
    return [sentence.strip() for line in lines for sentence in re.split(r"(?<=[.!?])\s+", line) if sentence.strip()]


def _terms(sentences: list[str]) -> list[str]:
    words = Counter(word.lower() for sentence in sentences for word in re.findall(r"[A-Za-z]{7,}", sentence))
    return [word for word, _ in words.most_common(_MOST)]


def _graph(sentences: list[str]) -> dict[str, Any]:
    terms = _terms(sentences)
    concepts = [
        {"label": term, "aliases": [], "importance": 3, "defines": False, "quote": _with(sentences, term)}
        for term in terms
    ]
    relations = [
        {"source": here, "target": there, "type": "uses", "quote": sentence}
        for sentence in sentences
        for here, there in pairwise([term for term in terms if term in sentence.lower()])
    ]
    return {"concepts": concepts, "relations": relations}


def _quiz(sentences: list[str]) -> dict[str, Any]:
    terms = _terms(sentences)
    questions: list[dict[str, Any]] = []
    for term in terms:
        sentence = _with(sentences, term)
        others = [other for other in terms if other not in sentence.lower()][:3]
        question = re.sub(rf"\b{term}\b", "_____", sentence, flags=re.IGNORECASE)
        claim: dict[str, Any] = {
            "kind": "cloze",
            "question": question,
            "answer": term,
            "difficulty": "easy",
            "quote": sentence,
        }
        questions.append(claim | {"kind": "multiple_choice" if len(others) > 2 else "cloze", "distractors": others})
    return {"questions": questions}


def _with(sentences: list[str], term: str) -> str:
    return next(sentence for sentence in sentences if term in sentence.lower())

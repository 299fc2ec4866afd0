"""A simulated model with a share of defects in its claims, of six kinds, and a list of every one it planted."""

from __future__ import annotations

import json
import random
from collections import Counter
from typing import Any

from pipeline.testing import Call
from tests.readers import honest

#: What is wrong with a claim: its source, its answer, its form, its neighbours, its options, or its completeness.
KINDS = ("ungrounded", "wrong", "malformed", "duplicate", "bad options", "incomplete")


class Defective:
    """Answers as an honest model does, with about ``share`` of the claims spoilt; the same request, the same defects.

    Only texts that hold ``only_in`` are answered badly, if it is given.
    """

    def __init__(self, share: float, seed: int, only_in: str = "") -> None:
        self._share = share
        self._seed = seed
        self._only_in = only_in
        self.planted: Counter[str] = Counter()
        #: What must be found nowhere: labels, and questions with their answers.
        self.marks: set[str] = set()
        self.calls = 0

    def __call__(self, call: Call) -> dict[str, Any]:
        """Answer a call."""
        answer = honest(call)
        self.calls += 1
        if self._only_in not in call.prompt:
            return answer
        chance = random.Random(f"{self._seed} {self.calls} {call.model}")
        for name, claims in answer.items():
            answer[name] = [self._perhaps(name, claim, claims, chance) for claim in claims]
        return answer

    def _perhaps(self, name: str, claim: dict[str, Any], others: list[dict[str, Any]], chance: random.Random) -> Any:
        return self._spoil(name, dict(claim), others, chance) if chance.random() < self._share else claim

    def _spoil(self, name: str, claim: dict[str, Any], others: list[dict[str, Any]], chance: random.Random) -> Any:
        kind = chance.choice(KINDS)
        if kind == "bad options" and "distractors" not in claim:
            kind = "ungrounded"
        if kind == "wrong" and name == "relations":
            kind = "incomplete"
        self.planted[kind] += 1
        if kind == "malformed":
            return json.dumps(claim)
        if kind == "duplicate":
            return dict(chance.choice(others))
        spoken = next(key for key in ("label", "question", "says", "source") if key in claim)
        if kind == "ungrounded":
            claim["quote"] = "Nobody ever wrote this sentence, and the moon is made of seven kinds of cheese."
        elif kind == "incomplete":
            claim["quote" if chance.random() < 0.5 else spoken] = ""
        elif kind == "bad options":
            return claim | {"kind": "multiple_choice", "distractors": ["All of the above", "None of these"]}
        elif "answer" in claim:
            claim |= {"kind": "short_answer", "question": "What is it that is described here?", "answer": "cheese"}
        else:
            claim[spoken] = f"{claim[spoken]} cheese"
        self.marks.add(self._mark(claim, spoken))
        return claim

    @staticmethod
    def _mark(claim: dict[str, Any], spoken: str) -> str:
        if "question" in claim:
            return f"{claim['question']} | {claim['answer']} | {claim['quote']}"
        return f"{claim.get(spoken, '')} | {claim.get('quote', '')}"

"""Degrading: what was made offline because no model could be asked says so itself."""

from __future__ import annotations

from typing import TypeVar

from actors.study.material import Explanations, KnowledgeGraph, Quiz
from pipeline import Run

Made = TypeVar("Made", KnowledgeGraph, Quiz, Explanations)


def marked(made: Made, run: Run) -> Made:
    """Give what was made, marked if the offline generator did what models were asked to do."""
    if not run.degraded:
        return made
    return made.model_copy(update={"made": made.made.model_copy(update={"degraded": True})})

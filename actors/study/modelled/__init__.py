"""The generator that asks a language model: graph, quiz and explanations, all of it held against the source.

Each function that takes a ``model`` makes one call and checks nothing; its result is JSON, so it is one item of
``run.each``. The ``weigh`` functions say how much of such an answer stands, for the gates. The ``assemble`` functions
call no model either: they keep what the document bears out and count the rest.
"""

from actors.study.modelled.answers import RELATION_TYPES
from actors.study.modelled.claims import Answered, Ground, Stood
from actors.study.modelled.explanations import (
    PathToTell,
    ToldPath,
    assemble_explanations,
    explain,
    prepare_paths,
    tell_path,
    weigh_explanation,
)
from actors.study.modelled.graphs import PartGraph, assemble, read_part, weigh_graph
from actors.study.modelled.parts import Part, halve, split
from actors.study.modelled.paths import Path, choose_paths
from actors.study.modelled.quizzes import PartQuiz, assemble_quiz, choose_parts, make_questions, weigh_questions

__all__ = [
    "RELATION_TYPES",
    "Answered",
    "Ground",
    "Part",
    "PartGraph",
    "PartQuiz",
    "Path",
    "PathToTell",
    "Stood",
    "ToldPath",
    "assemble",
    "assemble_explanations",
    "assemble_quiz",
    "choose_parts",
    "choose_paths",
    "explain",
    "halve",
    "make_questions",
    "prepare_paths",
    "read_part",
    "split",
    "tell_path",
    "weigh_explanation",
    "weigh_graph",
    "weigh_questions",
]

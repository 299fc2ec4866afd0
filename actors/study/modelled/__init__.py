"""The generator that asks a language model: graph, quiz and explanations, all of it held against the source.

Each function that takes a ``model`` makes one call and checks nothing; its result is JSON, so it is one item of
``run.each``. The ``assemble`` functions call no model: they keep what the document bears out and count the rest.
"""

from actors.study.modelled.answers import RELATION_TYPES
from actors.study.modelled.explanations import (
    PathToTell,
    ToldPath,
    assemble_explanations,
    explain,
    prepare_paths,
    tell_path,
)
from actors.study.modelled.graphs import PartGraph, assemble, read_part
from actors.study.modelled.parts import Part, split
from actors.study.modelled.paths import Path, choose_paths
from actors.study.modelled.quizzes import PartQuiz, assemble_quiz, choose_parts, make_questions

__all__ = [
    "RELATION_TYPES",
    "Part",
    "PartGraph",
    "PartQuiz",
    "Path",
    "PathToTell",
    "ToldPath",
    "assemble",
    "assemble_explanations",
    "assemble_quiz",
    "choose_parts",
    "choose_paths",
    "explain",
    "make_questions",
    "prepare_paths",
    "read_part",
    "split",
    "tell_path",
]

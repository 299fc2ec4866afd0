"""The generator that needs no model: graph, quiz and explanations by classical text analysis."""

from actors.study.offline.assembling import assemble
from actors.study.offline.explaining import explain
from actors.study.offline.parts import Part, PartFindings, split
from actors.study.offline.quizzing import make_quiz
from actors.study.offline.reading import read_part

__all__ = ["Part", "PartFindings", "assemble", "explain", "make_quiz", "read_part", "split"]

"""A relation said in words."""

from __future__ import annotations

from actors.study.material import Concept, Relation
from actors.study.words import is_mass, is_plural, plural, singular

_SAID = {
    "part_of": ("is part of", "are part of"),
    "related": ("is related to", "are related to"),
    "source_of": ("is a source of", "are a source of"),
    "unit_of": ("is a unit of", "are a unit of"),
    "has": ("has", "have"),
}
_PARTICIPLE_ENDS = ("ed", "en", "lt", "de", "nd", "ght")


def said(relation: Relation, source: Concept, target: Concept) -> str:
    """Say a relation as a short clause: "chlorophyll absorbs light"."""
    many = is_plural(source.label.split()[-1])
    if relation.type == "is_a":
        return f"{source.label} {_classed(target.label, many)}"
    if relation.type in _SAID:
        verb = _SAID[relation.type][many]
    else:
        words = relation.type.split("_")
        many = many and not words[0].endswith("ed")
        if len(words) > 1 and words[0].endswith(_PARTICIPLE_ENDS) and not words[0].endswith("s"):
            verb = f"{'are' if many else 'is'} {' '.join(words)}"
        else:
            verb = " ".join([_many(words[0]) if many else words[0], *words[1:]])
    return f"{source.label} {verb} {target.label}"


def _many(verb: str) -> str:
    if verb.endswith(("sses", "shes", "ches", "xes", "zzes")):
        return verb[:-2]
    if verb.endswith("ies"):
        return verb[:-3] + "y"
    return verb.removesuffix("s")


def _classed(kind: str, many: bool) -> str:
    head, _, last = kind.rpartition(" ")
    if many:
        return f"are {head} {last if is_plural(last) else plural(last)}".replace("  ", " ")
    if is_mass(last) or " of " in kind:
        return f"is {kind}"
    single = f"{head} {singular(last)}".strip()
    return f"is {'an' if single[0].lower() in 'aeiou' else 'a'} {single}"

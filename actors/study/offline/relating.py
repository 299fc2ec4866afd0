"""The type of relation that a verb, a participle or a noun states."""

from __future__ import annotations

from actors.study.english import word_set
from actors.study.offline.verbs import is_verb, third_person

# One type for verbs that say the same.
_TYPES = {
    verb: kind
    for kind, verbs in {
        "causes": "cause trigger induce provoke",
        "produces": "produce generate yield create manufacture synthesize synthesise make secrete",
        "uses": "use utilize employ exploit",
        "requires": "require need necessitate",
        "contains": "contain",
        "includes": "include comprise encompass",
        "regulates": "regulate control govern",
        "increases": "increase raise enhance amplify",
        "reduces": "reduce decrease lower diminish minimize",
        "prevents": "prevent inhibit block hinder suppress",
        "influences": "influence affect",
        "has": "have possess",
        "transports": "transport carry convey",
        "changes": "change alter modify",
        "provides": "provide supply",
        "enables": "enable allow permit facilitate",
        "helps": "help assist",
        "destroys": "destroy",
        "forms": "form constitute",
        "represents": "represent denote symbolize signify",
        "converts": "convert transform",
        "breaks_down": "decompose degrade digest",
        "develops": "develop devise",
        "discovers": "discover",
    }.items()
    for verb in verbs.split()
}


# Say, believe, want, seem: what follows them is a view or a manner of speaking, not a relation.
_WORDLESS = word_set(
    "say tell think believe know see want suggest assert allege advocate claim announce state seem appear get "
    "go let put keep give take set consider imply assume prefer propose decide mean name call term label "
    "describe explain discuss illustrate demonstrate show reveal indicate express observe find find become "
    "remain begin start cease continue happen exist equal resemble try need deal lie die live stand act "
    "function work run face add apply bring compare confirm conclude recognize understand examine follow hold "
    "prove realize refer see turn view fall rise do have lay pass place reach read return rest share sign "
    "gain lose pose raise serve receive obtain expect want focus lead perform involve exhibit achieve "
    "accomplish experience encounter enter leave visit join meet mark attribute assign associate aim act "
    "depend rely result consist belong occur arise emerge vary differ correspond contribute respond interact "
    "react compete range move travel flow"
)


# Verbs whose relation stands in the preposition that follows.
PREPOSITIONAL = {
    ("lead", "to"): "causes",
    ("result", "in"): "causes",
    ("give", "rise to"): "causes",
    ("contribute", "to"): "contributes_to",
    ("depend", "on"): "depends_on",
    ("depend", "upon"): "depends_on",
    ("rely", "on"): "depends_on",
    ("rely", "upon"): "depends_on",
    ("consist", "of"): "consists_of",
    ("belong", "to"): "belongs_to",
    ("occur", "in"): "occurs_in",
    ("occur", "within"): "occurs_in",
    ("occur", "inside"): "occurs_in",
    ("react", "with"): "reacts_with",
    ("interact", "with"): "interacts_with",
    ("bind", "to"): "binds_to",
    ("attach", "to"): "attaches_to",
    ("arise", "from"): "arises_from",
    ("result", "from"): "results_from",
    ("originate", "in"): "originates_in",
    ("evolve", "from"): "evolves_from",
    ("respond", "to"): "responds_to",
    ("correspond", "to"): "corresponds_to",
    ("act", "as"): "acts_as",
    ("serve", "as"): "acts_as",
    ("function", "as"): "acts_as",
    ("orbit", "around"): "orbits",
    ("revolve", "around"): "orbits",
    ("travel", "through"): "travels_through",
    ("flow", "through"): "flows_through",
    ("diffuse", "through"): "diffuses_through",
    ("compete", "with"): "competes_with",
    ("interfere", "with"): "interferes_with",
    ("comply", "with"): "complies_with",
    ("differ", "from"): "differs_from",
    ("live", "in"): "lives_in",
    ("turn", "into"): "becomes",
    ("add", "to"): "adds_to",
    ("apply", "to"): "applies_to",
    ("communicate", "with"): "communicates_with",
    ("run", "on"): "runs_on",
    ("work", "with"): "works_with",
}


# A verb and its particle, said as one.
PHRASAL = {
    ("break", "down"): "breaks_down",
    ("carry", "out"): "carries_out",
    ("take", "in"): "takes_in",
    ("take", "up"): "takes_up",
    ("give", "off"): "releases",
    ("make", "up"): "makes_up",
    ("speed", "up"): "speeds_up",
    ("slow", "down"): "slows_down",
    ("use", "up"): "uses_up",
    ("set", "up"): "sets_up",
    ("bring", "about"): "causes",
    ("pick", "up"): "picks_up",
    ("push", "up"): "increases",
    ("drive", "up"): "increases",
    ("drive", "down"): "reduces",
    ("cut", "off"): "cuts_off",
    ("wipe", "out"): "destroys",
    ("keep", "out"): "keeps_out",
    ("filter", "out"): "filters_out",
    ("lay", "down"): "lays_down",
    ("give", "up"): "gives_up",
    ("take", "over"): "takes_over",
    ("build", "up"): "builds_up",
}


# A participle after "be" and the preposition that carries the relation; a leading "-" turns the relation round.
PASSIVE = {
    ("compose", "of"): "consists_of",
    ("make", "of"): "consists_of",
    ("make", "up of"): "consists_of",
    ("divide", "into"): "divided_into",
    ("found", "in"): "found_in",
    ("find", "in"): "found_in",
    ("locate", "in"): "located_in",
    ("situate", "in"): "located_in",
    ("store", "in"): "stored_in",
    ("derive", "from"): "derived_from",
    ("make", "from"): "made_from",
    ("obtain", "from"): "obtained_from",
    ("form", "from"): "made_from",
    ("extract", "from"): "obtained_from",
    ("base", "on"): "based_on",
    ("base", "upon"): "based_on",
    ("convert", "to"): "converted_into",
    ("convert", "into"): "converted_into",
    ("transform", "into"): "converted_into",
    ("break", "into"): "breaks_down_into",
    ("use", "in"): "used_in",
    ("attach", "to"): "attaches_to",
    ("connect", "to"): "connected_to",
    ("link", "to"): "linked_to",
    ("relate", "to"): "related_to",
    ("associate", "with"): "associated_with",
    ("measure", "in"): "measured_in",
    ("classify", "as"): "is_a",
    ("surround", "by"): "-surrounds",
    ("replace", "by"): "-replaces",
    ("release", "from"): "released_from",
    ("release", "into"): "released_into",
    ("protect", "from"): "protected_from",
    ("name", "after"): "named_after",
    ("dissolve", "in"): "dissolved_in",
    ("embed", "in"): "found_in",
    ("contain", "in"): "found_in",
    ("reserve", "for"): "reserved_for",
}


# What a noun before "of" says: "X is a cause of Y".
NOMINAL = {
    "cause": "causes",
    "part": "part_of",
    "component": "part_of",
    "constituent": "part_of",
    "branch": "part_of",
    "member": "part_of",
    "subset": "part_of",
    "element": "part_of",
    "subfield": "part_of",
    "type": "is_a",
    "kind": "is_a",
    "form": "is_a",
    "example": "is_a",
    "class": "is_a",
    "variety": "is_a",
    "sort": "is_a",
    "instance": "is_a",
    "category": "is_a",
    "source": "source_of",
    "measure": "measures",
    "unit": "unit_of",
    "product": "-produces",
    "result": "-causes",
    "consequence": "-causes",
    "effect": "-causes",
    "study": "studies",
}


# Participles with a meaning of their own, fit to describe a noun but not to be the verb of a relation.
_NO_INFINITIVE = word_set(
    "cause allow permit enable help require force lead persuade encourage teach drive prompt need make induce "
    "inspire get"
)


def relation_type(base: str) -> str | None:
    """Give the type of the relation that a transitive verb states, or none if it states none."""
    if base in _TYPES:
        return _TYPES[base]
    return third_person(base) if is_verb(base) and base not in _WORDLESS else None


def takes_infinitive(base: str) -> bool:
    """Tell whether an object followed by an infinitive is only half of what the verb says."""
    return base in _NO_INFINITIVE

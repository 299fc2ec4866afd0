"""The verbs that can state a relation, their forms, and the type of relation each one states."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

# Verbs that are never nouns, or hardly ever in exposition.
_PLAIN = (
    "absorb accelerate accept accommodate accompany accomplish achieve acquire activate adapt add address adopt affect allocate "
    "allow alter amplify announce appoint apply approximate arise assemble assign assist associate assume attach attain "
    "attract authenticate authorize await become begin believe belong bind borrow break bring build burn calculate capture carry catalyze "
    "catalyse choose circulate classify collect colonize combine compare compensate compete compile compose comprise compress compute "
    "concentrate conduct confer confirm conquer conserve consider consist constitute constrain construct consume contain "
    "contribute convert convey coordinate correspond counteract create declare decode decompose decrypt defeat defend define degrade "
    "deliver demonstrate denote deplete deposit derive describe destroy detect determine develop dictate differentiate "
    "diffuse digest diminish direct disable discover discourage disrupt dissolve distinguish distribute divide dominate "
    "drive eat eliminate embrace emerge emit employ enable encode encompass encounter encourage encrypt enforce enhance enlarge ensure "
    "enter equal erode establish evaluate evaporate evolve examine exceed excite exclude execute exhibit exist expand expel explain express "
    "extend extract facilitate favor favour feed ferment fertilize finance find follow forbid foster found fuse gain generate get give "
    "govern grow guarantee happen help heat hinder hydrolyze identify illustrate implement impose improve include incorporate "
    "indicate induce influence inherit inhibit inject insert inspire install integrate interpret introduce invade invent invest invoke involve ionize "
    "isolate keep lack lead learn let live lose lower maintain make manage manipulate manufacture measure mediate migrate mimic "
    "minimize maximize modify motivate move multiply neutralize obey observe obtain occupy occur offset operate oppose optimize "
    "organize originate outweigh overcome overlap overthrow own oxidize penetrate perceive perform permit persuade populate "
    "possess precede predict prefer prepare preserve prevent proclaim prohibit promote propel propose protect prove provide "
    "provoke publish pump pursue raise react read receive recognize recycle reflect refract refer regulate "
    "reinforce reject rely remain remove render repel replace replicate represent reproduce require resemble resolve restrict "
    "retain reveal rotate satisfy scatter secrete seek select sell send separate serialize serve signify simplify solve specify spend stabilize "
    "stimulate store strengthen subdivide substitute suggest suppress surround survive sustain symbolize synchronize synthesize synthesise tell "
    "terminate tolerate transcribe transfer transform translate transmit transport travel traverse trigger turn unite unify utilize "
    "validate vary verify violate weaken weigh wrap write yield abolish accumulate adjust administer advocate aggregate "
    "allege annex annotate anticipate arrange assassinate assert assess attribute bear begin behead broaden buy cease choose combat commence "
    "commission commit communicate complement complete complicate comply comprehend conceal conclude condense configure confine "
    "confront connect connote constitute consult convince correct crush cultivate damage deal decide deduce delay delegate delete demand depend "
    "depict depose depress designate deter devise die differ disappear discuss dismiss dispatch displace display "
    "dissipate disturb donate draw earn eject elect elevate emphasize emulate endanger enrich entail enumerate equate escape "
    "evoke exploit explore export expose face fall fill fix flee fly focus force forge formulate free freeze fulfil fulfill "
    "function fund gather go grant guide halt hold house hunt ignite imply import impede impair incur infect infer inform inhabit "
    "initialize initiate inspect interact intercept interfere interrupt join justify kill label launch lay lie lift link "
    "locate magnify mean melt merge mobilize monitor mount name necessitate negate negotiate normalize nourish "
    "open orbit outlaw overwrite parse partition pass pay perpetuate pierce place plant pollinate pose power precipitate "
    "process proliferate purchase purify quantify radiate ratify reach realize recover reduce release rename render repair repeat "
    "request rescue reset resist respond restore result return reverse revolve rise rule run save say see seize sequester set settle shape share shield shift "
    "sign signal simulate split spread stand start state steer stop streamline stretch strike study succeed supplement supply support suspend swap switch take "
    "target tax teach test think threaten tie trace track trade train trap treat undergo undermine underlie update uphold use visit wage warm wash win withdraw work "
    "know call show mark change cause control form limit increase decrease demand cost cover cross claim contact balance attack aim address abandon "
    "shrink swell sink rest speed slow pick push wipe cool cut block bond bind act age rank range return reward score search stress stain stain surface term touch transfer value view want "
    "denature hydrate inflate deflate outcompete photosynthesize dehydrate crystallize sterilize vaccinate commute summon annul ratify repeal amend enact outsell outpace leave wear witness broadcast benefit fuel host harm grip echo filter flow fold flood trail trust transition"
)
# Of these, the ones that are as often nouns; context decides.
_NOUNS_TOO = frozenset(
    "address estimate function fund force form limit increase decrease demand cost cover cross claim contact balance attack aim change "
    "cause control help heat influence import export measure move offset process produce pump question raise rate read release repeat request "
    "result return reverse rise rule run sale set shape share shield shift sign signal split spread stand start state stop stretch strike study "
    "supplement supply support swap switch target tax test tie trace track trade train trap transfer transport treat trigger update use value view visit "
    "wash win work yield show mark rest cool cut block bond act age rank range reward score search stress stain surface term touch "
    "benefit fuel host harm grip echo filter flow fold flood trail trust transition damage deal delay display draw escape exploit face fall feed fill fix "
    "fly focus free gain grant guide halt hold house hunt join label launch lift link monitor mount name orbit "
    "open overlap pass pay place plant power precipitate purchase reach repair rescue store "
    "travel turn call catch combat compound conduct contract coordinate deposit divide drive equal find found freeze lack lead lie live "
    "permit pose question save sense separate substitute survey rule structure import process project record "
    "balance burn attribute associate aggregate complement concentrate delegate direct dispatch correct complete close "
    "lower warm own excess dissolve select mean import welcome wear witness broadcast".split()
)
_IRREGULAR = (
    "arise:arose:arisen bear:bore:borne become:became:become begin:began:begun bind:bound:bound break:broke:broken bring:brought:brought "
    "broadcast:broadcast:broadcast build:built:built burn:burned:burnt buy:bought:bought choose:chose:chosen cost:cost:cost cut:cut:cut deal:dealt:dealt "
    "draw:drew:drawn drive:drove:driven eat:ate:eaten fall:fell:fallen feed:fed:fed find:found:found flee:fled:fled fly:flew:flown "
    "forbid:forbade:forbidden freeze:froze:frozen get:got:gotten give:gave:given go:went:gone grow:grew:grown hold:held:held keep:kept:kept know:knew:known "
    "lay:laid:laid lead:led:led learn:learned:learnt let:let:let lie:lay:lain lose:lost:lost make:made:made mean:meant:meant "
    "overcome:overcame:overcome overthrow:overthrew:overthrown overwrite:overwrote:overwritten pay:paid:paid prove:proved:proven put:put:put read:read:read "
    "rise:rose:risen run:ran:run say:said:said see:saw:seen seek:sought:sought sell:sold:sold send:sent:sent set:set:set shrink:shrank:shrunk show:showed:shown "
    "sink:sank:sunk spend:spent:spent split:split:split spread:spread:spread stand:stood:stood strike:struck:struck swell:swelled:swollen "
    "take:took:taken teach:taught:taught tell:told:told think:thought:thought undergo:underwent:undergone underlie:underlay:underlain "
    "uphold:upheld:upheld wear:wore:worn win:won:won withdraw:withdrew:withdrawn write:wrote:written"
)
_DOUBLED = frozenset(
    "get let put set cut run win stop swap trap wrap propel expel repel compel emit permit commit admit submit refer confer infer occur incur plan "
    "control transfer deter equip ship drop map tap grip rebel label model cancel travel signal fuel program begin forbid".split()
)
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
_WORDLESS = frozenset(
    "say tell think believe know see want suggest assert allege advocate claim announce state seem appear get go let put keep give take set consider imply "
    "assume prefer propose decide mean name call term label describe explain discuss illustrate demonstrate show reveal indicate express observe "
    "find find become remain begin start cease continue happen exist equal resemble try need deal lie die live stand act function work run face add apply "
    "bring compare confirm conclude recognize understand examine follow hold prove realize refer see turn view fall rise do have lay pass place reach "
    "read return rest share sign gain lose pose raise serve receive obtain expect want focus lead perform "
    "involve exhibit achieve accomplish experience encounter enter leave visit join meet mark attribute assign associate aim act depend rely result consist "
    "belong occur arise emerge vary differ correspond contribute respond interact react compete range move travel flow".split()
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
_NO_INFINITIVE = frozenset(
    "cause allow permit enable help require force lead persuade encourage teach drive prompt need make induce inspire get".split()
)


class VerbForm(NamedTuple):
    """What a word may be as a verb: its base and which of the forms it is."""

    base: str
    form: str  # base, s, past, participle, ing; "past" stands for both where they look the same


def _tables() -> dict[str, VerbForm]:
    forms: dict[str, VerbForm] = {}
    irregular = {row.split(":")[0]: row.split(":")[1:] for row in _IRREGULAR.split()}
    for base in sorted({*_PLAIN.split(), *_NOUNS_TOO, *_WORDLESS, *irregular} - {"do", "have"}):
        past, participle = irregular.get(base, [_ed(base), _ed(base)])
        forms.setdefault(third_person(base), VerbForm(base, "s"))
        forms.setdefault(_ing(base), VerbForm(base, "ing"))
        if participle != past:
            forms.setdefault(participle, VerbForm(base, "participle"))
        forms.setdefault(past, VerbForm(base, "past" if participle == past else "preterite"))
        forms[base] = VerbForm(base, "base")
    forms["found"] = VerbForm("find", "past")
    forms["founded"] = VerbForm("found", "past")
    forms["saw"] = VerbForm("see", "preterite")
    forms["situated"] = VerbForm("situate", "past")
    for base in ("need", "relate", "embed", "reserve"):
        forms[_ed(base)] = VerbForm(base, "past")
    return forms


def _ed(base: str) -> str:
    if base.endswith("e"):
        return base + "d"
    if base.endswith("y") and base[-2] not in "aeiou":
        return base[:-1] + "ied"
    return base + base[-1] + "ed" if base in _DOUBLED else base + "ed"


def _ing(base: str) -> str:
    if base.endswith("ie"):
        return base[:-2] + "ying"
    if base.endswith("e") and not base.endswith("ee"):
        return base[:-1] + "ing"
    return base + base[-1] + "ing" if base in _DOUBLED else base + "ing"


def third_person(base: str) -> str:
    """Give the third person singular of a verb."""
    if base in ("have", "do", "go"):
        return {"have": "has", "do": "does", "go": "goes"}[base]
    if base.endswith("y") and base[-2] not in "aeiou":
        return base[:-1] + "ies"
    return base + ("es" if base.endswith(("s", "sh", "ch", "x", "z", "o")) else "s")


_FORMS = _tables()


@lru_cache(maxsize=20_000)
def verb_form(word: str) -> VerbForm | None:
    """Give what a lower-case word is as a verb, or none if it is no verb we know."""
    known = _FORMS.get(word)
    if known is not None:
        return known
    if word.endswith(("izes", "ises", "ifies")) and len(word) > 6:  # noqa: PLR2004 - "prizes" and "rises" are too short
        return VerbForm(word[:-3] + "y" if word.endswith("ies") else word[:-1], "s")
    if word.endswith("ing") and len(word) > 5 and (base := _base_of(word[:-3])):  # noqa: PLR2004 - "bring" has no base "br"
        return VerbForm(base, "ing")
    return None


def _base_of(stem: str) -> str | None:
    for base in (stem, stem + "e", stem[:-1]):
        if base in _FORMS and _FORMS[base].form == "base":
            return base
    return None


def noun_too(base: str) -> bool:
    """Tell whether a verb's base form is as often a noun."""
    return base in _NOUNS_TOO


def relation_type(base: str) -> str | None:
    """Give the type of the relation that a transitive verb states, or none if it states none."""
    if base in _TYPES:
        return _TYPES[base]
    known = _FORMS.get(base)
    return third_person(base) if known is not None and known.form == "base" and base not in _WORDLESS else None


def takes_infinitive(base: str) -> bool:
    """Tell whether an object followed by an infinitive is only half of what the verb says."""
    return base in _NO_INFINITIVE

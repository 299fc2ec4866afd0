"""The verbs that can state a relation, their forms, and the type of relation each one states."""
# ruff: noqa: PLR2004 - the numbers count words and letters where they stand

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from actors.study.english import word_set

# Verbs that are never nouns, or hardly ever in exposition.
_PLAIN = (
    "appear handle setup continue embed expect experience reserve seem situate understand try meet relate absorb "
    "accelerate accept accommodate accompany accomplish achieve acquire activate adapt add address "
    "adopt affect allocate allow alter amplify announce appoint apply approximate arise assemble assign "
    "assist associate assume attach attain attract authenticate authorize await become begin believe belong "
    "bind borrow break bring build burn calculate capture carry catalyze catalyse choose circulate classify "
    "collect colonize combine compare compensate compete compile compose comprise compress compute "
    "concentrate conduct confer confirm conquer conserve consider consist constitute constrain construct "
    "consume contain contribute convert convey coordinate correspond counteract create declare decode "
    "decompose decrypt defeat defend define degrade deliver demonstrate denote deplete deposit derive "
    "describe destroy detect determine develop dictate differentiate diffuse digest diminish direct disable "
    "discover discourage disrupt dissolve distinguish distribute divide dominate drive eat eliminate embrace "
    "emerge emit employ enable encode encompass encounter encourage encrypt enforce enhance enlarge ensure "
    "enter equal erode establish evaluate evaporate evolve examine exceed excite exclude execute exhibit "
    "exist expand expel explain express extend extract facilitate favor favour feed ferment fertilize finance "
    "find follow forbid foster found fuse gain generate get give govern grow guarantee happen help heat "
    "hinder hydrolyze identify illustrate implement impose improve include incorporate indicate induce "
    "influence inherit inhibit inject insert inspire install integrate interpret introduce invade invent "
    "invest invoke involve ionize isolate keep lack lead learn let live lose lower maintain make manage "
    "manipulate manufacture measure mediate migrate mimic minimize maximize modify motivate move multiply "
    "neutralize obey observe obtain occupy occur offset operate oppose optimize organize originate outweigh "
    "overcome overlap overthrow own oxidize penetrate perceive perform permit persuade populate possess "
    "precede predict prefer prepare preserve prevent proclaim prohibit promote propel propose protect prove "
    "provide provoke publish pump pursue raise react read receive recognize recycle reflect refract refer "
    "regulate reinforce reject rely remain remove render repel replace replicate represent reproduce require "
    "resemble resolve restrict retain reveal rotate satisfy scatter secrete seek select sell send separate "
    "serialize serve signify simplify solve specify spend stabilize stimulate store strengthen subdivide "
    "substitute suggest suppress surround survive sustain symbolize synchronize synthesize synthesise tell "
    "terminate tolerate transcribe transfer transform translate transmit transport travel traverse trigger "
    "turn unite unify utilize validate vary verify violate weaken weigh wrap write yield abolish accumulate "
    "adjust administer advocate aggregate allege annex annotate anticipate arrange assassinate assert assess "
    "attribute bear begin behead broaden buy cease choose combat commence commission commit communicate "
    "complement complete complicate comply comprehend conceal conclude condense configure confine confront "
    "connect connote constitute consult convince correct crush cultivate damage deal decide deduce delay "
    "delegate delete demand depend depict depose depress designate deter devise die differ disappear discuss "
    "dismiss dispatch displace display dissipate disturb donate draw earn eject elect elevate emphasize "
    "emulate endanger enrich entail enumerate equate escape evoke exploit explore export expose face fall "
    "fill fix flee fly focus force forge formulate free freeze fulfil fulfill function fund gather go grant "
    "guide halt hold house hunt ignite imply import impede impair incur infect infer inform inhabit "
    "initialize initiate inspect interact intercept interfere interrupt join justify kill label launch lay "
    "lie lift link locate magnify mean melt merge mobilize monitor mount name necessitate negate negotiate "
    "normalize nourish open orbit outlaw overwrite parse partition pass pay perpetuate pierce place plant "
    "pollinate pose power precipitate process proliferate purchase purify quantify radiate ratify reach "
    "realize recover reduce release rename render repair repeat request rescue reset resist respond restore "
    "result return reverse revolve rise rule run save say see seize sequester set settle shape share shield "
    "shift sign signal simulate split spread stand start state steer stop streamline stretch strike study "
    "succeed supplement supply support suspend swap switch take target tax teach test think threaten tie "
    "trace track trade train trap treat undergo undermine underlie update uphold use visit wage warm wash win "
    "withdraw work know call show mark change cause control form limit increase decrease demand cost cover "
    "cross claim contact balance attack aim address abandon shrink swell sink rest speed slow pick push wipe "
    "cool cut block bond bind act age rank range return reward score search stress stain stain surface term "
    "touch transfer view want design patent craft weave spin smelt mechanize industrialize hire fire "
    "lend repay save denature hydrate inflate deflate outcompete photosynthesize dehydrate crystallize "
    "sterilize vaccinate commute summon annul ratify repeal amend enact outsell outpace leave wear witness "
    "broadcast benefit fuel host harm grip echo filter flow fold flood trail trust transition"
)
# Of these, the ones that are as often nouns; context decides.
_NOUNS_TOO = word_set(
    "address estimate function fund force form limit increase decrease demand cost cover cross claim contact "
    "balance attack aim change cause control help heat influence import export measure move offset process "
    "produce pump question raise rate read release repeat request result return reverse rise rule run sale "
    "set shape share shield shift sign signal split spread stand start state stop stretch strike study "
    "supplement supply support swap switch target tax test tie trace track trade train trap transfer "
    "transport treat trigger update use view visit wash win work yield show mark rest cool cut block "
    "bond act age rank range reward score search stress stain surface term touch benefit fuel host harm grip "
    "echo filter flow fold flood trail trust transition damage deal delay display draw escape exploit face "
    "fall feed fill fix fly focus free gain grant guide halt hold house hunt join label launch lift link "
    "monitor mount name orbit open overlap pass pay place plant power precipitate purchase reach repair "
    "rescue store travel turn call catch combat compound conduct contract coordinate deposit divide drive "
    "equal find found freeze lack lead lie live permit pose question save sense separate substitute survey "
    "rule structure import process project record balance burn attribute associate aggregate complement "
    "concentrate delegate direct dispatch correct complete close lower warm own excess dissolve select mean "
    "import welcome wear witness broadcast"
)
_NO_PLURAL = word_set(
    "produce read lower lie live transform separate own correct complete equal direct warm open mean join reach"
)
_IRREGULAR = (
    "arise:arose:arisen bear:bore:borne become:became:become begin:began:begun bind:bound:bound "
    "break:broke:broken bring:brought:brought broadcast:broadcast:broadcast build:built:built "
    "burn:burned:burnt buy:bought:bought choose:chose:chosen cost:cost:cost cut:cut:cut deal:dealt:dealt "
    "draw:drew:drawn drive:drove:driven eat:ate:eaten fall:fell:fallen feed:fed:fed find:found:found "
    "flee:fled:fled fly:flew:flown forbid:forbade:forbidden freeze:froze:frozen get:got:gotten "
    "give:gave:given go:went:gone grow:grew:grown hold:held:held keep:kept:kept know:knew:known lay:laid:laid "
    "lead:led:led learn:learned:learnt let:let:let lie:lay:lain lose:lost:lost make:made:made "
    "mean:meant:meant overcome:overcame:overcome overthrow:overthrew:overthrown "
    "overwrite:overwrote:overwritten pay:paid:paid prove:proved:proven put:put:put read:read:read "
    "rise:rose:risen run:ran:run say:said:said see:saw:seen seek:sought:sought sell:sold:sold send:sent:sent "
    "set:set:set shrink:shrank:shrunk show:showed:shown sink:sank:sunk spend:spent:spent split:split:split "
    "spread:spread:spread stand:stood:stood strike:struck:struck swell:swelled:swollen take:took:taken "
    "teach:taught:taught tell:told:told think:thought:thought undergo:underwent:undergone "
    "underlie:underlay:underlain uphold:upheld:upheld wear:wore:worn win:won:won withdraw:withdrew:withdrawn "
    "write:wrote:written"
)
_DOUBLED = word_set(
    "get let put set cut run win stop swap trap wrap propel expel repel compel emit permit commit admit "
    "submit refer confer infer occur incur plan control transfer deter equip ship drop map tap grip rebel "
    "label model cancel travel signal fuel program begin forbid"
)


class VerbForm(NamedTuple):
    """What a word may be as a verb: its base and which of the forms it is."""

    base: str
    form: str  # base, s, past, participle, ing; "past" stands for both where they look the same


def _tables() -> dict[str, VerbForm]:
    forms: dict[str, VerbForm] = {}
    irregular = {row.split(":")[0]: row.split(":")[1:] for row in _IRREGULAR.split()}
    for base in sorted({*_PLAIN.split(), *_NOUNS_TOO, *irregular} - {"do", "have"}):
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
    if word.endswith(("izes", "ises", "ifies")) and len(word) > 6:
        return VerbForm(word[:-3] + "y" if word.endswith("ies") else word[:-1], "s")
    if word.endswith("ing") and len(word) > 5 and (base := _base_of(word[:-3])):
        return VerbForm(base, "ing")
    return None


def _base_of(stem: str) -> str | None:
    for base in (stem, stem + "e", stem[:-1]):
        if base in _FORMS and _FORMS[base].form == "base":
            return base
    return None


def noun_too(base: str, form: str = "base") -> bool:
    """Tell whether a form of a verb is as often a noun."""
    return base in _NOUNS_TOO and not (form == "s" and base in _NO_PLURAL)


def is_verb(base: str) -> bool:
    """Tell whether a word is the base form of a verb we know."""
    known = _FORMS.get(base)
    return known is not None and known.form == "base"

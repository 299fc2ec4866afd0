"""Words of a sentence and their parts of speech, told from closed classes, endings, context and the text itself."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from actors.study import english
from actors.study.offline.verbs import VerbForm, noun_too, verb_form
from actors.study.words import is_plural

_WORD = re.compile(
    r"[^\W\d_](?:[^\W_]|[-'’.&/+#](?=[^\W_]))*(?:\+\+|#)?|\d+(?:[.,:/–-]\d+)*(?:st|nd|rd|th|%|s)?|[^\w\s]|_+",
    re.UNICODE,
)
_NOUNISH = re.compile(
    r"\b(?:the|a|an|of|this|each|its|their|in|by)\s+([a-z][a-z-]+)(?=\s+(?:is|are|was|were|of|in|on|and|or|from|by|with|for|that|which|can|has|have|"
    r"into|through|between)\b|[.,;:)])"
)
_ADJECTIVE = re.compile(
    r"(?:[a-z]{2,}(?:ical|ial|ual|onal|ural|eral|mal|nal|tal|bal|dal|ous|ive|ible|able|ful|less|ary|ory|ish|esque|oid)|[a-z]{3,}ic|[a-z]{2,}(?:ant|ent)|"
    r"[a-z]+(?:-(?:based|like|shaped|rich|free|specific|wide|level|sized|bound|term)))$"
)
_NOUN_ENDING = re.compile(
    r"(?:tion|sion|ment|ness|ity|ism|ist|ance|ence|ship|hood|dom|age|ure|cy|logy|graphy|metry|nomy|sis|cule|phyll|gen|ase|ose|ide|um|ant|ent)$"
)
_NOT_ADJECTIVES = frozenset(
    "animal animals chemical material mineral signal metal capital interval principal journal manual festival arrival removal proposal trial hospital criminal "
    "individual original ideal total rival crystal cathedral general mammal medal petal sepal pedal goal coal deal meal music topic fabric logic traffic republic "
    "clinic critic panic picnic mechanic arithmetic mosaic relic tactic rhetoric electric territory theory history memory factory category laboratory directory "
    "inventory victory story battery industry country century library boundary dictionary salary secretary summary vocabulary glossary capillary "
    "adversary monetary planet "
    "archive detective executive motive native objective perspective initiative narrative incentive derivative alternative relative drive dive hive live five olive "
    "negative positive vegetable table cable variable obstacle parent student agent accident event element continent current component content talent "
    "moment patent president resident nutrient ingredient solvent reagent percent cent rent tent accent patient gradient ancient sediment ant plant giant "
    "merchant servant tenant infant pollutant constant elephant immigrant covenant mutant dish fish finish radish wish parish english british spanish polish "
    "irish public magic basic static plastic elastic ceramic epic comic arctic antarctic atlantic pacific fungus virus nucleus".split()
)
_TRUE_ADJECTIVES = frozenset(
    "ancient constant current basic static plastic elastic general original ideal total individual public chemical electric monetary".split()
)
_ADVERB = re.compile(r"[a-z]{3,}ly$")
_LY_NOUNS = frozenset(
    "family supply assembly anomaly monopoly ally italy july reply fly multiply apply rely imply comply early daily friendly costly likely unlikely elderly only "
    "deadly lively lovely lonely orderly ugly holy silly weekly monthly yearly hourly bodily scholarly oligopoly butterfly jelly belly bully".split()
)
_OUGHT_ED = frozenset(
    "need seed speed breed feed weed bed red shed sled embed exceed proceed succeed bleed greed reed deed creed indeed hundred sacred naked wicked kindred united".split()
)


@dataclass(slots=True)
class Token:
    """A word or mark, where it stands in its sentence, and its part of speech.

    Tags: D determiner, Q number, P preposition, T "to" before a verb, C coordinator, S subordinator, W relative, O pronoun, B be,
    H have, A do, M modal, X negation, R adverb, J adjective, N noun, V finite verb, E past or participle, G -ing, or the mark itself.
    """

    text: str
    low: str
    start: int
    end: int
    tag: str = "N"
    verb: VerbForm | None = None


class Lexicon:
    """What a text itself shows of its words: which of them it uses as nouns, and which it writes as names."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._nounish: Counter[str] = Counter()
        self._names: Counter[str] = Counter()
        self._lower: Counter[str] = Counter()
        for text in texts:
            self._nounish.update(_NOUNISH.findall(text))
            for word in re.findall(r"(?<=[a-z,;] )([A-Z]?[a-z][\w-]+)", text):
                (self._names if word[0].isupper() else self._lower)[word.lower()] += 1

    def nounish(self, word: str) -> int:
        """Give how often a word stands where only a noun can."""
        return self._nounish[word]

    def name(self, word: str) -> bool:
        """Tell whether the text writes a word with a capital in the middle of sentences."""
        low = word.lower()
        return self._names[low] > self._lower[low]


def tag(sentence: str, lexicon: Lexicon) -> list[Token]:
    """Cut a sentence into words and marks and give each its part of speech."""
    tokens = [Token(m.group(), m.group().lower(), m.start(), m.end()) for m in _WORD.finditer(sentence)]
    for index, token in enumerate(tokens):
        token.tag = _class(token, index, lexicon)
    for index in range(len(tokens)):
        _settle(tokens, index, lexicon)
    return tokens


def _class(token: Token, index: int, lexicon: Lexicon) -> str:  # noqa: C901, PLR0911, PLR0912 - one line a class
    low = token.low
    if not (low[0].isalnum()):
        return token.text if token.text not in '“”«»"' else '"'
    if low[0].isdigit() or low in english.NUMBERS:
        return "Q"
    if (
        index
        and token.text[0].isupper()
        and not token.text.isupper()
        and low not in {"i"}
        and low not in english.FUNCTION_WORDS
    ):
        return "N"  # a name in the middle of a sentence
    if len(token.text) > 1 and token.text.isupper() and low not in {"the", "of", "and", "in", "is", "are", "a"}:
        return "N"
    for tag_, words in _CLASSES:
        if low in words:
            return tag_
    if low in _LY_NOUNS:
        return (
            "J"
            if low in english.ADJECTIVES or low in {"daily", "friendly", "costly", "elderly"}
            else "N"
            if not verb_form(low)
            else _verbal(token, lexicon)
        )
    if _ADVERB.match(low):
        return "R"
    if low in english.ADJECTIVES:
        return "J"
    return _verbal(token, lexicon)


_CLASSES: tuple[tuple[str, frozenset[str]], ...] = (
    ("B", english.BE),
    ("H", english.HAVE),
    ("A", english.DO),
    ("M", english.MODALS),
    ("X", frozenset({"not", "never", "n't", "hardly", "rarely", "seldom", "scarcely", "nor", "without", "barely"})),
    ("C", english.COORDINATORS),
    ("W", english.RELATIVES),
    ("S", english.SUBORDINATORS),
    ("D", english.DETERMINERS - {"which", "whose", "what", "that"}),
    ("P", english.PREPOSITIONS),
    ("O", english.PRONOUNS),
    ("R", english.ADVERBS),
)


def _verbal(token: Token, lexicon: Lexicon) -> str:
    low = token.low
    form = verb_form(low)
    token.verb = form
    if form is not None:
        if form.form in ("past", "participle"):
            return "E"
        if form.form == "ing":
            return "G"
        return "V"
    if low.endswith("ed") and len(low) > 4 and low not in _OUGHT_ED and not low.endswith("eed"):  # noqa: PLR2004 - "bed", "shed"
        return "E"
    if (
        low.endswith("ing")
        and len(low) > 5
        and low not in {"during", "spring", "string", "nothing", "something", "evening", "morning", "ceiling"}
    ):  # noqa: PLR2004
        return "G"
    if _ADJECTIVE.match(low) and (low not in _NOT_ADJECTIVES or low in _TRUE_ADJECTIVES):
        return "J"
    return "N"


_BEFORE_NOUN = frozenset("DJPQ")


def _settle(tokens: list[Token], index: int, lexicon: Lexicon) -> None:
    token = tokens[index]
    before = tokens[index - 1] if index else None
    after = tokens[index + 1] if index + 1 < len(tokens) else None
    prior = before.tag if before else ""
    following = after.tag if after else "."
    if token.low == "to":
        token.tag = "T" if after and after.tag == "V" and after.verb and after.verb.form == "base" else "P"
        if after and after.tag in "BHA" and after.low in {"be", "have", "do"}:
            token.tag = "T"
    elif token.low == "that":
        # "that" before a verb relates, after a verb or before a subject subordinates, before a noun at the start points.
        token.tag = "W" if prior in ("N", ",", ")") or following in "VBHMA" else "S"
        if not before or prior in "PV" and following in "NJ":
            token.tag = "D"
    elif token.tag == "V":
        _settle_verb(token, tokens, index, lexicon)
    elif token.tag == "J" and following not in "NJEGVQ-" and _noun_after_all(token, prior, following, lexicon):
        token.tag = "N"
    elif token.tag == "G" and prior in ("D", "J") and following not in "DNJ":
        token.tag = "N"
    elif token.tag == "O" and following in "NJ" and token.low in english.DETERMINERS:
        token.tag = "D"
    elif token.tag == "H" and token.low == "having":
        token.tag = "G"


def _noun_after_all(token: Token, prior: str, following: str, lexicon: Lexicon) -> bool:
    """Tell whether a word that is mostly an adjective is the noun of its phrase: "absorbs light"."""
    if token.low in _ALSO_NOUNS:
        return prior not in ("B", "R") or following in ("B", "V")
    return following not in ("C", ",") and prior != "B" and lexicon.nounish(token.low) >= 2  # noqa: PLR2004 - once may be a misreading


def _settle_verb(token: Token, tokens: list[Token], index: int, lexicon: Lexicon) -> None:  # noqa: C901, PLR0911, PLR0912 - a table of contexts
    assert token.verb is not None
    before = tokens[index - 1] if index else None
    after = tokens[index + 1] if index + 1 < len(tokens) else None
    prior = before.tag if before else ""
    following = after.tag if after else "."
    form, nounlike = token.verb.form, noun_too(token.verb.base)
    if prior in ("T", "M", "A"):
        return
    if prior == "R" and index > 1 and tokens[index - 2].tag in ("T", "M", "A"):
        return
    if form == "s" and before is not None and before.low in ("this", "that"):
        before.tag = "O"
        return
    if (
        prior in _BEFORE_NOUN
        and (before is None or before.low != "to")
        or (before and before.text.endswith(("'s", "’s")))
    ):
        token.tag = "N"
        return
    if form == "preterite":
        return
    if prior in ("B", "H"):
        token.tag = "N"
        return
    if form == "base":
        if before is None:
            token.tag = "N" if nounlike or following in "BVHM" else "V"
        elif prior == "N" and not is_plural(before.text):
            # After a singular noun a base form is no verb: "heat transfer", "food supply".
            token.tag = "N" if nounlike else "V"
        elif (
            prior == "N"
            and nounlike
            and following in ("B", "V", "M", "H", "P", "C", ".", ",", "W")
            and before.low not in _PLAIN_PLURALS
        ):
            token.tag = "N" if following in ("B", "V", "M", "H") else "V"
        elif prior in (",", "C", "(", '"') and nounlike:
            token.tag = "V" if following in ("D", "O") else "N"
        elif prior in ("E", "G", "V"):
            token.tag = "N"
        return
    # Third person: a plural noun looks the same.
    if not nounlike:
        return
    if following in ("B", "V", "M", "H") or (after is not None and after.low == "of"):
        token.tag = "N"
    elif prior == "N" and before is not None:
        token.tag = "N" if is_plural(before.text) or following in (".", ",", "C", ")", "W") else "V"
        if token.tag == "V" and following == "P" and lexicon.nounish(token.low) > 1:
            token.tag = "N"
    elif prior in ("W", "O", "R", ")"):
        return
    elif prior in ("C", ","):
        token.tag = "V" if following in ("D", "O") else "N"
    else:
        token.tag = "N"


_ALSO_NOUNS = frozenset(
    "light liquid solid human cold constant variable individual total maximum minimum average".split()
)
_PLAIN_PLURALS = frozenset("plants cells people animals organisms scientists users".split())

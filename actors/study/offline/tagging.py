"""Words of a sentence and their parts of speech, told from closed classes, endings, context and the text itself."""
# ruff: noqa: PLR0911, PLR2004 - the forms of English, a case a line

from __future__ import annotations

import re

from actors.study import english
from actors.study.english import word_set
from actors.study.offline.context import settle
from actors.study.offline.lexicon import Lexicon
from actors.study.offline.tokens import Token
from actors.study.offline.verbs import verb_form

_WORD = re.compile(
    r"[^\W\d_](?:[^\W_]|_+(?=[^\W_])|[-'\u2019.&/+#](?=[^\W_]))*(?:\+\+|#)?|\d+(?:[.,:/\u2013-]\d+)*(?:st|nd|rd|th|%|s)?|[^\w\s]|_+",
    re.UNICODE,
)
_ADJECTIVE = re.compile(
    r"(?:[a-z]{2,}(?:al|ous|ive|ible|able|ful|less|ary|ory|ish|esque|oid)|[a-z]{3,}ic|[a-z]{2,}(?:ant|(?<!m)ent)|"
    r"[a-z]+(?:-(?:based|like|shaped|rich|free|specific|wide|level|sized|bound|term)))$"
)
_NOUN_ENDING = re.compile(
    r"(?:tion|sion|ment|ness|ity|ism|ist|ance|ence|ship|hood|dom|age|ure|cy|logy|graphy|metry|nomy|sis|"
    r"cule|phyll|gen|ase|ose|ide|um|ant|ent)$"
)
_NOT_ADJECTIVES = word_set(
    "animal animals chemical material mineral signal metal capital interval principal journal manual festival "
    "arrival removal proposal trial hospital criminal individual original ideal total rival crystal cathedral "
    "general mammal medal petal sepal pedal goal coal deal meal music topic fabric logic traffic republic "
    "clinic critic panic picnic mechanic arithmetic mosaic relic tactic rhetoric electric territory theory "
    "history memory factory category laboratory directory inventory victory story battery industry country "
    "century library boundary dictionary salary secretary summary vocabulary glossary capillary adversary "
    "monetary planet canal cereal funeral coral renewal withdrawal approval survival denial burial dial "
    "refusal disposal carnival terminal ritual memorial tutorial editorial credential potential differential "
    "initial official appraisal betrayal rehearsal removal sandal scandal vandal locomotive accident archive "
    "detective executive motive native objective perspective initiative narrative incentive derivative "
    "alternative relative drive dive hive live five olive negative positive vegetable table cable variable "
    "obstacle parent student agent accident event element continent current component content talent moment "
    "patent president resident nutrient ingredient solvent reagent percent cent rent tent accent patient "
    "gradient ancient sediment ant plant giant merchant servant tenant infant pollutant constant elephant "
    "immigrant covenant mutant dish fish finish radish wish parish english british spanish polish irish "
    "public magic basic static plastic elastic ceramic epic comic arctic antarctic atlantic pacific fungus "
    "virus nucleus"
)
_TRUE_ADJECTIVES = word_set(
    "ancient constant current basic static plastic elastic general original ideal total individual public "
    "chemical electric monetary"
)
_ADVERB = re.compile(r"[a-z]{3,}ly$")
_LY_NOUNS = word_set(
    "family supply assembly anomaly monopoly ally italy july reply fly multiply apply rely imply comply early "
    "daily friendly costly likely unlikely elderly only deadly lively lovely lonely orderly ugly holy silly "
    "weekly monthly yearly hourly bodily scholarly oligopoly butterfly jelly belly bully"
)
_OUGHT_ED = word_set(
    "need seed speed breed feed weed bed red shed sled embed exceed proceed succeed bleed greed reed deed "
    "creed indeed hundred sacred naked wicked kindred united"
)


def tag(sentence: str, lexicon: Lexicon) -> list[Token]:
    """Cut a sentence into words and marks and give each its part of speech."""
    tokens = [Token(m.group(), m.group().lower(), m.start(), m.end()) for m in _WORD.finditer(sentence)]
    for index, token in enumerate(tokens):
        token.tag = _class(token, index)
    for index in range(len(tokens)):
        settle(tokens, index, lexicon)
    return tokens


def _class(token: Token, index: int) -> str:
    low = token.low
    if not (low[0].isalnum()):
        return token.text if token.text not in '“”«»"' else '"'
    if low[0].isdigit() or low in english.NUMBERS:
        return "Q"
    if (
        index
        and token.text[0].isupper()
        and not token.text.isupper()
        and low != "i"
        and low not in english.FUNCTION_WORDS
    ):
        return "N"  # a name in the middle of a sentence
    if len(token.text) > 1 and token.text.isupper() and low not in {"the", "of", "and", "in", "is", "are", "a"}:
        return "N"
    if low in _CLOSED:
        return _CLOSED[low]
    if low in _LY_NOUNS:
        return (
            "J"
            if low in english.ADJECTIVES or low in {"daily", "friendly", "costly", "elderly"}
            else "N"
            if not verb_form(low)
            else _verbal(token)
        )
    if _ADVERB.match(low):
        return "R"
    if low in english.ADJECTIVES:
        return "J"
    return _verbal(token)


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

# Of a word in several classes, the first one listed counts.
_CLOSED = {word: tag_ for tag_, words in reversed(_CLASSES) for word in words}


def _verbal(token: Token) -> str:
    low = token.low
    if "-" in low and low.endswith(("ing", "ed", "en")):
        return "J"  # "fuzzy-appearing", "steam-powered"
    form = verb_form(low)
    token.verb = form
    if form is not None:
        if form.form in ("past", "participle"):
            return "E"
        if form.form == "ing":
            return "G"
        return "V"
    if low.endswith("ed") and len(low) > 4 and low not in _OUGHT_ED and not low.endswith("eed"):
        return "E"
    if (
        low.endswith("ing")
        and len(low) > 5
        and low not in {"during", "spring", "string", "nothing", "something", "evening", "morning", "ceiling"}
    ):
        return "G"
    if _ADJECTIVE.match(low) and (low not in _NOT_ADJECTIVES or low in _TRUE_ADJECTIVES):
        return "J"
    return "N"

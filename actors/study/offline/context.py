"""Parts of speech settled by what stands around a word."""
# ruff: noqa: C901, PLR0911, PLR0912, PLR2004 - the forms of English, a case a line

from __future__ import annotations

from actors.study import english
from actors.study.english import word_set
from actors.study.offline.lexicon import Lexicon
from actors.study.offline.tokens import Token
from actors.study.offline.verbs import noun_too
from actors.study.words import is_plural

_BEFORE_NOUN = frozenset("DJPQ")


def settle(tokens: list[Token], index: int, lexicon: Lexicon) -> None:
    """Correct the part of speech of one word by its neighbours; words are settled from left to right."""
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
        # "that" before a verb relates, after a verb subordinates, before a noun at the start points.
        token.tag = "W" if prior in ("N", ",", ")") or following in "VBHMA" else "S"
        if not before or (prior in "PV" and following in "NJ"):
            token.tag = "D"
    elif token.tag == "V":
        _settle_verb(token, tokens, index, lexicon)
    elif (
        (token.tag == "J" and following not in "NJEGVQ-" and _noun_after_all(token, prior, following, lexicon))
        or (token.tag == "J" and _closes_phrase(tokens, index))
        or (token.tag == "G" and prior in ("D", "J") and following not in "DNJ")
    ):
        token.tag = "N"
    elif token.tag == "O" and following in "NJ" and token.low in english.DETERMINERS:
        token.tag = "D"
    elif token.tag == "H" and token.low == "having":
        token.tag = "G"


def _closes_phrase(tokens: list[Token], index: int) -> bool:
    """Tell whether a phrase that an article opened ends with this word, which must then be its noun: "a locomotive"."""
    if tokens[index].low in english.ADJECTIVES or "-" in tokens[index].low:
        return False
    following = [token.tag for token in tokens[index + 1 : index + 3]] or ["."]
    if following[0] not in (".", "P", "W", "B", "V", "M", ")", ";") and following[:2] not in (
        ["C", "P"],
        [",", "C"],
        [",", "W"],
    ):
        return False
    place = index - 1
    while place >= 0 and tokens[place].tag in ("J", "R", "Q"):
        place -= 1
    return place >= 0 and tokens[place].low in ("a", "an", "the")


def _noun_after_all(token: Token, prior: str, following: str, lexicon: Lexicon) -> bool:
    """Tell whether a word that is mostly an adjective is the noun of its phrase: "absorbs light"."""
    if token.low in _ALSO_NOUNS:
        return prior not in ("B", "R") or following in ("B", "V")
    return following not in ("C", ",") and prior != "B" and lexicon.nounish(token.low) >= 2


def _settle_verb(token: Token, tokens: list[Token], index: int, lexicon: Lexicon) -> None:
    assert token.verb is not None
    before = tokens[index - 1] if index else None
    after = tokens[index + 1] if index + 1 < len(tokens) else None
    prior = before.tag if before else ""
    following = after.tag if after else "."
    form, nounlike = token.verb.form, noun_too(token.verb.base, token.verb.form)
    if prior in ("T", "M", "A"):
        return
    if prior == "R" and index > 1 and tokens[index - 2].tag in ("T", "M", "A"):
        return
    if form == "s" and before is not None and before.low in ("this", "that"):
        before.tag = "O"
        return
    if (prior in _BEFORE_NOUN and (before is None or before.low != "to")) or (
        before and before.text.endswith(("'s", "\u2019s"))
    ):
        token.tag = "N"
        return
    if form == "preterite":
        return
    if prior in ("B", "H"):
        token.tag = "N"
        return
    if form == "base":
        if before is None or before.tag == "S":
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
        # A plural noun does not describe another: "and releases oxygen" is a verb.
        token.tag = "V" if following in ("D", "O", "N", "J") else "N"
    elif prior == "G" and following in ("P", "D", "N", "J"):
        return
    elif before is None or before.low[0].isalnum():
        token.tag = "N"


_ALSO_NOUNS = word_set("key light liquid solid human cold constant variable individual total maximum minimum average")


_PLAIN_PLURALS = word_set("plants cells people animals organisms scientists users")

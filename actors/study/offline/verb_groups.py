"""Verb groups: "has not been produced" as one passive verb, denied."""
# ruff: noqa: C901, PLR0912 - the forms of English, a case a line

from __future__ import annotations

from actors.study import english
from actors.study.offline.chunks import Chunk
from actors.study.offline.tokens import Token


def verb_group(tokens: list[Token], index: int) -> Chunk | None:
    """Give the verb group that begins at a word, with its voice, form and whether it is denied or doubted, or none."""
    token = tokens[index]
    if token.tag not in ("M", "B", "H", "A", "V", "E", "G", "T", "X"):
        return None
    if token.tag == "X" and (index + 1 >= len(tokens) or tokens[index + 1].tag not in ("V", "E", "B", "M", "H")):
        return None
    helpers: list[Token] = []
    position = index
    while position < len(tokens):
        word = tokens[position]
        if word.tag in ("M", "B", "H", "A", "T", "X"):
            helpers.append(word)
        elif not (word.tag == "R" and helpers):
            break
        position += 1
    main = tokens[position] if position < len(tokens) else None
    tags = "".join(word.tag for word in helpers)
    doubtful = "X" in tags or any(
        word.low in english.DOUBTS or word.low in english.NEGATIONS or word.low.endswith("n't") for word in helpers
    )
    doubtful = doubtful or any(
        word.low
        in (
            "hardly",
            "rarely",
            "once",
            "formerly",
            "previously",
            "allegedly",
            "supposedly",
            "perhaps",
            "possibly",
            "almost",
        )
        for word in tokens[index:position]
    )
    kind, base = "", ""
    if main is not None and main.tag in ("V", "E", "G"):
        base = main.verb.base if main.verb else main.low
        if not helpers:
            kind = main.tag
        elif "T" in tags:
            kind = "I"
        elif main.tag == "E":
            kind = "U" if "B" in tags else "V" if "H" in tags else ""
        elif main.tag == "G":
            kind = "V" if "B" in tags else ""
        elif main.verb and main.verb.form == "base":
            kind = "V" if ("M" in tags or "A" in tags) else ""
    if kind:
        last = position
    else:
        # No main verb: "be" alone, or "have" as the verb itself.
        last = position - 1
        while last > index and tokens[last].tag == "R":
            last -= 1
        if "T" in tags:
            kind, base = "I", "be" if "B" in tags else ""
        elif "B" in tags:
            kind = "B"
        elif "H" in tags:
            kind, base = "V", "have"
        else:
            return None
    chunk = Chunk(kind, index, last, token.start, tokens[last].end, base=base, doubtful=doubtful)
    chunk.form = _form(helpers, main if last == position else None)
    return chunk


def _form(helpers: list[Token], main: Token | None) -> str:
    first = helpers[0] if helpers else main
    if first is None:
        return "past"
    if first.tag == "X" and len(helpers) == 1 and main is not None:
        first = main
    if first.low in ("is", "has", "does", "'s", "was"):
        return "s"
    if first.low in ("are", "have", "do", "'re", "were"):
        return "base"
    if first.tag == "M":
        return "modal"
    if first.verb is not None:
        return {"s": "s", "base": "base"}.get(first.verb.form, "past")
    return "past"

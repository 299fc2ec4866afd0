"""Noun phrases and verb groups: a tagged sentence as a short row of chunks."""

from __future__ import annotations

from dataclasses import dataclass

from actors.study import english
from actors.study.offline.tagging import Lexicon, Token
from actors.study.words import is_plural, term_key

_NEGATIVE_DETERMINERS = frozenset("no neither few fewer little less any nothing".split())
# "higher frequencies" says something of a comparison, not of frequencies.
_COMPARATIVES = frozenset(
    "more longer shorter higher lower larger smaller bigger better worse stronger weaker faster slower greater thicker thinner further".split()
)
_MOST_WORDS = 5


@dataclass(slots=True)
class Chunk:
    """A noun phrase (N), copula (B), active (V) or passive (U) verb group, participle (E, G), infinitive (I), or one word."""

    kind: str
    first: int
    last: int
    start: int
    end: int
    # of a noun phrase
    label: str = ""
    key: str = ""
    head: str = ""
    determiner: str = ""
    plural: bool = False
    negative: bool = False
    name: bool = False
    # of a verb group
    base: str = ""
    form: str = ""  # s, base, past, modal
    doubtful: bool = False
    counted: bool = False


def chunks_of(sentence: str, tokens: list[Token], lexicon: Lexicon) -> list[Chunk]:
    """Group tagged words into chunks, in order; every word belongs to exactly one."""
    chunks: list[Chunk] = []
    index = 0
    while index < len(tokens):
        chunk = _noun_phrase(sentence, tokens, index, lexicon) or _verb_group(tokens, index) or _single(tokens, index)
        chunks.append(chunk)
        index = chunk.last + 1
    return chunks


def _single(tokens: list[Token], index: int) -> Chunk:
    token = tokens[index]
    return Chunk(token.tag, index, index, token.start, token.end, base=token.low)


def _noun_phrase(sentence: str, tokens: list[Token], index: int, lexicon: Lexicon) -> Chunk | None:
    head = -1
    position = index
    while position < len(tokens) and _continues(tokens, position, index, lexicon):
        token = tokens[position]
        if token.tag == "N":
            if head >= 0 and _breaks(tokens, head, position):
                break
            head = position
        elif token.tag == "G" and _gerund(tokens, position, index, lexicon):
            head = position
        position += 1
    if head < 0:
        return None
    return _phrase(sentence, tokens, index, head)


def _continues(tokens: list[Token], position: int, first: int, lexicon: Lexicon) -> bool:  # noqa: PLR0911 - one return a tag
    token = tokens[position]
    prior = tokens[position - 1] if position > first else None
    following = tokens[position + 1].tag if position + 1 < len(tokens) else "."
    match token.tag:
        case "N":
            return True
        case "D":
            return prior is None or prior.tag in ("D", "Q")
        case "Q":
            return (
                prior is None
                or prior.tag in ("D", "J", "Q")
                or (prior.tag == "N" and token.text.isdigit() and len(token.text) < 3)
            )  # noqa: PLR2004
        case "J":
            return (
                prior is None
                or prior.tag in ("D", "J", "Q", "R", "E", ",", "-", "C")
                or prior.text.endswith(("'s", "’s"))
            )
        case "E":
            return (
                following in ("N", "J", "G")
                and (prior is None or prior.tag in ("D", "J", "Q", "R"))
                and _attributive(tokens, position)
            )
        case "G":
            return _gerund(tokens, position, first, lexicon) or (
                following == "N"
                and prior is not None
                and prior.tag in ("D", "J")
                or (following == "N" and lexicon.nounish(token.low) > 1)
            )
        case "R":
            # "a highly reactive gas": inside, before an adjective
            return prior is not None and prior.tag in ("D", "J") and following in ("J", "E")
        case ",":
            return prior is not None and prior.tag == "J" and following == "J"
        case "C":
            # "red and blue light"
            beyond = tokens[position + 2].tag if position + 2 < len(tokens) else "."
            return (
                token.low in ("and", "or")
                and prior is not None
                and prior.tag == "J"
                and following == "J"
                and beyond == "N"
            )
    return False


def _attributive(tokens: list[Token], position: int) -> bool:
    """Tell whether a participle before a noun describes it, rather than being the verb of what stands before."""
    before = tokens[position - 1] if position else None
    return before is None or before.tag not in ("N", ")", "O", "W")


def _gerund(tokens: list[Token], position: int, first: int, lexicon: Lexicon) -> bool:
    """Tell whether an -ing word is itself the noun: "breathing", "the folding of proteins"."""
    following = tokens[position + 1] if position + 1 < len(tokens) else None
    if following is not None and (following.tag in ("D", "N", "J", "O", "Q", "E", "G", "R") or following.low == "to"):
        return False
    prior = tokens[position - 1] if position > first else None
    if prior is not None and prior.tag == "N":
        return lexicon.nounish(tokens[position].low) > 1
    return (
        prior is not None
        or following is None
        or following.tag in ("B", "V", "M", "C", ",", ".", "H")
        or following.low == "of"
    )


def _breaks(tokens: list[Token], head: int, position: int) -> bool:
    """Tell whether two nouns side by side are two phrases: a common plural does not describe what follows it."""
    before, token = tokens[head], tokens[position]
    if (
        head != position - 1
        or before.text.endswith(("'s", "’s"))
        or before.text[0].isupper()
        or token.text[0].isupper()
    ):
        return False
    low = before.low
    return (
        is_plural(before.text)
        and not low.endswith(("ics", "ss"))
        and low not in ("data", "sales", "systems", "goods", "arms", "media", "bacteria", "sports", "operations")
    )


def _phrase(sentence: str, tokens: list[Token], first: int, head: int) -> Chunk:
    words = tokens[first : head + 1]
    determiner = ""
    negative = any(word.low in _NEGATIVE_DETERMINERS for word in words if word.tag in ("D", "O"))
    negative = negative or any(word.low in _COMPARATIVES for word in words[:-1])
    start = 0
    while start < len(words) - 1:
        word = words[start]
        named = word.text[0].isupper() and first + start > 0 and words[start + 1].text[0].isupper()
        if word.tag in ("D", "Q", "R", ",") or (word.low in english.LOOSE_ADJECTIVES and not named):
            determiner = word.low if word.tag == "D" else determiner
            start += 1
        else:
            break
    joint = [number for number, word in enumerate(words) if word.tag == "C"]
    start = max(start, joint[-1] + 1) if joint else start
    owners = [
        number for number, word in enumerate(words[:-1]) if word.text.endswith(("'s", "’s")) and word.text[0].islower()
    ]
    start = max(start, owners[-1] + 1) if owners else start
    core = words[start:]
    label = " ".join(sentence[core[0].start : core[-1].end].split())
    label = _lowered(label, core, first + start == 0)
    last = words[-1]
    for ending in ("'s", "’s"):
        label = label.removesuffix(ending)
    return Chunk(
        "N",
        first,
        head,
        tokens[first].start,
        tokens[head].end,
        label=label,
        key=term_key(label) if len(core) <= _MOST_WORDS else "",
        head=last.low,
        determiner=determiner,
        plural=is_plural(last.text),
        form="other" if any(word.low == "other" for word in words[:start]) else "",
        negative=negative,
        counted=any(word.tag == "Q" for word in words),
        name=all(word.text[0].isupper() for word in core if len(word.text) > 3)
        and core[-1].text[0].isupper()
        and first + start > 0,  # noqa: PLR2004
    )


def _lowered(label: str, core: list[Token], opens: bool) -> str:
    """Undo the capital that only opens the sentence; assembling settles which spelling is the common one."""
    word = core[0].text
    if opens and len(word) > 1 and word[1:].islower() and not (len(core) > 1 and core[1].text[0].isupper()):
        return label[0].lower() + label[1:]
    return label


def _verb_group(tokens: list[Token], index: int) -> Chunk | None:  # noqa: C901, PLR0912 - the shape of the English verb
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
    doubtful = "X" in tags or any(word.low in english.DOUBTS or word.low.endswith("n't") for word in helpers)
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

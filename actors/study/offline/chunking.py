"""Noun phrases and verb groups: a tagged sentence as a short row of chunks."""
# ruff: noqa: PLR0911, PLR2004 - the forms of English, a case a line

from __future__ import annotations

from dataclasses import replace

from actors.study import english
from actors.study.english import word_set
from actors.study.offline.chunks import Chunk
from actors.study.offline.lexicon import Lexicon
from actors.study.offline.tokens import Token
from actors.study.offline.verb_groups import verb_group
from actors.study.words import is_plural, term_key

_NEGATIVE_DETERMINERS = word_set("no neither few fewer little less any nothing")
# "higher frequencies" says something of a comparison, not of frequencies.
_COMPARATIVES = word_set(
    "more longer shorter higher lower larger smaller bigger better worse stronger weaker faster slower "
    "greater thicker thinner further"
)
_MOST_WORDS = 5


def chunks_of(sentence: str, tokens: list[Token], lexicon: Lexicon) -> list[Chunk]:
    """Group tagged words into chunks, in order; every word belongs to exactly one."""
    chunks: list[Chunk] = []
    index = 0
    while index < len(tokens):
        chunk = _noun_phrase(sentence, tokens, index, lexicon) or verb_group(tokens, index) or _single(tokens, index)
        index = chunk.last + 1
        if len(chunks) > 1 and _one_name(chunks[-2], chunks[-1], chunk):
            chunk = _joined(sentence, chunks[-2], chunk)
            del chunks[-2:]
        chunks.append(chunk)
    return chunks


def _one_name(owner: Chunk, of: Chunk, owned: Chunk) -> bool:
    """Tell whether three chunks are one name: "Committee of Public Safety"."""
    if not (owner.kind == "N" and of.base == "of" and owned.kind == "N"):
        return False
    return owner.label[:1].isupper() and owned.label[:1].isupper() and owned.determiner in ("", "the")


def _joined(sentence: str, owner: Chunk, owned: Chunk) -> Chunk:
    start = sentence.rindex(owner.label, owner.start, owner.end) if owner.label in sentence else owner.start
    label = " ".join(sentence[start : owned.end].split())
    return replace(owner, last=owned.last, end=owned.end, label=label, key=term_key(label), name=True)


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
    return _phrase(sentence, tokens, index, head, lexicon)


def _continues(tokens: list[Token], position: int, first: int, lexicon: Lexicon) -> bool:
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
            )
        case "J":
            return (
                prior is None
                or prior.tag in ("D", "J", "Q", "R", "E", ",", "-", "C")
                or prior.text.endswith(("'s", "\u2019s"))
            )
        case "E":
            return (
                following in ("N", "J", "G")
                and (prior is None or prior.tag in ("D", "J", "Q", "R"))
                and _attributive(tokens, position)
            )
        case "G":
            return _gerund(tokens, position, first, lexicon) or (
                (following == "N" and prior is not None and prior.tag in ("D", "J"))
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
        or before.text.endswith(("'s", "\u2019s"))
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


def _phrase(sentence: str, tokens: list[Token], first: int, head: int, lexicon: Lexicon) -> Chunk:
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
        number
        for number, word in enumerate(words[:-1])
        if word.text.endswith(("'s", "\u2019s")) and word.text[0].islower()
    ]
    start = max(start, owners[-1] + 1) if owners else start
    start = max(start, _named_after(words, start))
    core = words[start:]
    label = " ".join(sentence[core[0].start : core[-1].end].split())
    label = _lowered(label, core, first + start == 0 and not lexicon.name(core[0].text))
    last = words[-1]
    for ending in ("'s", "\u2019s"):
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
        and first + start > 0,
    )


def _named_after(words: list[Token], start: int) -> int:
    """Give where the name begins in "the English inventor Thomas Newcomen"; a single letter is no name: "vitamin C"."""
    for number in range(len(words) - 1, start, -1):
        word, before = words[number], words[number - 1]
        if not word.text[0].isupper():
            return start
        if before.tag == "N" and before.text.islower() and not before.text.endswith(("'s", "\u2019s")):
            several = number < len(words) - 1 or (len(word.text) > 2 and not set(word.text) <= set("IVXLC"))
            return number if several else start
    return start


def _lowered(label: str, core: list[Token], opens: bool) -> str:
    """Undo the capital that only opens the sentence; assembling settles which spelling is the common one."""
    word = core[0].text
    if opens and len(word) > 1 and word[1:].islower() and not (len(core) > 1 and core[1].text[0].isupper()):
        return label[0].lower() + label[1:]
    return label

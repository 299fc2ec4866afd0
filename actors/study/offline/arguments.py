"""The terms that noun phrases name, one by one and in lists."""
# ruff: noqa: C901, PLR2004 - the forms of English, a case a line

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from actors.study import english
from actors.study.offline.chunks import Chunk


class Argument(NamedTuple):
    """A term at one end of a relation: its key, and how the sentence writes it."""

    key: str
    label: str


def argument_at(chunks: list[Chunk], place: int) -> Argument | None:
    """Give the term that a noun phrase names, with its "of" part where the head alone says too little."""
    chunk = chunks[place]
    if (
        chunk.kind != "N"
        or not chunk.key
        or chunk.head in english.PRONOUNS
        or chunk.determiner in ("this", "these", "those", "such", "another", "what", "whose")
    ):
        return None
    following = chunks[place + 1 : place + 3]
    of = len(following) == 2 and following[0].kind == "P" and following[0].base == "of" and following[1].kind == "N"
    if of and (chunk.head in english.TRANSPARENT or (chunk.head in english.MEASURING and chunk.determiner != "the")):
        return argument_at(chunks, place + 2)
    if chunk.label.lower() in english.GENERIC_NOUNS or (of and chunk.head in english.GENERIC_NOUNS):
        if not of or not following[1].key or following[1].determiner in ("this", "these", "its", "their", "such"):
            return None
        return Argument(f"{chunk.key} of {following[1].key}", f"{chunk.label} of {following[1].label}")
    if chunk.determiner in ("its", "their", "his", "her", "our", "your", "my") and chunk.head in english.GENERIC_NOUNS:
        return None
    return Argument(chunk.key, chunk.label)


def objects_at(chunks: list[Chunk], place: int, *, examples: bool = False) -> Iterator[Argument]:
    """Yield the coordinated noun phrases that begin at a place: "water, light and carbon dioxide".

    Examples of a subject may be followed by its verb: "metals such as copper and silver carry current".
    """
    found: list[int] = []
    while True:
        found.append(place)
        end = object_end(chunks, place)
        follow = end + 1
        if follow < len(chunks) and chunks[follow].kind == ",":
            follow += 1
            if follow < len(chunks) and chunks[follow].kind == "C":
                follow += 1
            elif not _list_goes_on(chunks, follow):
                break
        elif follow < len(chunks) and chunks[follow].kind == "C" and chunks[follow].base in ("and", "or"):
            follow += 1
        else:
            break
        if follow >= len(chunks) or chunks[follow].kind != "N":
            break
        if end > place and not chunks[follow].determiner:
            break  # "the decisions of consumers and producers": part of the "of" phrase as likely
        beyond = chunks[object_end(chunks, follow) + 1 :][:1]
        verb = beyond[0] if beyond and beyond[0].kind in ("V", "B", "U", "M", "E") else None
        if verb is not None and not (examples and verb.form == "base"):
            break  # it is the subject of a new clause
        place = follow
    for head in found:
        # "other tissues" are others than those the sentence spoke of.
        if not chunks[head].negative and chunks[head].form != "other" and (argument := argument_at(chunks, head)):
            yield argument


def object_end(chunks: list[Chunk], place: int) -> int:
    """Give where a noun phrase ends with all its "of" parts."""
    while (
        place + 2 < len(chunks)
        and chunks[place + 1].kind == "P"
        and chunks[place + 1].base == "of"
        and chunks[place + 2].kind == "N"
    ):
        place += 2
    return place


def _list_goes_on(chunks: list[Chunk], place: int) -> bool:
    """Tell whether a comma continues a list: phrases and commas up to an "and" or "or"."""
    while place < len(chunks):
        kind = chunks[place].kind
        if kind == "C" and chunks[place].base in ("and", "or"):
            return place + 1 < len(chunks) and chunks[place + 1].kind == "N"
        if kind not in ("N", ",") and not (kind == "P" and chunks[place].base == "of"):
            return False
        place += 1
    return False


class Claim(NamedTuple):
    """One relation, read from one sentence."""

    source: Argument
    type: str
    target: Argument
    strength: float
    definite: bool = False  # said of "the X", which may be one X spoken of before


def different(one: Argument, other: Argument) -> bool:
    """Tell whether two terms may be related: neither the same, nor one only a word of the other."""
    if one.key == other.key:
        return False
    mine, theirs = f" {one.key} ", f" {other.key} "
    return mine not in theirs or theirs.endswith(mine)

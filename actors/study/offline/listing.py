"""Kinds that a sentence lists: "Ys such as X", "X and other Ys", "X, a Y that ..."."""
# ruff: noqa: C901 - the forms of English, a case a line

from __future__ import annotations

from collections.abc import Iterator

from actors.study import english
from actors.study.offline.arguments import Claim, argument_at, different, object_end, objects_at
from actors.study.offline.chunks import Chunk


def listed_kinds(chunks: list[Chunk]) -> Iterator[Claim]:
    """Read "Ys such as X1 and X2" and "X1, X2 and other Ys"."""
    for index, chunk in enumerate(chunks):
        if chunk.kind == "P" and chunk.base == "as" and index > 1 and chunks[index - 1].base == "such":
            above = index - 2
            if chunks[above].kind == ",":
                above -= 1
            if above < 0 or chunks[above].kind != "N" or not chunks[above].plural or index + 1 >= len(chunks):
                continue
            genus = argument_at(chunks, above)
            if genus is None or chunks[above].head in english.GENERIC_NOUNS:
                continue
            for kind in objects_at(chunks, index + 1, examples=True) if chunks[index + 1].kind == "N" else ():
                if different(kind, genus):
                    yield Claim(kind, "is_a", genus, 1.0)
        elif (
            chunk.kind == "N" and chunk.plural and index > 1 and chunks[index - 1].kind == "C" and chunk.form == "other"
        ):
            genus = argument_at(chunks, index)
            if genus is None or chunk.head in english.GENERIC_NOUNS:
                continue
            place = index - 2
            if chunks[place].kind == ",":
                place -= 1
            beyond = chunks[object_end(chunks, index) + 1 :][:1]
            if place < index - 2 and beyond and beyond[0].kind in ("V", "B", "U", "M", "E"):
                continue  # ", and other developers will ...": a clause of its own
            kind_ = argument_at(chunks, place) if place >= 0 and chunks[place].kind == "N" else None
            if kind_ and different(kind_, genus):
                yield Claim(kind_, "is_a", genus, 0.9)


def appositions(chunks: list[Chunk]) -> Iterator[Claim]:
    """Read "the stroma, a dense fluid that ..."."""
    for index in range(len(chunks) - 3):
        named, comma, kind, after = chunks[index : index + 4]
        if (
            named.kind != "N"
            or comma.kind != ","
            or kind.kind != "N"
            or kind.determiner not in ("a", "an")
            or named.plural
        ):
            continue
        if (index and chunks[index - 1].kind in (",", "C")) or (index == 1 and chunks[0].kind in ("P", "S")):
            continue
        if index > 1 and chunks[index - 1].kind == "P" and chunks[index - 2].kind in (",", "R", "P"):
            continue  # "as in X, a Y ..."
        if any(chunk.kind in ("S", "G", "I") for chunk in chunks[:index]) or any(
            chunk.kind == "P" for chunk in chunks[:1]
        ):
            continue
        if after.kind not in (",", ".", "P", "W", "E", "S") or kind.head in english.GENERIC_NOUNS:
            continue
        beyond = chunks[object_end(chunks, index + 2) + 1 :]
        if beyond and beyond[0].kind in ("V", "B", "U", "C"):
            continue
        one, other = argument_at(chunks, index), argument_at(chunks, index + 2)
        if one and other and different(one, other):
            yield Claim(one, "is_a", other, 0.9)


def examples_of(chunks: list[Chunk], verb: int, head: int) -> Iterator[Claim]:
    """Read "Examples of Ys include X1, X2 and X3"."""
    if head + 2 >= len(chunks) or chunks[head + 1].base != "of" or chunks[head + 2].kind != "N":
        return
    genus, place = argument_at(chunks, head + 2), verb + 1
    while place < len(chunks) and chunks[place].kind in (":", "R"):
        place += 1
    if genus is None or place >= len(chunks) or chunks[place].kind != "N":
        return
    for kind in objects_at(chunks, place):
        if different(kind, genus):
            yield Claim(kind, "is_a", genus, 1.0)

"""What a verb is said of, where the sentence leaves no doubt."""
# ruff: noqa: PLR0911, PLR2004 - the forms of English, a case a line

from __future__ import annotations

from typing import NamedTuple

from actors.study.offline.chunks import Chunk


class Subject(NamedTuple):
    """What a verb is said of."""

    heads: tuple[int, ...]
    first: int


def subject_of(chunks: list[Chunk], index: int, known: dict[int, Subject]) -> Subject | None:
    """Give the noun phrases that a verb group is said of, if the sentence leaves no doubt."""
    verb = chunks[index]
    place = index - 1
    while place >= 0 and chunks[place].kind == "R":
        place -= 1
    if place < 0:
        return None
    before = chunks[place].kind
    if before == "C":
        return _shared(chunks, index, place, known)
    if before == "W":
        return _relative(chunks, place, verb, known)
    place = _skip_aside(chunks, place)
    if place < 0 or chunks[place].kind != "N":
        return None
    heads, first = _heads(chunks, place)
    if not heads or not _opens_clause(chunks, first) or not agrees(chunks, heads, verb):
        return None
    return Subject(tuple(heads), first)


def _shared(chunks: list[Chunk], index: int, place: int, known: dict[int, Subject]) -> Subject | None:
    """Find the subject of "X does this and does that": the nearest verb before, of the same form."""
    for earlier in range(place - 1, -1, -1):
        if chunks[earlier].kind in ("S", "W", ";", ":"):
            return None
        if earlier in known:
            same = chunks[earlier].form == chunks[index].form or {chunks[earlier].form, chunks[index].form} <= {
                "past",
                "s",
            }
            return known[earlier] if (same and chunks[index].kind != "E") or chunks[earlier].kind == "E" else None
    return None


def _relative(chunks: list[Chunk], place: int, verb: Chunk, known: dict[int, Subject]) -> Subject | None:
    """Find what "which" or "that" stands for: the phrase before it, unless a preposition makes that doubtful."""
    noun = place - 1
    if noun >= 0 and chunks[noun].kind == ",":
        noun -= 1
    if noun < 0 or chunks[noun].kind != "N" or not agrees(chunks, [noun], verb):
        return None
    before = chunks[noun - 1] if noun else None
    if before is not None and before.kind == "B" and noun - 1 in known:
        return known[noun - 1]  # "glucose is a sugar that ...": said of glucose
    if before is not None and before.kind in ("P", "C"):
        # "the cells of plants that make food": either may be meant, unless only one agrees with the verb.
        other = chunks[noun - 2] if noun > 1 else None
        if before.kind == "C" or (
            other is not None
            and other.kind == "N"
            and (verb.form not in ("s", "base") or other.plural == chunks[noun].plural)
        ):
            return None
    return Subject((noun,), noun)


def _skip_aside(chunks: list[Chunk], place: int) -> int:
    """Step back over "(ABC)" or ", a kind of thing," to the phrase it belongs to."""
    if chunks[place].kind == ")":
        while place >= 0 and chunks[place].kind != "(":
            place -= 1
        return place - 1
    if chunks[place].kind == ",":
        inside = place - 1
        while inside >= 0 and chunks[inside].kind in ("N", "P", "R", "J", "C"):
            inside -= 1
        opened = (
            inside >= 1
            and chunks[inside].kind == ","
            and inside + 1 < place
            and chunks[inside + 1].kind in ("N", "P", "R")
        )
        if (
            opened
            and chunks[inside - 1].kind == "N"
            and "C" not in [chunk.kind for chunk in chunks[inside + 1 : place]]
        ):
            return inside - 1
        return -1
    return place


def _heads(chunks: list[Chunk], place: int) -> tuple[list[int], int]:
    """Give the heads of the coordinated phrases that end at ``place``, and where they begin."""
    heads: list[int] = []
    while True:
        head = place
        while head >= 2 and chunks[head - 1].kind == "P" and chunks[head - 2].kind == "N":
            head -= 2
        heads.insert(0, head)
        mark = head - 1
        if mark >= 1 and chunks[mark].kind == "C" and chunks[mark].base in ("and", "or"):
            mark -= 1
            if mark >= 1 and chunks[mark].kind == ",":
                mark -= 1
            if chunks[mark].kind == "N":
                place = mark
                continue
        elif mark >= 1 and chunks[mark].kind == "," and len(heads) > 1 and chunks[mark - 1].kind == "N":
            place = mark - 1
            continue
        return heads, head


def _opens_clause(chunks: list[Chunk], first: int) -> bool:
    """Tell whether a subject stands where one can: at the start, after an opening phrase, or after a conjunction."""
    if first == 0:
        return True
    before = chunks[first - 1]
    if before.kind in (";", ":", '"'):
        return first > 1 or before.kind == '"'
    if before.kind == "S":
        return True
    if before.kind == "R":
        return first == 1 or chunks[first - 2].kind in (",", ";", "C")
    if before.kind == "C":
        return (
            first > 1
            and chunks[first - 2].kind in (",", ";")
            and any(c.kind in ("V", "B", "U") for c in chunks[: first - 1])
        )
    if before.kind == ",":
        opening = chunks[: first - 1]
        kinds = [chunk.kind for chunk in opening]
        return bool(kinds and kinds[0] in ("P", "S", "R", "G", "I", "E"))
    return False


def agrees(chunks: list[Chunk], heads: list[int], verb: Chunk) -> bool:
    """Tell whether a subject and a verb agree in number."""
    if any(chunks[head].negative for head in heads):
        return False
    several = len(heads) > 1 or chunks[heads[0]].plural
    if verb.form == "s":
        return not several or (len(heads) == 1 and not _certainly_plural(chunks[heads[0]]))
    if verb.form == "base":
        return several or chunks[heads[0]].head in ("people", "data", "police", "majority", "number", "others")
    return True


def _certainly_plural(chunk: Chunk) -> bool:
    return chunk.plural and chunk.head not in ("data", "media", "bacteria")

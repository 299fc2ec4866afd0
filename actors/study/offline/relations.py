"""Relations that a sentence states outright, read from its row of chunks; what is unclear is left unsaid."""
# ruff: noqa: C901, PLR0911 - the forms of English, a case a line

from __future__ import annotations

from collections.abc import Iterator

from actors.study import english
from actors.study.offline.arguments import Argument, Claim, argument_at, different, object_end, objects_at
from actors.study.offline.chunks import Chunk
from actors.study.offline.listing import appositions, examples_of, listed_kinds
from actors.study.offline.relating import NOMINAL, PASSIVE, PHRASAL, PREPOSITIONAL, relation_type, takes_infinitive
from actors.study.offline.subjects import Subject, subject_of

_CLAUSE_OPENERS = frozenset({"because", "since", "although", "though", "while", "whereas", "so"})
_STRENGTH = {"is_a": 1.0, "part_of": 1.0, "consists_of": 1.0}


def claims_of(chunks: list[Chunk]) -> Iterator[Claim]:
    """Yield the relations that a sentence states."""
    if any(chunk.kind == "?" for chunk in chunks):
        return
    yield from listed_kinds(chunks)
    yield from appositions(chunks)
    subjects: dict[int, Subject] = {}
    for index, chunk in enumerate(chunks):
        if chunk.kind not in ("B", "V", "U", "E"):
            continue
        if chunk.kind == "E" and not past_tense(chunks, index):
            continue
        subject = subject_of(chunks, index, subjects)
        if subject is None:
            continue
        subjects[index] = subject
        hypothetical = any(before.kind == "S" and before.base in ("if", "unless") for before in chunks[:index])
        if chunk.doubtful or hypothetical or _conditional(chunks, subject.first, index):
            continue
        yield from _predicates(chunks, index, subject)
        if chunk.kind in ("V", "E"):
            yield from _conversion(chunks, index)


def _predicates(chunks: list[Chunk], index: int, subject: Subject) -> Iterator[Claim]:
    chunk = chunks[index]
    first = chunks[subject.heads[0]]
    if first.head == "examples" and chunk.base in ("include", "be", "") and len(subject.heads) == 1:
        yield from examples_of(chunks, index, subject.heads[0])
        return
    sources = [
        argument for head in subject.heads if chunks[head].form != "other" and (argument := argument_at(chunks, head))
    ]
    if not sources:
        return
    match chunk.kind:
        case "B":
            found = list(_copula(chunks, index, subject))
        case "U":
            found = list(_passive(chunks, index))
        case _:
            found = list(_active(chunks, index))
    definite = first.determiner == "the" and not first.plural and not first.name
    for kind, target in found:
        for source in sources:
            one, other, name = (target, source, kind[1:]) if kind.startswith("-") else (source, target, kind)
            if name == "consists_of":
                one, other, name = other, one, "part_of"
            narrower = name == "is_a" and f" {other.key}".endswith(f" {one.key}")  # "the cell is a stem cell": one cell
            if different(one, other) and not narrower:
                yield Claim(one, name, other, _STRENGTH.get(name, 0.8), definite and one == source)


def past_tense(chunks: list[Chunk], index: int) -> bool:
    """Tell whether a bare -ed form is the verb of its clause: a noun phrase follows, and no other verb does."""
    after = chunks[index + 1 : index + 2]
    if not after or after[0].kind != "N":
        return False
    for chunk in chunks[index + 1 :]:
        if chunk.kind in (",", ";", "S", "W", ".", ":"):
            break
        if chunk.kind in ("V", "B", "U"):
            return False
    return True


def _conditional(chunks: list[Chunk], first: int, verb: int) -> bool:
    """Tell whether a clause is a condition, a question or somebody's view."""
    before = chunks[first - 1] if first else None
    if before is None or before.kind != "S" or before.base in _CLAUSE_OPENERS:
        return False
    # "when Newcomen designed the engine" tells what happened; "when cells use energy" may never be.
    return before.base not in ("when", "where") or chunks[verb].form != "past"


def _copula(chunks: list[Chunk], index: int, subject: Subject) -> Iterator[tuple[str, Argument]]:
    """Read "X is a Y", "X is a part of Y"."""
    place = index + 1
    if place >= len(chunks):
        return
    target = chunks[place]
    if (
        target.kind != "N"
        or target.negative
        or (target.counted and "one" not in target.determiner)
        or (len(subject.heads) > 1 and target.determiner in ("a", "an"))
    ):
        return
    after = chunks[place + 1] if place + 1 < len(chunks) else None
    first = chunks[subject.heads[0]]
    if not _ends_phrase(chunks, place) or (first.determiner == "the" and target.determiner == ""):
        return  # "the three kinds are A, B and C" lists, it does not classify
    of = (
        after is not None
        and after.kind == "P"
        and after.base == "of"
        and place + 2 < len(chunks)
        and chunks[place + 2].kind == "N"
    )
    if target.determiner == "" and not target.plural and first.plural:
        return  # "limits can be setup": a participle misread
    if target.determiner == "" and target.label and chunks[subject.heads[0]].plural is False and not target.name:
        # "X is one of the Ys", else without an article no class is named
        return
    if of and target.head in _SINGULAR_NOMINAL:
        inner = argument_at(chunks, place + 2)
        if inner:
            yield NOMINAL[_SINGULAR_NOMINAL[target.head]], inner
        return
    if target.plural and not all(chunks[head].plural for head in subject.heads) and len(subject.heads) == 1:
        return
    argument = argument_at(chunks, place)
    if (argument and target.head not in english.GENERIC_NOUNS and target.determiner in ("a", "an", "")) or (
        argument and " of " in argument.label and target.determiner == "the"
    ):
        yield "is_a", argument


def _ends_phrase(chunks: list[Chunk], place: int) -> bool:
    """Tell whether a noun phrase is whole: what follows it is not more of the same, which would have been misread."""
    beyond = object_end(chunks, place) + 1
    return beyond >= len(chunks) or chunks[beyond].kind not in ("N", "J", "V", "B", "U", "D", "Q")


_SINGULAR_NOMINAL = {form: noun for noun in NOMINAL for form in (noun, noun + "s", noun.removesuffix("y") + "ies")}


def _passive(chunks: list[Chunk], index: int) -> Iterator[tuple[str, Argument]]:
    """Read "X is produced by Y", "X is stored in Y"."""
    verb = chunks[index]
    place = index + 1
    while place < len(chunks) and chunks[place].kind == "R":
        place += 1
    if place + 1 >= len(chunks) or chunks[place].kind != "P" or chunks[place + 1].kind != "N":
        return
    preposition = chunks[place].base
    if place > index + 1 and chunks[place - 1].base == "up":
        preposition = f"up {preposition}"
    agent = place
    while (
        agent + 3 < len(chunks)
        and chunks[agent].base != "by"
        and chunks[agent + 2].kind == "P"
        and chunks[agent + 1].kind == "N"
    ):
        agent += 2
    if chunks[agent].base == "by" and chunks[agent + 1].kind == "N" and agent > place:
        active = relation_type(verb.base)
        for target in objects_at(chunks, agent + 1) if active else ():
            yield f"-{active}", target
    if (verb.base, preposition) in PASSIVE:
        kind = PASSIVE[verb.base, preposition]
    elif preposition == "by" and (active := relation_type(verb.base)):
        kind = f"-{active}"
    elif preposition == "by" and verb.base.endswith("ed"):
        kind = f"{verb.base}_by"
    else:
        return
    for target in objects_at(chunks, place + 1):
        yield kind, target


def _active(chunks: list[Chunk], index: int) -> Iterator[tuple[str, Argument]]:
    """Read "X produces Y", "X depends on Y", "X breaks down Y"."""
    verb = chunks[index]
    place, particle = _past_particle(chunks, index)
    if place >= len(chunks):
        return
    kind: str | None
    if particle:
        kind = PHRASAL[verb.base, particle]
    elif chunks[place].kind == "P" and place + 1 < len(chunks):
        kind = PREPOSITIONAL.get((verb.base, chunks[place].base))
        place += 1
    elif (
        verb.base == "take"
        and chunks[place].label == "place"
        and place + 2 < len(chunks)
        and chunks[place + 1].base in _WITHIN
    ):
        kind = "occurs_in"
        place += 2
    else:
        kind = verb.base if verb.kind == "E" and verb.base.endswith("ed") else relation_type(verb.base)
    if kind is None or chunks[place].kind != "N" or not _whole_object(chunks, object_end(chunks, place), verb.base):
        return
    for target in objects_at(chunks, place):
        yield kind, target


def _conversion(chunks: list[Chunk], index: int) -> Iterator[Claim]:
    """Read "converts X into Y" as what becomes of X."""
    if chunks[index].base not in _CONVERTS or index + 3 >= len(chunks) or chunks[index + 1].kind != "N":
        return
    end = object_end(chunks, index + 1)
    if end + 2 < len(chunks) and chunks[end + 1].base in ("into", "to") and chunks[end + 2].kind == "N":
        one, other = argument_at(chunks, index + 1), argument_at(chunks, end + 2)
        if one and other and different(one, other):
            yield Claim(one, "converted_into", other, 0.9)


_CONVERTS = frozenset({"convert", "transform", "turn"})
_WITHIN = frozenset({"in", "inside", "within"})


def _past_particle(chunks: list[Chunk], index: int) -> tuple[int, str]:
    """Give where a verb's object begins, and the particle that makes it another verb."""
    place = index + 1
    while place < len(chunks) and (chunks[place].kind in ("R", "P") or chunks[place].base == "both"):
        if (
            (chunks[index].base, chunks[place].base) in PHRASAL
            and place + 1 < len(chunks)
            and chunks[place + 1].kind == "N"
        ):
            return place + 1, chunks[place].base
        if chunks[place].kind == "P":
            break
        if chunks[place].base in _PARTICLES:
            return len(chunks), ""
        place += 1
    return place, ""


_PARTICLES = frozenset({"up", "down", "out", "off", "away", "back", "over"})


def _whole_object(chunks: list[Chunk], end: int, base: str) -> bool:
    """Tell whether what follows an object leaves it the object: not a clause, a second object or an infinitive."""
    after = chunks[end + 1] if end + 1 < len(chunks) else None
    if after is None:
        return True
    beyond = end + 1
    while beyond + 2 < len(chunks) and chunks[beyond].kind == "P" and chunks[beyond + 1].kind == "N":
        beyond += 2
    if chunks[beyond].kind == "I" and (takes_infinitive(base) or base.endswith("ed")):
        return False
    if after.kind in ("B", "V", "U", "M", "N"):
        return False
    return not (base in ("make", "render", "keep", "leave", "have", "get", "find") and after.kind in ("J", "E"))

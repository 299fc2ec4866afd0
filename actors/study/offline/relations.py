"""Relations that a sentence states outright, read from its row of chunks; what is unclear is left unsaid."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from actors.study import english
from actors.study.offline.chunking import Chunk
from actors.study.offline.verbs import NOMINAL, PASSIVE, PHRASAL, PREPOSITIONAL, relation_type, takes_infinitive


class Argument(NamedTuple):
    """A term at one end of a relation: its key, and how the sentence writes it."""

    key: str
    label: str


class Claim(NamedTuple):
    """One relation, read from one sentence."""

    source: Argument
    type: str
    target: Argument
    strength: float


class Subject(NamedTuple):
    """What a verb is said of."""

    heads: tuple[int, ...]
    first: int


_CLAUSE_OPENERS = frozenset({"because", "since", "although", "though", "while", "whereas", "so"})
_STRENGTH = {"is_a": 1.0, "part_of": 1.0, "consists_of": 1.0}


def claims_of(chunks: list[Chunk]) -> Iterator[Claim]:
    """Yield the relations that a sentence states."""
    if any(chunk.kind == "?" for chunk in chunks):
        return
    yield from _lists(chunks)
    yield from _appositions(chunks)
    subjects: dict[int, Subject] = {}
    for index, chunk in enumerate(chunks):
        if chunk.kind not in ("B", "V", "U", "E"):
            continue
        if chunk.kind == "E" and not _past_tense(chunks, index):
            continue
        subject = subject_of(chunks, index, subjects)
        if subject is None:
            continue
        subjects[index] = subject
        if chunk.doubtful or _conditional(chunks, subject.first):
            continue
        yield from _predicates(chunks, index, subject)


def _predicates(chunks: list[Chunk], index: int, subject: Subject) -> Iterator[Claim]:
    chunk = chunks[index]
    first = chunks[subject.heads[0]]
    if first.head == "examples" and chunk.base in ("include", "be", "") and len(subject.heads) == 1:
        yield from _examples(chunks, index, subject.heads[0])
        return
    sources = [argument for head in subject.heads if (argument := argument_at(chunks, head))]
    if not sources:
        return
    match chunk.kind:
        case "B":
            found = list(_copula(chunks, index, subject))
        case "U":
            found = list(_passive(chunks, index))
        case _:
            found = list(_active(chunks, index))
    for kind, target in found:
        for source in sources:
            one, other, name = (target, source, kind[1:]) if kind.startswith("-") else (source, target, kind)
            if name == "consists_of":
                one, other, name = other, one, "part_of"
            if _different(one, other):
                yield Claim(one, name, other, _STRENGTH.get(name, 0.8))


def _examples(chunks: list[Chunk], verb: int, head: int) -> Iterator[Claim]:
    """Read "Examples of Ys include X1, X2 and X3"."""
    if head + 2 >= len(chunks) or chunks[head + 1].base != "of" or chunks[head + 2].kind != "N":
        return
    genus, place = argument_at(chunks, head + 2), verb + 1
    while place < len(chunks) and chunks[place].kind in (":", "R"):
        place += 1
    if genus is None or place >= len(chunks) or chunks[place].kind != "N":
        return
    for kind in objects_at(chunks, place):
        if _different(kind, genus):
            yield Claim(kind, "is_a", genus, 1.0)


def _different(one: Argument, other: Argument) -> bool:
    return (
        one.key != other.key
        and f" {one.key} " not in f" {other.key} "
        or f" {other.key} ".endswith(f" {one.key} ")
        and one.key != other.key
    )


def _past_tense(chunks: list[Chunk], index: int) -> bool:
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
            return known[earlier] if same and chunks[index].kind != "E" or chunks[earlier].kind == "E" else None
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
        while head >= 2 and chunks[head - 1].kind == "P" and chunks[head - 2].kind == "N":  # noqa: PLR2004 - the phrase before the preposition
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
        if kinds and kinds[0] in ("P", "S", "R", "G", "I", "E"):
            return True
        return False
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


def _conditional(chunks: list[Chunk], first: int) -> bool:
    """Tell whether a clause is a condition, a question or somebody's view."""
    before = chunks[first - 1] if first else None
    return before is not None and before.kind == "S" and before.base not in _CLAUSE_OPENERS


def _copula(chunks: list[Chunk], index: int, subject: Subject) -> Iterator[tuple[str, Argument]]:
    """Read "X is a Y", "X is a part of Y"."""
    place = index + 1
    if place >= len(chunks):
        return
    target = chunks[place]
    if (
        target.kind != "N"
        or target.negative
        or target.counted
        and "one" not in target.determiner
        or len(subject.heads) > 1
        and target.determiner in ("a", "an")
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
    if argument and target.head not in english.GENERIC_NOUNS and target.determiner in ("a", "an", ""):
        yield "is_a", argument
    elif argument and " of " in argument.label and target.determiner == "the":
        yield "is_a", argument


def _ends_phrase(chunks: list[Chunk], place: int) -> bool:
    """Tell whether a noun phrase is whole: what follows it is not more of the same, which would have been misread."""
    beyond = _object_end(chunks, place) + 1
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
        kind = relation_type(verb.base)
    if kind is None or chunks[place].kind != "N" or not _whole_object(chunks, _object_end(chunks, place), verb.base):
        return
    for target in objects_at(chunks, place):
        yield kind, target


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
    if after.kind in ("B", "V", "U", "M", "N") or after.kind == "I" and takes_infinitive(base):
        return False
    return not (base in ("make", "render", "keep", "leave") and after.kind in ("J", "E"))


def _object_end(chunks: list[Chunk], place: int) -> int:
    while (
        place + 2 < len(chunks)
        and chunks[place + 1].kind == "P"
        and chunks[place + 1].base == "of"
        and chunks[place + 2].kind == "N"
    ):
        place += 2
    return place


def objects_at(chunks: list[Chunk], place: int) -> Iterator[Argument]:
    """Yield the coordinated noun phrases that begin at a place: "water, light and carbon dioxide"."""
    found: list[int] = []
    while True:
        found.append(place)
        end = _object_end(chunks, place)
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
        beyond = chunks[_object_end(chunks, follow) + 1 :][:1]
        if beyond and beyond[0].kind in ("V", "B", "U", "M", "E"):
            break  # it is the subject of a new clause
        place = follow
    for head in found:
        if not chunks[head].negative and (argument := argument_at(chunks, head)):
            yield argument


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
    of = len(following) == 2 and following[0].kind == "P" and following[0].base == "of" and following[1].kind == "N"  # noqa: PLR2004
    if of and chunk.key.rpartition(" ")[2] in _TRANSPARENT_KEYS:
        return argument_at(chunks, place + 2)
    if chunk.label.lower() in english.GENERIC_NOUNS or (of and chunk.head in english.GENERIC_NOUNS):
        if not of or not following[1].key or following[1].determiner in ("this", "these", "its", "their", "such"):
            return None
        return Argument(f"{chunk.key} of {following[1].key}", f"{chunk.label} of {following[1].label}")
    if chunk.determiner in ("its", "their", "his", "her", "our", "your", "my") and chunk.head in english.GENERIC_NOUNS:
        return None
    return Argument(chunk.key, chunk.label)


_TRANSPARENT_KEYS = english.TRANSPARENT


def _lists(chunks: list[Chunk]) -> Iterator[Claim]:
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
            for kind in objects_at(chunks, index + 1) if chunks[index + 1].kind == "N" else ():
                if _different(kind, genus):
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
            heads, _ = _heads(chunks, place) if place >= 0 and chunks[place].kind == "N" else ([], 0)
            for head in heads[-1:]:
                kind_ = argument_at(chunks, head)
                if kind_ and _different(kind_, genus):
                    yield Claim(kind_, "is_a", genus, 0.9)


def _appositions(chunks: list[Chunk]) -> Iterator[Claim]:
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
        if index and chunks[index - 1].kind in (",", "C") or index == 1 and chunks[0].kind in ("P", "S"):
            continue
        if any(chunk.kind in ("S", "G", "I") for chunk in chunks[:index]) or any(
            chunk.kind == "P" for chunk in chunks[:1]
        ):
            continue
        if after.kind not in (",", ".", "P", "W", "E", "S") or kind.head in english.GENERIC_NOUNS:
            continue
        beyond = chunks[_object_end(chunks, index + 2) + 1 :]
        if beyond and beyond[0].kind in ("V", "B", "U", "C"):
            continue
        one, other = argument_at(chunks, index), argument_at(chunks, index + 2)
        if one and other and _different(one, other):
            yield Claim(one, "is_a", other, 0.9)

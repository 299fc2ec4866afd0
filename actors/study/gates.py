"""Gates of the study actors: an answer is held against the document, and asked for again if little of it stands."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, TypeVar, get_type_hints

from actors.study import modelled
from actors.study.material import ExtractedDocument, Making, Usage
from pipeline import Grade, Permanent, Run

Item = TypeVar("Item", modelled.Part, modelled.PathToTell)
Answer = TypeVar("Answer", bound=modelled.Answered)

#: An answer is good if its grade reaches this: of ten claims seven stand, and no part of the document is passed over.
GOOD = 0.7
#: An explanation has few sentences, so that one that falls weighs much.
GOOD_EXPLANATION = 0.5
#: How often a model is asked again before the next one is.
REPAIRS = 1

#: Claims that are true and only too many, or rest on others that fell: they weigh less than what is made up.
_LIGHT = frozenset({"duplicate", "gives_away", "beyond_the_strongest", "off_the_path", "between_unknown_concepts"})
_LIGHT_WEIGHT = 0.25
#: A part of fewer words may have nothing to say.
_FEWEST_WORDS = 40
_WORDS_A_CONCEPT, _MOST_CONCEPTS = 200, 5
_WORDS_A_QUESTION, _QUESTIONS_A_KEPT_ONE = 20, 4

#: What a model is told about claims that fell. Never its own words: they may be the document's, and that is data.
_REASONS = {
    "ungrounded": "the quote, or the answer, is not in the text word for word",
    "incomplete": "a field is empty",
    "front_matter": "it is about the cover, the contents or the authors",
    "too_long": "it is too long",
    "not_named_by_its_sentence": "the quoted sentence does not name it",
    "between_unknown_concepts": "an end of the relation is none of your concepts",
    "foreign_words": "its words are not those of the text",
    "off_the_path": "it does not belong to the path",
    "duplicate": "it says what another one says",
    "gives_away": "the answer stands in its question, or in another one",
    "bad_options": "its options are not four different ones of a kind with the answer among them",
    "unclear": "it cannot be understood without the text at hand",
}
_OPENING = "Of its"
_EMPTY = "It was empty, and the text has something to say."
_SHAPE = "It did not have the shape that is asked for: give every field, and nothing else."


class Against:
    """The document that answers are held against; it is read when the first answer is weighed."""

    def __init__(self, document: ExtractedDocument) -> None:
        self._document = document

    @cached_property
    def ground(self) -> modelled.Ground:
        """Its sentences, where every claim must be found."""
        return modelled.Ground(self._document)


def read_part(part: modelled.Part, run: Run, document: Against) -> modelled.PartGraph:
    """Have the concepts and relations of a part read, until enough of them stand."""
    wanted = _expected(part, _WORDS_A_CONCEPT, _MOST_CONCEPTS)

    def check(read: modelled.PartGraph) -> Grade:
        return grade(modelled.weigh_graph(read, document.ground), wanted)

    return _held(run, modelled.read_part, part, check=check, threshold=GOOD)


def make_questions(part: modelled.Part, run: Run, count: int, document: Against) -> modelled.PartQuiz:
    """Have questions about a part written, until enough of them stand and can be answered from it."""
    wanted = _expected(part, _WORDS_A_QUESTION, max(1, count // _QUESTIONS_A_KEPT_ONE))

    def check(asked: modelled.PartQuiz) -> Grade:
        return grade(modelled.weigh_questions(asked, document.ground), wanted)

    return _held(run, modelled.make_questions, part, count, check=check, threshold=GOOD)


def tell_path(path: modelled.PathToTell, run: Run, document: Against) -> modelled.ToldPath:
    """Have a connection explained, until enough of its sentences stand."""

    def check(told: modelled.ToldPath) -> Grade:
        return grade(modelled.weigh_explanation(told, document.ground), wanted=1)

    return _held(run, modelled.tell_path, path, check=check, threshold=GOOD_EXPLANATION)


def expects_something(parts: Sequence[modelled.Part]) -> bool:
    """Say whether a document is long enough for a model to find something in it."""
    return any(_expected(part, 1, 1) for part in parts)


def give_up(run: Run, what: str, answers: Sequence[modelled.Answered]) -> None:
    """End a run whose answers hold nothing that stands: the offline generator takes over, or the run fails and says so.

    Raises ``Permanent``, or what ``run.next_model`` raises.
    """
    told = f"nothing of what the models said about {what} stands in it ({len(answers)} answers)"
    run.next_model(told)
    raise Permanent(told)


def below(made: Making) -> str:
    """Say of how many answers too little stood, for the end of a message."""
    return f", {made.below} answers fell short" if made.below else ""


def grade(stood: modelled.Stood, wanted: int) -> Grade:
    """Grade an answer by the share of its claims that stand, and by whether as many as ``wanted`` do.

    Whatever its grade, it may be taken in the end: what does not stand is left out of what is published.
    """
    if not stood.offered:
        return Grade(0.0 if wanted else 1.0, feedback=_EMPTY if wanted else "", usable=True)
    light = sum(count for reason, count in stood.dropped.items() if _plain(reason) in _LIGHT)
    grave = stood.offered - stood.kept - light
    sound = max(0.0, 1 - (max(0, grave) + _LIGHT_WEIGHT * light) / stood.offered)
    covered = min(1.0, stood.kept / wanted) if wanted else 1.0
    return Grade(
        score=sound * covered,
        feedback=_feedback(stood),
        details={"claims": stood.offered, "stand": stood.kept, "left out": dict(stood.dropped), "wanted": wanted},
        usable=True,
    )


def _feedback(stood: modelled.Stood) -> str:
    reasons: Counter[str] = Counter()
    for reason, count in stood.dropped.items():
        reasons[_REASONS.get(_plain(reason), "it does not stand in the text")] += count
    told = "; ".join(f"{count} because {reason}" for reason, count in reasons.most_common())
    return f"{_OPENING} {stood.offered} claims {stood.kept} stand; the others were left out: {told or 'no reason'}."


def _held(
    run: Run,
    ask: Callable[..., Answer],
    item: Item,
    *more: Any,
    check: Callable[[Answer], Grade],
    threshold: float,
) -> Answer:
    def draft(item: Item, run: Run) -> Answer:
        # The word of a provider about a malformed answer may quote it: only our own words go into a prompt.
        known = not run.feedback or run.feedback == _EMPTY or run.feedback.startswith(_OPENING)
        return ask(item, run.model, *more, run.feedback if known else _SHAPE)

    draft.__name__ = f"{ask.__name__}[{_digest(item)}]"
    draft.__annotations__ = {"return": get_type_hints(ask)["return"]}
    taken = run.gate(draft, item, run, check=check, threshold=threshold, repairs=REPAIRS, review=False)
    spent = _sent_back(run, draft.__name__)
    return taken.model_copy(update={"sent_back": spent, "below": check(taken).score < threshold})


def _sent_back(run: Run, gate: str) -> tuple[Usage, ...]:
    grades = json.loads(run.recall(f"gate:{gate}") or b"[]")
    drafts = [run.recall(one["draft"]) for one in grades if one["draft"] and not one["accepted"]]
    return tuple(Usage.model_validate(json.loads(kept)["usage"]) for kept in drafts if kept is not None)


def _expected(part: modelled.Part, words_each: int, most: int) -> int:
    return 0 if part.words < _FEWEST_WORDS else min(most, max(1, part.words // words_each))


def _plain(reason: str) -> str:
    return reason.removeprefix("sentence_")


def _digest(item: Item) -> str:
    # Known by what it says: a part that was split has the number of the whole.
    return hashlib.blake2b(item.model_dump_json().encode(), digest_size=5).hexdigest()

"""The rules every quiz item must pass."""

from __future__ import annotations

import pytest

from actors.study.grounding import Source
from actors.study.material import QuizItem
from actors.study.questions import accept_items
from tests.support.texts import subject

SOURCE = Source(subject("photosynthesis"))
CALVIN = "The Calvin cycle takes place in the stroma."
STARCH = "Plants store excess glucose as starch."


def item(**changes: object) -> QuizItem:
    fields: dict[str, object] = {
        "question": "Where does the Calvin cycle take place?",
        "kind": "multiple_choice",
        "answer": "stroma",
        "options": ("granum", "stroma", "xylem", "phloem"),
        "passage": CALVIN,
        "page": 1,
        "document": "photosynthesis.md",
        "difficulty": "easy",
    }
    return QuizItem.model_validate(fields | changes)


def verdict(*items: QuizItem) -> dict[str, int]:
    return accept_items(items, SOURCE, limit=10)[1]


def test_a_sound_item_is_kept_with_its_page() -> None:
    """The page is the source's, whatever the item says."""
    kept, dropped = accept_items([item(page=77)], SOURCE, limit=10)
    assert dropped == {}
    assert kept[0].page == next(s.page for s in SOURCE.sentences if s.text == CALVIN)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"passage": "The Calvin cycle takes place in the mitochondria."}, "ungrounded"),
        ({"answer": "cytoplasm", "options": ("cytoplasm", "granum", "xylem", "phloem")}, "ungrounded"),
        ({"question": "What happens in the stroma of the chloroplast?"}, "gives_away"),
        ({"question": "What does Figure 3 show of the Calvin cycle?"}, "front_matter"),
        ({"question": "What is this chapter about?"}, "front_matter"),
        ({"options": ("granum", "xylem", "phloem", "leaf")}, "bad_options"),
        ({"options": ("stroma", "granum", "xylem")}, "bad_options"),
        ({"options": ("stroma", "Stromas", "xylem", "phloem")}, "bad_options"),
        ({"options": ("stroma", "granum", "xylem", "all of the above")}, "bad_options"),
        ({"options": ("stroma", "granum", "xylem", "1789")}, "bad_options"),
        ({"options": ()}, "bad_options"),
        ({"question": "Why " + "really " * 60 + "there?"}, "too_long"),
        ({"kind": "cloze", "question": "The Calvin cycle takes place somewhere.", "options": ()}, "unclear"),
        ({"kind": "cloze", "question": "It takes place in the _____.", "options": ()}, "unclear"),
        (
            {"kind": "true_false", "question": "These take place in the stroma.", "answer": "True", "options": ()},
            "unclear",
        ),
        ({"kind": "true_false", "answer": "yes", "options": ()}, "bad_options"),
    ],
)
def test_a_faulty_item_is_dropped_by_reason(changes: dict[str, object], reason: str) -> None:
    """Every rule has its name in the count."""
    assert verdict(item(**changes)) == {reason: 1}


def test_an_answer_much_longer_than_the_other_options_is_bad() -> None:
    """The longest option is guessed right too often."""
    long = "The Calvin cycle uses ATP and NADPH to turn carbon dioxide into glucose."
    options = ("it turns carbon dioxide into glucose with ATP", "air", "leaf", "sun")
    assert verdict(item(question="What does it do?", answer=options[0], options=options, passage=long)) == {
        "bad_options": 1
    }


def test_references_and_exercises_are_not_asked_about() -> None:
    """Front matter is known by its heading."""
    question = item(
        question="What matters to plants?", kind="short_answer", options=(), answer="chlorophyll absorbs light energy",
        passage="Explain how chlorophyll absorbs light energy and why that matters to plants.",
    )  # fmt: skip
    assert verdict(question) == {"front_matter": 1}


def test_an_answer_in_another_items_question_gives_it_away() -> None:
    """The second question must not answer the first."""
    other = item(
        question="What moves from the stroma as sugar?", answer="starch", passage=STARCH,
        options=("starch", "cellulose", "water", "oxygen"),
    )  # fmt: skip
    kept, dropped = accept_items([item(), other], SOURCE, limit=10)
    assert kept == (item(),)
    assert dropped == {"gives_away": 1}


def test_the_same_question_twice_is_kept_once() -> None:
    """Case and spaces make no second question, and neither does another way to the same answer."""
    again = item(question="where does the  Calvin cycle take place?")
    reworded = item(question="In which part of a chloroplast is the Calvin cycle found?")
    kept, dropped = accept_items([item(), again, reworded], SOURCE, limit=10)
    assert len(kept) == 1
    assert dropped == {"duplicate": 2}


def test_no_more_than_the_limit_and_what_is_beyond_it_is_not_called_dropped() -> None:
    """The limit is no fault of an item."""
    other = item(
        question="As what is glucose kept?", answer="starch", passage=STARCH, options=("starch", "fat", "oil", "salt")
    )
    kept, dropped = accept_items([item(), other], SOURCE, limit=1)
    assert (len(kept), dropped) == (1, {})

"""The quiz of a study pack, taken in a real browser."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from actors.study.material import Concept, Evidence, KnowledgeGraph, Making, Quiz, QuizItem
from tests.support.browser import Opener, page_of
from tests.support.packs import sample_pack

if TYPE_CHECKING:
    from playwright.sync_api import Page


def answer(page: Page, text: str, *, typed: bool) -> None:
    if typed:
        page.get_by_label("Your answer").fill(text)
        page.get_by_role("button", name="Check").click()
    else:
        page.locator(".option").filter(has_text=re.compile(f"^.{re.escape(text)}$")).click()


def test_the_quiz_is_taken_with_the_mouse(page: Page) -> None:
    """Ten right and two wrong answers are scored so, each with its passage, and the wrong ones may be tried again."""
    quiz = sample_pack().quiz
    assert quiz is not None
    page.get_by_role("tab", name="Quiz").click()
    for at, item in enumerate(quiz.items):
        given = item.answer
        if at in {0, 3}:
            given = "CD8" if not item.options else next(one for one in item.options if one != item.answer)
        answer(page, given, typed=not item.options)
        verdict = page.locator(".verdict")
        if at in {0, 3}:
            assert f"The answer is {item.answer}" in verdict.inner_text()
        else:
            assert verdict.inner_text().startswith("Right")
        assert verdict.locator("blockquote p").inner_text() == item.passage
        assert verdict.locator(".leaf").inner_text() == f"p. {item.page}"
        assert verdict.locator(".from").inner_text() == item.document
        page.locator(".next").click()
    assert page.locator(".result h2").inner_text() == "10 of 12 right"
    assert page.locator(".missed li").count() == 2
    page.get_by_role("button", name="Retry the 2 missed ones").click()
    for item in (quiz.items[0], quiz.items[3]):
        answer(page, item.answer, typed=not item.options)
        page.locator(".next").click()
    assert page.locator(".result h2").inner_text() == "2 of 2 right"
    page.get_by_role("button", name="Start again").click()
    assert "Question 1 of 12" in page.locator(".card").inner_text()
    assert page.locator(".score").inner_text() == ""


def test_the_quiz_is_taken_with_the_keyboard_alone(page: Page) -> None:
    """Letters choose, Enter goes on, typed answers are checked by Enter, and the score is the same."""
    quiz = sample_pack().quiz
    assert quiz is not None
    page.get_by_role("tab", name="Graph").focus()
    page.keyboard.press("ArrowRight")
    for at, item in enumerate(quiz.items):
        if item.options:
            right = item.options.index(item.answer)
            page.keyboard.press("ABCD"[right if at else (right + 1) % len(item.options)])
        else:
            page.get_by_label("Your answer").focus()
            page.keyboard.type(item.answer)
            page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.classList.contains('next')")
        page.keyboard.press("Enter")
    assert page.locator(".result h2").inner_text() == "11 of 12 right"


@pytest.mark.parametrize(
    ("typed", "right"),
    [
        ("Histamine", True),
        ("  the HISTAMINE! ", True),
        ("histamines", True),
        ("histamin", True),
        ("hsitamine", True),
        ("histidine", False),
        ("cytokine", False),
        ("?", False),
    ],
)
def test_a_typed_answer_is_judged_leniently_but_not_blindly(page: Page, typed: str, right: bool) -> None:
    """Case, articles, plurals and one slip are forgiven; another word is not."""
    page.get_by_role("tab", name="Quiz").click()
    page.get_by_role("button", name="Medium").click()
    page.get_by_role("button", name="Skip").click()
    page.get_by_role("button", name="Skip").click()
    answer(page, typed, typed=True)
    assert page.locator(".verdict.right").count() == (1 if right else 0)
    assert page.locator(".gap.filled").inner_text() == "histamine"


def test_another_name_is_right_and_another_thing_is_not_a_slip(opened: Opener, tmp_path: Path) -> None:
    """An alias from the graph is accepted; a concept one letter away from the answer is wrong."""
    found = (Evidence(sentence="Abduction moves a limb away.", page=1, document="a.pdf"),)
    graph = KnowledgeGraph(
        concepts=(
            Concept(id="a", label="abduction", aliases=("lateral movement",), weight=1, evidence=found),
            Concept(id="b", label="adduction", weight=1, evidence=found),
        ),
        relations=(),
        made=Making(generator="offline"),
    )
    item = QuizItem(
        question="What moves a limb away?",
        kind="short_answer",
        answer="abduction",
        passage=found[0].sentence,
        page=1,
        document="a.pdf",
        difficulty="easy",
    )
    quiz = Quiz(items=(item, item, item), made=graph.made)
    page = opened(page_of(sample_pack().model_copy(update={"graph": graph, "quiz": quiz}), tmp_path)).page
    page.get_by_role("tab", name="Quiz").click()
    for typed, verdict in (
        ("adduction", "Not this time"),
        ("Lateral movements", "Right."),
        ("abducton", "Right, though"),
    ):
        answer(page, typed, typed=True)
        assert page.locator(".verdict").inner_text().startswith(verdict)
        page.locator(".next").click()


def test_the_quiz_is_filtered_by_difficulty_and_may_be_skipped_through(page: Page) -> None:
    """Three hard questions, all skipped, are three missed ones."""
    page.get_by_role("tab", name="Quiz").click()
    page.get_by_role("button", name="Hard").click()
    for _ in range(3):
        page.get_by_role("button", name="Skip").click()
    assert page.locator(".result h2").inner_text() == "0 of 3 right"
    assert "Not answered" in page.locator(".missed").inner_text()

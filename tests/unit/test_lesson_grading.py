"""The grade of a lesson: good lessons pass, every way to spoil one is found, named and explained."""

from __future__ import annotations

import pytest

from actors.study.lesson.composing import compose
from actors.study.lesson.grading import THRESHOLD, Verdict, grade
from actors.study.lesson.outline import take_apart
from actors.study.lesson.support import Support, publishable
from actors.study.material import LessonSpec
from tests.support.lessons import BAD, GOOD, OTHER_GOOD, SPEC, context, with_chunks
from tests.support.texts import MATERIAL, document

SUPPORT = Support(context(), SPEC)


def graded(markdown: str, spec: LessonSpec = SPEC, support: Support = SUPPORT) -> Verdict:
    """Grade a lesson as the actor does: what is left after the cleaning, knowing what was left out."""
    text, dropped = publishable(markdown, support)
    return grade(text, spec, support, left_out=dropped["ungrounded"])


@pytest.mark.parametrize("lesson", [GOOD, OTHER_GOOD], ids=["good", "good in another shape"])
def test_a_good_lesson_passes_whatever_its_shape(lesson):
    """It is told from the passages, cites them, covers the objectives and asks what it answers."""
    verdict = graded(lesson)
    assert verdict.quality >= 0.9
    assert all(one.score >= THRESHOLD for one in verdict.grades)


@pytest.mark.parametrize(("name", "spoil", "culprit"), BAD, ids=[name for name, _, _ in BAD])
def test_a_spoiled_lesson_fails_by_the_criterion_that_was_spoiled(name, spoil, culprit):
    """The grade says which criterion, and the feedback tells the writer what to do."""
    verdict = graded(spoil(GOOD))
    scores = {one.name: one.score for one in verdict.grades}
    assert verdict.quality < THRESHOLD, name
    assert scores[culprit] < THRESHOLD, scores
    assert verdict.feedback


def test_every_criterion_says_why_and_the_worst_vital_one_bounds_the_whole():
    """The quality can be worked out by hand from what is shown."""
    for _, spoil, _ in BAD:
        verdict = graded(spoil(GOOD))
        mean = sum(one.score * one.weight for one in verdict.grades) / sum(one.weight for one in verdict.grades)
        assert verdict.quality == pytest.approx(
            min(mean, *(one.score for one in verdict.grades if one.vital)), abs=1e-3
        )
        assert all(one.why for one in verdict.grades)
        assert {one.name for one in verdict.grades} == {
            "structure",
            "coverage",
            "grounding",
            "length",
            "repetition",
            "readability",
            "questions",
        }


def test_the_feedback_names_the_objective_that_is_not_covered():
    """A model that is asked again knows what was missing."""
    _, spoil, _ = next(one for one in BAD if one[0] == "an objective left out")
    assert "Calvin cycle" in graded(spoil(GOOD)).feedback


def test_a_year_that_no_passage_names_is_not_published():
    """Numbers are what models invent most easily, and readers believe most readily."""
    wrong = GOOD.replace(
        "What is left over, plants store",
        "The cycle was found in 1883 by its discoverers [2]. What is left over, plants",
    )
    text, dropped = publishable(wrong, SUPPORT)
    assert "1883" not in text
    assert dropped["ungrounded"] == 1


def test_a_lesson_that_talks_about_itself_is_marked_down():
    """What a model says of its task is no part of a lesson."""
    verdict = graded(GOOD.replace("Plants live on light.", "Here is the lesson on how plants make sugar from light."))
    assert next(one for one in verdict.grades if one.name == "readability").score == 0


def test_no_questions_are_missed_where_none_were_asked_for():
    """The criterion is left out, and the others keep their weights."""
    spec = SPEC.model_copy(update={"questions": 0})
    verdict = graded(GOOD, spec)
    assert "questions" not in {one.name for one in verdict.grades}
    assert verdict.quality >= 0.9


@pytest.mark.parametrize(
    ("name", "title", "objectives"),
    [
        ("networks", "How networks carry data", ("Explain what a packet is", "Describe how routers forward packets")),
        ("markets", "Supply and demand", ("Explain the law of demand", "Describe the equilibrium price")),
        (
            "electricity",
            "Current and resistance",
            ("Explain what current is", "Describe how resistance limits current"),
        ),
    ],
)
def test_the_offline_generator_makes_lessons_that_pass(name, title, objectives):
    """Without a model a lesson is made of the documents' own sentences, and held to the same grade."""
    read = with_chunks(document((MATERIAL / f"{name}.md").read_text(), name=name))
    spec = LessonSpec(title=title, objectives=objectives, words=250)
    found = context(read)
    lesson = compose(spec, found)
    assert graded(lesson, spec, Support(found, spec)).quality >= THRESHOLD
    assert lesson == compose(spec, found)


def test_the_offline_generator_does_not_pass_where_the_documents_are_silent():
    """A lesson on Rome cannot be made from a text on plants, and nobody is told otherwise."""
    spec = LessonSpec(title="The fall of Rome", objectives=("Explain why the Roman empire fell",))
    assert graded(compose(spec, context()), spec, Support(context(), spec)).quality < THRESHOLD


def test_a_lesson_in_another_language_is_graded_by_the_same_rules():
    """Form is told without words, and words by the stems of their own language."""
    text = (
        "# Strom\n\nElektrischer Strom ist die gerichtete Bewegung von Ladungen in einem Leiter. Die "
        "Stromstärke wird in Ampere gemessen. Der Widerstand eines Drahtes hängt von seiner Länge und von "
        "seinem Querschnitt ab. Ein Isolator leitet den Strom nicht, weil seine Elektronen fest gebunden "
        "sind. Die Spannung treibt die Ladungen durch den Stromkreis. Eine Batterie wandelt chemische "
        "Energie in elektrische Energie um."
    )
    found = context(with_chunks(document(text, name="strom.md", language="de")))
    spec = LessonSpec(
        title="Strom",
        objectives=("Elektrischer Strom als Bewegung von Ladungen", "Widerstand eines Drahtes"),
        words=100,
    )
    good = (
        "Strom fließt, wenn sich Ladungen in einem Leiter bewegen; gemessen wird die Stromstärke in Ampere "
        "[1].\n\n## Strom\n\nDer elektrische Strom ist eine gerichtete Bewegung der Ladungen in einem Leiter "
        "[1]. Die Spannung treibt diese Ladungen durch den Stromkreis [1]. Ein Isolator leitet nicht, weil "
        "die Elektronen gebunden sind [1].\n\n## Widerstand\n\nDer Widerstand von Drähten hängt von Länge "
        "und Querschnitt des Drahtes ab [1]. Auch ein langer Draht mit kleinem Querschnitt ist ein "
        "Widerstand, denn beides zählt [1].\n\n## Zusammenfassung\n\nLadungen bewegen sich durch die "
        "Spannung, und der Widerstand des Drahtes hängt von Länge und Querschnitt ab.\n\n## Fragen\n\n1. "
        "Worin misst man die Stromstärke?\n\n   **Antwort:** In Ampere [1].\n\n2. Was treibt die Ladungen "
        "an?\n\n   **Antwort:** Die Spannung [1].\n\n3. Wovon hängt der Widerstand eines Drahtes ab?\n\n   "
        "**Antwort:** Von Länge und Querschnitt [1].\n"
    )
    verdict = graded(good, spec, Support(found, spec))
    assert verdict.quality >= THRESHOLD, verdict
    spoiled = good.replace("Widerstand", "Wald").replace("Draht", "Baum").replace("Drähte", "Bäume")
    assert graded(spoiled, spec, Support(found, spec)).quality < THRESHOLD


def test_the_parts_of_a_lesson_are_told_by_their_form():
    """The last section that asks is the check; the one before it the summary; [2-4] cites three passages."""
    outline = take_apart(GOOD.replace("[1, 2]", "[2-4]"))
    assert [section.heading for section in outline.sections] == [
        "Chlorophyll captures the light",
        "What the light reactions produce",
        "The Calvin cycle makes glucose",
    ]
    assert outline.summary is not None
    assert [check.answer for check in outline.checks] == ["Mainly red and blue light.", "ATP and NADPH.", "RuBisCO."]
    assert outline.checks[2].cited == (2,)
    (first, *_) = take_apart("Something stands here. [2-4] More of it [1, 6].").statements()
    assert first.cited == (2, 3, 4)

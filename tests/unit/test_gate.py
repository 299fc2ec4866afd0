"""A gate: what is good enough goes on; what is not is repaired, escalated, shown to a person; nothing is a failure."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import orjson
import pytest
from pydantic import BaseModel

from pipeline import LeaseLost, Models, QualityError
from pipeline.errors import Moved, NeedsReview
from pipeline.gate import Grade
from pipeline.run import Run
from pipeline.testing import MemoryJournal


class Draft(BaseModel):
    """What is graded."""

    worth: float
    model: str = ""
    told: str = ""


class Writer:
    """Writes drafts of the given worth in turn, and keeps what it was told."""

    def __init__(self, *worths: float | str) -> None:
        self._worths = list(worths)
        self.told: list[tuple[str, str]] = []

    def __call__(self, run: Run) -> Draft:
        self.told.append((run.model, run.feedback))
        worth = self._worths.pop(0)
        if isinstance(worth, str):
            raise QualityError(worth)
        return Draft(worth=worth, model=run.model, told=run.feedback)

    @property
    def function(self) -> Callable[[Run], Draft]:
        """Itself under a name."""

        def write(run: Run) -> Draft:
            return self(run)

        return write


def a_run(journal: MemoryJournal, *models: str) -> Run:
    return Run(journal, run_id="r1", actor="a", queue="q", models=Models(*(models or ("small", "large"))))


def graded(draft: Draft) -> Grade:
    return Grade(draft.worth, feedback=f"only {draft.worth}")


def grades(journal: MemoryJournal) -> list[dict[str, object]]:
    kept: list[dict[str, object]] = orjson.loads(journal.steps["gate:write"])
    return kept


def test_a_good_draft_goes_on_at_once() -> None:
    """One call, one grade; the same again after a restart, without a call."""
    journal, writer = MemoryJournal(), Writer(0.8)
    assert a_run(journal).gate(writer.function, a_run(journal), check=graded).worth == 0.8
    [kept] = grades(journal)
    assert (kept["score"], kept["model"], kept["accepted"]) == (0.8, "small", True)
    again = Writer()
    assert a_run(journal).gate(again.function, a_run(journal), check=graded).worth == 0.8
    assert again.told == []


def test_a_draft_that_falls_short_is_repaired_with_feedback_then_escalated() -> None:
    """Two drafts of the small model, then the large one; each hears what was wrong with the one before."""
    journal, writer = MemoryJournal(), Writer(0.1, 0.2, 0.9)
    run = a_run(journal)
    assert run.gate(writer.function, run, check=graded).model == "large"
    assert writer.told == [("small", ""), ("small", "only 0.1"), ("large", "only 0.2")]
    assert [kept["score"] for kept in grades(journal)] == [0.1, 0.2, 0.9]
    assert run.feedback == ""


def test_an_answer_of_the_wrong_shape_is_a_draft_of_no_worth() -> None:
    """It is told to the model like any other fault, and is no failure of the attempt."""
    journal, writer = MemoryJournal(), Writer("concepts: a list is wanted", 0.9)
    run = a_run(journal)
    assert run.gate(writer.function, run, check=graded).worth == 0.9
    assert writer.told[1] == ("small", "concepts: a list is wanted")
    assert (grades(journal)[0]["draft"], grades(journal)[0]["score"]) == ("", 0.0)


def test_without_a_model_left_a_person_is_asked_about_the_best_draft() -> None:
    """The question has every grade, where the best draft is, and what an edited one has to look like."""
    journal = MemoryJournal()
    run = a_run(journal)
    with pytest.raises(NeedsReview, match=r"best of 4 drafts \(small, large\) has 0.60 of 0.75") as asked:
        run.gate(Writer(0.1, 0.6, 0.2, 0.3).function, run, check=graded)
    item = asked.value.item
    assert (item["kind"], item["name"], item["draft"], item["answer"]) == (
        "gate", "write", "write#2", "answer:gate:write",
    )  # fmt: skip
    assert [one["score"] for one in item["grades"]] == [0.1, 0.6, 0.2, 0.3]
    assert "worth" in item["schema"]["properties"]


@pytest.mark.parametrize(
    ("answer", "worth"),
    [({"says": "approve", "draft": "write#2"}, 0.6), ({"says": "edit", "value": {"worth": 1.0}}, 1.0)],
)
def test_what_a_person_decides_is_final(answer: dict[str, object], worth: float) -> None:
    """The run goes on with the draft, or with the one put in its place, whatever its grade; no model is asked."""
    journal, run = _in_review()
    journal.steps["answer:gate:write"] = orjson.dumps(answer)
    writer, run = Writer(), a_run(journal)
    assert run.gate(writer.function, run, check=graded).worth == worth
    assert writer.told == []


def test_an_edited_draft_that_does_not_fit_comes_back() -> None:
    """The field that is wrong is named, and nothing else is lost."""
    journal, run = _in_review()
    journal.steps["answer:gate:write"] = orjson.dumps({"says": "edit", "value": {"worth": "much"}})
    run = a_run(journal)
    with pytest.raises(NeedsReview, match="the edited draft does not fit: worth: Input should be a valid number") as it:
        run.gate(Writer().function, run, check=graded)
    assert it.value.item["problem"].startswith("the edited draft")
    assert len(it.value.item["grades"]) == 4


def test_without_review_the_end_of_the_chain_is_a_failure_of_quality() -> None:
    """It says how far the best draft fell short, and why."""
    run = a_run(MemoryJournal(), "small")
    with pytest.raises(QualityError, match=r"the best of 3 drafts \(small\) has 0.30 of 0.90: only 0.3"):
        run.gate(Writer(0.1, 0.2, 0.3).function, run, check=graded, threshold=0.9, repairs=2, review=False)


def test_an_attempt_after_one_that_failed_at_a_gate_has_its_tries_anew() -> None:
    """What was wrong before is still told, and nothing of it is lost."""
    journal = MemoryJournal()
    run = a_run(journal, "small")
    with pytest.raises(QualityError):
        run.gate(Writer(0.1, 0.2).function, run, check=graded, review=False)
    run, writer = a_run(journal, "small"), Writer(0.3, 0.9)
    assert run.gate(writer.function, run, check=graded, review=False).worth == 0.9
    assert writer.told == [("small", "only 0.2"), ("small", "only 0.3")]
    assert [kept["score"] for kept in grades(journal)] == [0.1, 0.2, 0.3, 0.9]


def test_the_best_usable_draft_is_taken_when_no_model_is_left() -> None:
    """A check may say that a draft serves if no better one can be had; that it was taken is written down."""
    journal, run = MemoryJournal(), None

    def usable(draft: Draft) -> Grade:
        return Grade(draft.worth, usable=draft.worth < 0.6)

    run = a_run(journal, "small", "large", "offline")
    assert run.gate(Writer(0.1, 0.4, 0.6, 0.3).function, run, check=usable).worth == 0.4
    assert [kept["accepted"] for kept in grades(journal)] == [False, True, False, False]
    again = Writer()
    run = a_run(journal, "small", "large", "offline")
    assert run.gate(again.function, run, check=usable).worth == 0.4
    assert again.told == []


def test_offline_is_no_better_model_but_the_last_one() -> None:
    """The run starts over with it when no draft of a model serves; what it says is not asked for twice."""
    journal = MemoryJournal()
    run = a_run(journal, "small", "offline")
    with pytest.raises(Moved):
        run.gate(Writer(0.1, 0.2).function, run, check=graded)
    run, writer = a_run(journal, "small", "offline"), Writer(0.5)
    with pytest.raises(NeedsReview, match="best of 3 drafts"):
        run.gate(writer.function, run, check=graded)
    assert writer.told == [("offline", "only 0.2")]


@pytest.mark.parametrize("saves", range(1, 9))
def test_a_gate_goes_on_wherever_it_was_stopped(saves: int) -> None:
    """After each checkpoint in turn the worker is lost: no draft is made or graded twice, and it ends the same."""
    journal, writer = Dying(saves=saves), Writer(0.1, 0.2, 0.9)
    function, checked = writer.function, []

    def check(draft: Draft) -> Grade:
        checked.append(draft.worth)
        return graded(draft)

    run = a_run(journal)
    with suppress(LeaseLost):
        run.gate(function, run, check=check)
    journal.saves = 1000
    run = a_run(journal)
    assert run.gate(function, run, check=check).worth == 0.9
    assert len(writer.told) == 3
    assert checked == sorted(set(checked))
    assert [kept["score"] for kept in grades(journal)] == [0.1, 0.2, 0.9]


class Dying(MemoryJournal):
    """A journal whose worker is lost right after so many saves."""

    def __init__(self, saves: int) -> None:
        super().__init__()
        self.saves = saves

    def save_step(self, name: str, value: bytes, *, replace: bool = False) -> None:
        super().save_step(name, value, replace=replace)
        self.saves -= 1
        if not self.saves:
            raise LeaseLost("gone")


def test_a_grade_and_a_gate_outside_their_range_are_refused() -> None:
    """A score is from 0 to 1, a threshold above 0, repairs are not negative."""
    with pytest.raises(ValueError, match="a score is from 0 to 1"):
        Grade(1.1)
    run = a_run(MemoryJournal())
    with pytest.raises(ValueError, match="above 0 and at most 1"):
        run.gate(Writer(1).function, run, check=graded, threshold=0)
    with pytest.raises(ValueError, match="0 or more"):
        run.gate(Writer(1).function, run, check=graded, repairs=-1)


def test_a_gate_is_used_once_a_run() -> None:
    """It is named by its function, like a step."""
    run, writer = a_run(MemoryJournal()), Writer(0.9)
    function = writer.function
    run.gate(function, run, check=graded)
    with pytest.raises(ValueError, match="'gate:write' is used twice"):
        run.gate(function, run, check=graded)


def _in_review() -> tuple[MemoryJournal, Run]:
    journal = MemoryJournal()
    run = a_run(journal)
    with pytest.raises(NeedsReview):
        run.gate(Writer(0.1, 0.6, 0.2, 0.3).function, run, check=graded)
    return journal, run

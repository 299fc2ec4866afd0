"""What became of a batch: which of its lessons may be tried again, which a person has to look at, and its files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from actors.study.batches import BatchRequest, again, generate_lessons, sum_up
from actors.study.courses import CoursePlan, lessons, plan_lessons
from actors.study.lesson.folder import as_file, file_of, require_folder, write_lessons
from actors.study.lessons import LessonRequest
from actors.study.material import Citation, Lesson, LessonSpec, Making, StoredDocument
from pipeline import InvalidInput, Outcome, Permanent
from pipeline.blobs import Blobs, set_blobs
from pipeline.testing import run_inline
from tests.support.lessons import SPEC, material

DOCUMENT = StoredDocument(blob="0" * 64, name="plants.pdf")


def request(*titles: str, **more: Any) -> BatchRequest:
    """Ask for a lesson under each title."""
    specs = [SPEC.model_copy(update={"title": title}) for title in titles]
    return BatchRequest(lessons=tuple(LessonRequest(lesson=one, documents=(DOCUMENT,)) for one in specs), **more)


def lesson(title: str = "Light", **more: Any) -> Lesson:
    """A lesson that was made."""
    made = {
        "run": "r", "title": title, "markdown": f"# {title}\n\nIt shines [1].\n", "citations": (), "quality": 0.9,
        "grades": (), "words": 2, "tokens": 7, "seconds": 1.0, "model": "m", "drafts": 1, "made": Making(generator="m"),
    }  # fmt: skip
    return Lesson.model_validate(made | more)


@pytest.mark.parametrize(
    ("state", "reason", "retryable"),
    [
        ("dead", "attempts_exhausted: transient", True),
        ("dead", "attempts_exhausted: timeout", True),
        ("dead", "attempts_exhausted: resource", True),
        ("dead", "waited_too_long: rate_limited", True),
        ("cancelled", "asked", True),
        ("removed", "", True),
        ("dead", "permanent", False),
        ("dead", "permanent: invalid data", False),
        ("dead", "content", False),
        ("dead", "context_overflow", False),
        ("dead", "attempts_exhausted: quality", False),
        ("dead", "crash_loop", False),
    ],
)
def test_what_may_end_well_another_time_is_told_from_what_may_not(state, reason, retryable):
    """By the reason that the run ended for."""
    outcomes: list[Outcome[Lesson]] = [Outcome(state=state, reason=reason, message="why")]
    (failure,) = sum_up(request("Light"), outcomes).failures
    assert (failure.retryable, failure.message, failure.input.lesson.title) == (retryable, "why", "Light")


def test_trying_again_takes_only_what_may_end_well_and_keeps_the_places():
    """The lessons of the second batch are known by their places in the first."""
    bad = Outcome[Lesson](state="dead", reason="permanent")
    away = Outcome[Lesson](state="dead", reason="attempts_exhausted: transient")
    good = Outcome[Lesson](state="completed", value=lesson())
    former = sum_up(request("A", "B", "C", "D"), [good, away, bad, away])
    assert (former.total, former.succeeded, former.success_rate, former.tokens) == (4, 1, 0.25, 7)
    following = again("first", former)
    assert following is not None
    assert [one.lesson.title for one in following.lessons] == ["B", "D"]
    result = sum_up(following, [good, away])
    assert [one.item for one in result.lessons] == [1]
    assert [one.item for one in result.failures] == [3]
    assert result.retries == "first"
    assert again("first", sum_up(request("A", "B"), [good, bad])) is None


def test_the_offline_generator_makes_a_whole_batch_in_this_process(tmp_path: Path):
    """The lessons are children of the batch, each with its own result."""
    from actors.study.lesson.shelf import shelve
    from pipeline.artifacts import ArtifactStore, get_artifacts, set_artifacts

    set_blobs(Blobs(tmp_path / "blobs"))
    set_artifacts(ArtifactStore(f"sqlite:///{tmp_path}/results.db"))
    stored = shelve(material())
    asked = BatchRequest(
        lessons=tuple(LessonRequest(lesson=SPEC.model_copy(update={"title": t}), documents=(stored,)) for t in "AB")
    )
    result = run_inline(generate_lessons, asked).result
    assert [one.title for one in result.lessons] == ["A", "B"]
    assert len(get_artifacts().list(kind="lesson")) == 2
    get_artifacts().close()
    set_blobs(None)


def test_a_plan_tells_each_lesson_where_it_stands_and_goes_on_without_a_bad_document(tmp_path: Path):
    """Lessons share the documents that could be read; if none could, there is nothing to make them from."""
    set_blobs(Blobs(tmp_path / "blobs"))
    specs = tuple(LessonSpec(title=title, objectives=("Know it",)) for title in ("One", "Two", "Three"))
    bad = Outcome(state="dead", reason="permanent")
    plan = CoursePlan(title="Botany", lessons=specs, documents=[Outcome(state="completed", value=material()), bad])
    made = run_inline(plan_lessons, plan).result
    assert [one.course.previous for one in made.lessons] == [(), ("One",), ("One", "Two")]
    assert made.lessons[0].course.next == ("Two", "Three")
    assert {one.documents for one in made.lessons} == {made.lessons[0].documents}
    with pytest.raises(Permanent, match="none of 1 documents could be read"):
        run_inline(plan_lessons, plan.model_copy(update={"documents": [bad]}))
    set_blobs(None)


def test_the_flow_reads_documents_in_parallel_and_ends_in_the_batch():
    """Its last node's result is the batch's."""
    assert [node.name for node in lessons.nodes] == ["document.extract", "lesson.plan", "lesson.batch"]


def test_lessons_are_files_that_are_whole_and_stay_when_others_are_added(tmp_path: Path):
    """A second batch puts its lessons beside the first ones, and the index names all."""
    place = require_folder(tmp_path / "botany")
    index = {"batch": "b", "title": "Botany", "failures": []}
    assert write_lessons({0: lesson("Light"), 2: lesson("Roots")}, index, place, add=False) == [
        "001-light.md",
        "003-roots.md",
    ]
    write_lessons({1: lesson("Ça va? <Water>")}, index, require_folder(place), add=True)
    assert sorted(one.name for one in place.iterdir()) == [
        "001-light.md",
        "002-a-va-water.md",
        "003-roots.md",
        "lessons.json",
    ]
    assert [row["title"] for row in json.loads((place / "lessons.json").read_text())["lessons"]] == [
        "Light",
        "Ça va? <Water>",
        "Roots",
    ]


def test_a_folder_of_somebody_elses_is_refused(tmp_path: Path):
    """Nothing that was not made here is mixed with lessons."""
    (tmp_path / "diary.txt").write_text("dear diary")
    with pytest.raises(InvalidInput, match="holds files that are not lessons"):
        require_folder(tmp_path)
    with pytest.raises(InvalidInput, match="there is a file of this name"):
        require_folder(tmp_path / "diary.txt")


def test_the_sources_of_a_lesson_stand_below_it_and_are_only_text():
    """A document's name and its sentences are shown, whatever is in them."""
    cited = Citation(number=1, document="<b>.pdf", page=3, sentence="See [this](javascript:alert(1)) *now*.")
    text = as_file(lesson(citations=(cited,)))
    assert text.endswith("\n---\n\n- \\[1\\] \\<b\\>.pdf, page 3: See \\[this\\](javascript:alert(1)) \\*now\\*.\n")
    assert file_of(11, "日本") == "012-lesson.md"

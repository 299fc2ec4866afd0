"""Batches of lessons with real workers and simulated models: some fail, some wait, a worker dies, and all is told."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from actors.study.batches import BATCH, BatchFailure, BatchRequest, BatchResult, generate_lessons
from actors.study.lesson.shelf import shelve
from actors.study.lessons import LESSON, LessonRequest
from actors.study.material import LessonSpec, StoredDocument
from pipeline import Models, RunFailed
from pipeline.artifacts import ArtifactStore
from pipeline.blobs import Blobs, set_blobs
from pipeline.review import Reviews
from pipeline.testing import Answer, Behaviour, Exchange, SimulatedProvider, rate_limited
from tests.chaos.stage import Stage, stage
from tests.support.command_line import CommandHere, CommandLine
from tests.support.lessons import SPEC, idler, material, teacher
from tests.support.processes import Process
from tests.support.redis_server import RedisServer
from tests.support.texts import MATERIAL
from tests.support.waiting import eventually

SOON = timedelta(seconds=60)


@dataclass
class ByLesson:
    """Treats each call by the lesson it asks for: its own behaviours in turn, the last for all that follow."""

    plans: dict[str, list[Behaviour]]
    turns: Counter[str] = field(default_factory=Counter)
    other: Behaviour = field(default_factory=lambda: Answer(teacher))

    def play(self, exchange: Exchange) -> None:
        """Look which lesson it is, and pass it on."""
        title = title_of(exchange.call.prompt)
        plan = self.plans.get(title, [self.other])
        turn, self.turns[title] = self.turns[title], self.turns[title] + 1
        exchange.play(plan[min(turn, len(plan) - 1)])


@dataclass(frozen=True)
class School:
    """A stage with a provider of one model, told what to do by lesson, and a document on the shelf."""

    stage: Stage
    provider: SimulatedProvider
    plans: dict[str, list[Behaviour]]
    chain: Models
    document: StoredDocument
    results: ArtifactStore

    def worker(self, threads: int = 8) -> Process:
        """Start a worker that keeps its results in the school's database; who sends a batch names the models."""
        database = {"DATABASE_URL": f"sqlite:///{self.stage.folder}/results.db"}
        return self.stage.worker(threads=threads, modules=(), env=database)

    def batch(self, *titles: str) -> BatchRequest:
        """Ask for a lesson under each title."""
        specs = [SPEC.model_copy(update={"title": title}) for title in titles]
        return BatchRequest(lessons=tuple(LessonRequest(lesson=spec, documents=(self.document,)) for spec in specs))

    def asked(self) -> Counter[str]:
        """Count the calls by lesson."""
        return Counter(title_of(call.prompt) for call in self.provider.calls)


def title_of(prompt: str) -> str:
    """Read from a prompt which lesson is asked for."""
    found = re.search(r"^Lesson: (.+)$", prompt, re.MULTILINE)
    return found.group(1) if found else ""


@contextmanager
def a_school(redis_url: str, folder: Path) -> Iterator[School]:
    """Found a school at a Redis."""
    plans: dict[str, list[Behaviour]] = {}
    with SimulatedProvider() as provider, stage(redis_url, folder, f"school-{folder.name}") as here:
        set_blobs(Blobs(folder / "home" / "blobs"))
        results = ArtifactStore(f"sqlite:///{folder}/results.db")
        results.migrate()
        chain = Models(provider.on("first", ByLesson(plans)), provider.on("second", ByLesson(plans)))
        yield School(here, provider, plans, chain, shelve(material()), results)
        results.close()
        set_blobs(None)


@pytest.fixture(scope="module")
def school(redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[School]:
    """One worker for all tests that do not hurt it."""
    if not redis_server.running:
        redis_server.start()
    with a_school(redis_server.url, tmp_path_factory.mktemp("school")) as here:
        here.worker()
        yield here


def test_a_batch_of_twelve_delivers_the_good_ones_and_names_the_others(school: School) -> None:
    """Nine are made, one of them after a rate limit; two stay bad and one rests on nothing: they wait for a person."""
    titles = [f"Lesson {number}" for number in range(12)]
    school.plans["Lesson 2"] = [rate_limited(1), Answer(teacher)]
    school.plans["Lesson 5"] = school.plans["Lesson 8"] = [Answer(idler)]
    request = school.batch(*titles)
    silent = LessonSpec(title="Roman law", objectives=("Name tribunes",))
    strange = request.lessons[3].model_copy(update={"lesson": silent})
    request = request.model_copy(update={"lessons": (*request.lessons[:3], strange, *request.lessons[4:])})

    run = generate_lessons.send(request, models=school.chain)
    result = run.result(SOON)

    assert (result.total, result.succeeded, result.failed, result.success_rate) == (12, 9, 3, 0.75)
    assert [one.item for one in result.lessons] == [0, 1, 2, 4, 6, 7, 9, 10, 11]
    assert all(one.quality >= 0.75 for one in result.lessons)
    failed = {one.item: one for one in result.failures}
    assert {item: one.retryable for item, one in failed.items()} == {3: False, 5: False, 8: False}
    assert failed[5].input == request.lessons[5]
    assert "the best of 4 drafts" in failed[5].message
    assert "no passage of the 3 in the documents bears on 'Roman law'" in failed[3].message
    assert result.summary == "9 of 12 lessons made (75%), 3 failed: 0 may be retried, 3 are up for review"

    for one in result.lessons:
        kept = school.results.find(one.run, LESSON)
        assert kept is not None
        assert kept.body["title"] == one.title
    stored = school.results.find(run.id, BATCH)
    assert stored is not None
    assert BatchResult.model_validate(stored.body) == result
    assert (school.stage.inspector.show(run.id) or {})["attempt"] == 1

    reviews = Reviews(school.stage.store, school.stage.broker.values)
    waiting = {one.review: one.item for one in result.failures}
    eventually(lambda: {one.run for one in reviews.list()} >= set(waiting), SOON)
    chosen = failed[5].review
    assert "What you will learn" in reviews.draft(chosen)["markdown"]
    reviews.approve(chosen, by="Ada")
    eventually(lambda: school.results.find(chosen, LESSON), SOON)
    reviews.edit(failed[3].review, {"markdown": "By hand.", "model": "Ada"})
    eventually(lambda: school.results.find(failed[3].review, LESSON), SOON)


def test_a_batch_fails_only_if_all_of_it_failed_and_still_says_what_became_of_it(school: School) -> None:
    """The run is dead with the summary; what failed for a while can be tried again, and nothing else is."""
    titles = ("Bad one", "Bad two", "Bad three")
    school.plans.update({title: [Answer(idler)] for title in titles})
    run = generate_lessons.send(school.batch(*titles), models=school.chain)
    with pytest.raises(RunFailed, match=r"0 of 3 lessons made \(0%\), 3 failed: 0 may be retried, 3 are up for review"):
        run.result(SOON)
    stored = school.results.find(run.id, BATCH)
    assert stored is not None
    assert BatchResult.model_validate(stored.body).failed == 3
    assert {title: school.asked()[title] for title in titles} == dict.fromkeys(titles, 4)


def test_a_cancelled_batch_takes_its_lessons_with_it(school: School) -> None:
    """What was made before stays in the database; nothing more is asked for."""
    titles = [f"Slow {number}" for number in range(30)]
    school.plans.update({title: [Answer(teacher, delay=timedelta(milliseconds=500))] for title in titles})
    run = generate_lessons.send(school.batch(*titles), models=school.chain)
    eventually(lambda: school.asked()["Slow 0"], SOON)
    run.cancel()
    eventually(lambda: run.state() == "cancelled", SOON)
    eventually(lambda: not school.stage.inspector.list_runs("running"), SOON)
    assert not school.stage.inspector.list_runs("queued")
    assert sum(school.asked()[title] for title in titles) < 30


def test_a_killed_worker_repeats_no_lesson_that_was_made(redis_url: str, tmp_path: Path) -> None:
    """The batch goes on with another worker; only what was in hand is asked for once more."""
    titles = [f"Lesson {number}" for number in range(6)]
    with a_school(redis_url, tmp_path) as school:
        school.plans.update({title: [Answer(teacher, delay=timedelta(milliseconds=300))] for title in titles})
        first = school.worker(threads=2)
        run = generate_lessons.send(school.batch(*titles), models=school.chain)
        eventually(lambda: len(school.results.list(kind=LESSON)) >= 2, SOON)
        first.kill()
        made = {one.body["title"] for one in school.results.list(kind=LESSON)}
        school.worker(threads=4)
        result = run.result(SOON)
        assert result.succeeded == 6
        assert len(school.results.list(kind=LESSON)) == 6
        asked = school.asked()
        assert set(asked) == set(titles)
        assert {asked[title] for title in made} == {1}
        assert max(asked.values()) <= 2


def test_the_command_makes_lessons_and_tries_again_what_failed(tmp_path: Path, home: Path, redis_url: str) -> None:
    """A course in a file; what an outage cost is asked for again, into the same folder, and what is there stays."""
    for name in ("photosynthesis", "electricity"):
        (tmp_path / f"{name}.md").write_text((MATERIAL / f"{name}.md").read_text())
    course = {
        "title": "Nature",
        "documents": ["photosynthesis.md", "electricity.md"],
        "lessons": [
            {"title": SPEC.title, "objectives": SPEC.objectives, "words": 300},
            {"title": "Electric current", "objectives": ["Explain what electric current is"], "words": 200},
            {"title": "Roman law", "objectives": ["Name tribunes"]},
        ],
    }
    (tmp_path / "course.json").write_text(json.dumps(course))
    small = {"DRAMATURG_PROCESSES": "1", "DRAMATURG_THREADS": "4"}
    dramaturg = CommandLine(tmp_path, {"DRAMATURG_HOME": str(home), "REDIS_URL": redis_url, **small})
    made = dramaturg("lessons", "course.json", "--out", "botany", "--json", code=1).json
    assert (made["status"], made["succeeded"], made["failed"]) == ("partial", 2, 1)
    (failure,) = made["failures"]
    assert (failure["title"], failure["retryable"]) == ("Roman law", False)
    assert made["files"] == ["001-how-plants-make-sugar.md", "002-electric-current.md"]
    waiting = CommandHere(dramaturg.env)("review", "ls", "--json").json["reviews"]
    assert [one["run"] for one in waiting] == [failure["review"]]

    lose(home, made["batch"], 1)
    (tmp_path / "botany" / "002-electric-current.md").unlink()
    again = dramaturg("lessons", "--retry-failed", made["batch"], "--out", "botany", "--json").json
    assert (again["status"], again["total"]) == ("complete", 1)
    assert [one["item"] for one in again["lessons"]] == [1]
    names = sorted(file.name for file in (tmp_path / "botany").iterdir())
    assert names == ["001-how-plants-make-sugar.md", "002-electric-current.md", "lessons.json"]
    index = json.loads((tmp_path / "botany" / "lessons.json").read_text())
    assert [one["title"] for one in index["lessons"]] == [SPEC.title, "Electric current"]
    text = (tmp_path / "botany" / names[0]).read_text()
    assert text.startswith("# How plants make sugar\n")
    assert re.search(r"^- \\\[1\\\] photosynthesis\.md, page 1: ", text, re.MULTILINE)


def lose(home: Path, batch: str, item: int) -> None:
    """Make a batch's record say that a provider's outage cost it one of its lessons."""
    results = ArtifactStore(f"sqlite:///{home}/dramaturg.db")
    kept = results.find(batch, BATCH)
    assert kept is not None
    result = BatchResult.model_validate(kept.body)
    lost = result.lessons[item]
    spec = LessonSpec(title=lost.title, objectives=("Explain what electric current is",), words=200)
    request = result.failures[0].input.model_copy(update={"lesson": spec})
    reason = "attempts_exhausted: transient"
    failure = BatchFailure(item=item, input=request, state="dead", reason=reason, message="503", retryable=True)
    body = result.model_copy(update={"failures": (*result.failures, failure)})
    results.save(run_id=batch, flow_id=kept.flow_id, kind=BATCH, body=body.model_dump(mode="json"))
    results.close()

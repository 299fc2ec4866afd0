"""What the gates of the study actors make of an answer, and what a model is told about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from actors.study import gates, modelled
from actors.study.graphs import generate_graph
from actors.study.material import Block, ExtractedDocument
from actors.study.modelled import Stood
from pipeline import Permanent
from pipeline.llm import Providers, configure
from pipeline.testing import Answer, MemoryJournal, SimulatedProvider, run_inline
from tests.readers import honest

TEXT = (
    "Carbon fixation turns sunlight into chemical energy inside the chloroplast. The chloroplast holds thylakoids that "
    "are stacked like coins. Thylakoids carry chlorophyll, the pigment that absorbs sunlight. Chlorophyll absorbs red "
    "and blue sunlight. Carbon fixation produces oxygen and glucose."
)
EMPTY: dict[str, list[Any]] = {"concepts": [], "relations": []}


@pytest.fixture
def provider() -> Iterator[SimulatedProvider]:
    """A provider that is asked by address."""
    configure(Providers())
    with SimulatedProvider() as running:
        yield running
    configure(None)


def document(text: str) -> ExtractedDocument:
    return ExtractedDocument(
        id="1" * 64, name="leaves.txt", format="text", language="en", pages=1,
        blocks=(Block(kind="paragraph", text=text, page=1, offset=0),), chunks=(),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("offered", "kept", "dropped", "wanted", "score"),
    [
        (10, 10, {}, 3, 1.0),
        (10, 7, {"ungrounded": 3}, 3, 0.7),
        (10, 6, {"duplicate": 4}, 3, 0.9),
        (10, 6, {"ungrounded": 2, "between_unknown_concepts": 2}, 3, 0.75),
        (10, 1, {"gives_away": 9}, 2, 0.3875),
        (4, 0, {"foreign_words": 4}, 1, 0.0),
        (2, 1, {"sentence_off_the_path": 1}, 1, 0.875),
        (0, 0, {}, 2, 0.0),
        (0, 0, {}, 0, 1.0),
    ],
)
def test_a_grade_is_the_share_that_stands_times_what_is_covered(
    offered: int, kept: int, dropped: dict[str, int], wanted: int, score: float
) -> None:
    """What is made up weighs whole, what is only too much a quarter; too few claims, or none, weigh by themselves."""
    found = gates.grade(Stood(offered, kept, Counter(dropped)), wanted)
    assert found.score == pytest.approx(score)
    assert found.usable, "what stands of it may be published, whatever its grade"


def test_a_model_is_told_what_was_wrong_in_our_words() -> None:
    """Counted by reason, the most frequent first."""
    told = gates.grade(Stood(9, 4, Counter({"ungrounded": 3, "duplicate": 1, "sentence_off_the_path": 1})), 2).feedback
    assert told.startswith(
        "Of its 9 claims 4 stand; the others were left out: 3 because the quote, or the answer, is not"
    )
    assert "1 because it says what another one says" in told
    assert "1 because it does not belong to the path" in told


def test_an_answer_that_is_sent_back_is_paid_for_and_not_used(provider: SimulatedProvider) -> None:
    """The graph is that of the better answer; calls and tokens are those of both; the second was told why."""
    nothing = {"concepts": [{"label": "penguin", "quote": "Penguins live far away from here."}] * 3, "relations": []}
    source = document(TEXT)
    alone = run_inline(generate_graph, source, model=provider.on("good", Answer(honest))).result
    graph = run_inline(generate_graph, source, model=provider.on("m", Answer(nothing), Answer(honest))).result
    assert (graph.concepts, graph.relations) == (alone.concepts, alone.relations)
    assert (alone.made.calls, graph.made.calls) == (1, 2)
    assert graph.made.tokens_in > alone.made.tokens_in
    assert (graph.made.dropped, graph.made.below) == (alone.made.dropped, 0)
    again = [call.prompt for call in provider.calls if call.model == "m"][1]
    assert "An earlier answer was sent back. Of its 3 claims 0 stand" in again
    assert "penguin" not in again.lower()


def test_the_next_model_is_asked_and_what_stands_in_the_end_is_taken(provider: SimulatedProvider) -> None:
    """Twice each; of the weak answers the best one is used, and it says that it fell short."""
    good = honest_claims(provider)
    weak = {
        "concepts": [good[0]] + [{"label": f"x{n}", "quote": "Not there at all."} for n in range(3)],
        "relations": [],
    }
    models = [provider.on("small", Answer(EMPTY)), provider.on("large", Answer(weak))]
    journal = MemoryJournal()
    graph = run_inline(generate_graph, document(TEXT), model=models, journal=journal).result
    assert [concept.label for concept in graph.concepts] == [good[0]["label"]]
    assert [call.model for call in provider.calls][-4:] == ["small", "small", "large", "large"]
    assert (graph.made.calls, graph.made.below, graph.made.dropped["ungrounded"]) == (4, 1, 3)
    assert graph.made.generator.endswith("#large")
    assert journal.reports[-1]["message"].endswith("3 dropped, 1 answers fell short")


def test_nothing_that_stands_is_said_and_not_published(provider: SimulatedProvider) -> None:
    """A document with something to say fails clearly, or is read offline; one with nothing to say is an empty graph."""
    empty = provider.on("empty", Answer(EMPTY))
    with pytest.raises(Permanent, match=r"nothing of what the models said about leaves\.txt stands in it"):
        run_inline(generate_graph, document(TEXT), model=empty)
    graph = run_inline(generate_graph, document(TEXT), model=[empty, "offline"]).result
    assert graph.concepts
    assert graph.made.generator == "offline"
    assert run_inline(generate_graph, document("Menu. Soup. Bread."), model=empty).result.concepts == ()


def test_weighing_and_assembling_agree(provider: SimulatedProvider) -> None:
    """What a gate counts as standing is what is published."""
    source = document(TEXT)
    part = modelled.split(source)[0]
    read = modelled.read_part(part, provider.on("m", Answer(honest)))
    graph, stood = modelled.assemble(source, [read]), modelled.weigh_graph(read, modelled.Ground(source))
    assert stood.kept == len(graph.concepts) + len(graph.relations)
    asked = modelled.make_questions(part, f"{provider.url}#m", 8)
    quiz, weighed = modelled.assemble_quiz(source, [asked], 8), modelled.weigh_questions(asked, modelled.Ground(source))
    assert (weighed.kept, weighed.offered) == (len(quiz.items), len(asked.answer.questions))


def honest_claims(provider: SimulatedProvider) -> list[dict[str, Any]]:
    """Give the concepts that an honest model finds."""
    read = modelled.read_part(modelled.split(document(TEXT))[0], provider.on("good", Answer(honest)))
    return [claim.model_dump() for claim in read.answer.concepts]

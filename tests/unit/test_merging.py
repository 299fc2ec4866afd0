"""One concept under two names becomes one node."""

from __future__ import annotations

from decimal import Decimal

import pytest

from actors.study.material import Concept, Evidence, KnowledgeGraph, Making, Relation
from actors.study.merging import merge_graphs

SAID = Evidence(sentence="The central processing unit (CPU) executes instructions.", page=3, document="a.pdf")
ALSO = Evidence(sentence="Registers belong to the CPU.", page=9, document="b.pdf")


def concept(label: str, *aliases: str, weight: float = 1.0, evidence: Evidence = ALSO) -> Concept:
    return Concept(id=label.lower(), label=label, aliases=aliases, weight=weight, evidence=(evidence,))


def graph(*concepts: Concept, relations: tuple[Relation, ...] = (), made: Making | None = None) -> KnowledgeGraph:
    return KnowledgeGraph(concepts=concepts, relations=relations, made=made or Making(generator="offline"))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Enzyme", "enzymes"),
        ("light-dependent reaction", "Light dependent reactions"),
        ("data base", "database"),
        ("the French Revolution", "French revolution"),
        ("mitochondrion", "mitochondria"),
        ("central processing unit (CPU)", "CPU"),
        ("CPU (central processing unit)", "central processing units"),
        ("analysis", "analyses"),
    ],
)
def test_two_spellings_are_one_concept(one: str, other: str) -> None:
    """Case, number, hyphens, articles and acronyms do not make a second node."""
    merged = merge_graphs([graph(concept(one)), graph(concept(other))])
    assert len(merged.concepts) == 1


@pytest.mark.parametrize(
    ("one", "other"), [("IT", "it"), ("AIDS", "aid"), ("plant", "planet"), ("light energy", "energy"), ("glass", "gas")]
)
def test_different_things_stay_apart(one: str, other: str) -> None:
    """What only looks alike is not merged."""
    assert len(merge_graphs([graph(concept(one)), graph(concept(other))]).concepts) == 2


def test_an_acronym_joins_its_expansion_where_a_sentence_introduces_it() -> None:
    """Two documents may use one each."""
    merged = merge_graphs([graph(concept("central processing unit", evidence=SAID)), graph(concept("CPU"))])
    (only,) = merged.concepts
    assert only.label == "central processing unit"
    assert only.aliases == ("CPU",)
    assert set(only.evidence) == {SAID, ALSO}


def test_an_acronym_that_nobody_introduces_stays_apart() -> None:
    """Letters alone prove nothing: ATM may be a cash machine or a network."""
    assert len(merge_graphs([graph(concept("asynchronous transfer mode")), graph(concept("ATM"))]).concepts) == 2


def test_an_alias_joins_two_concepts() -> None:
    """A second name that one part learned holds for all parts."""
    merged = merge_graphs([graph(concept("voltage", "potential difference")), graph(concept("Potential Difference"))])
    assert [item.label for item in merged.concepts] == ["voltage"]


def test_edges_follow_their_concepts_and_loops_are_dropped() -> None:
    """An edge between two names of one thing says nothing; the same edge twice is one edge with both evidences."""
    first = graph(
        concept("enzyme"), concept("protein"), concept("enzymes"),
        relations=(
            Relation(source="enzyme", target="protein", type="is_a", weight=0.5, evidence=(SAID,)),
            Relation(source="enzyme", target="enzymes", type="related", weight=0.5, evidence=(SAID,)),
        ),
    )  # fmt: skip
    second = graph(
        concept("Enzymes"), concept("Proteins"),
        relations=(Relation(source="enzymes", target="proteins", type="is_a", weight=1.0, evidence=(ALSO,)),),
    )  # fmt: skip
    merged = merge_graphs([first, second])
    (edge,) = merged.relations
    assert (edge.source, edge.type, edge.target) == ("enzyme", "is_a", "protein")
    assert set(edge.evidence) == {SAID, ALSO}
    assert edge.weight == 1.0


def test_weights_are_normalized_and_ids_unique() -> None:
    """The strongest concept weighs one, and every edge names a node that exists."""
    merged = merge_graphs(
        [graph(concept("enzyme", weight=1.0), concept("IT")), graph(concept("Enzymes", weight=0.5), concept("it"))]
    )
    assert max(item.weight for item in merged.concepts) == 1.0
    assert len({item.id for item in merged.concepts}) == len(merged.concepts) == 3


def test_an_id_is_the_label_in_the_singular_and_leaves_names_alone() -> None:
    """Whoever reads graph.json meets the Krebs cycle under its name."""
    merged = merge_graphs([graph(concept("Krebs cycle"), concept("the light-dependent reactions"), concept("CPUs"))])
    assert {item.id for item in merged.concepts} == {"krebs-cycle", "light-dependent-reaction", "cpu"}


def test_related_is_dropped_where_something_definite_is_said() -> None:
    """A co-occurrence beside a stated relation is noise."""
    one = Relation(source="enzyme", target="protein", type="is_a", weight=1.0, evidence=(SAID,))
    two = Relation(source="protein", target="enzyme", type="related", weight=1.0, evidence=(ALSO,))
    merged = merge_graphs([graph(concept("enzyme"), concept("protein"), relations=(one, two))])
    assert [edge.type for edge in merged.relations] == ["is_a"]


def test_what_the_making_cost_is_summed() -> None:
    """Calls, tokens, price, time and what was dropped add up; an unknown price does not hide the known ones."""
    one = Making(
        generator="m", calls=1, tokens_in=10, tokens_out=5, price=Decimal("0.1"), seconds=0.1, dropped={"ungrounded": 2}
    )
    two = Making(generator="m", calls=2, tokens_in=1, tokens_out=1, seconds=0.2, dropped={"ungrounded": 1, "other": 1})
    made = merge_graphs([graph(made=one), graph(made=two)]).made
    assert made == Making(
        generator="m",
        calls=3,
        tokens_in=11,
        tokens_out=6,
        price=Decimal("0.1"),
        seconds=0.3,
        dropped={"other": 1, "ungrounded": 3},
    )


def test_nothing_merges_to_nothing() -> None:
    """No graphs are an empty graph."""
    merged = merge_graphs([])
    assert (merged.concepts, merged.relations) == ((), ())

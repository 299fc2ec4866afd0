"""Graph, quiz and explanations without a model, on short texts of five subjects."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time

import pytest

from actors.study.grounding import Source
from actors.study.material import ExtractedDocument, KnowledgeGraph, Quiz, QuizItem
from actors.study.merging import merge_graphs
from actors.study.offline import Part, PartFindings, assemble, explain, make_quiz, read_part, split
from actors.study.questions import FALSE, TRUE, accept_items
from actors.study.words import term_key
from tests.support.texts import SUBJECTS, document, subject


def graph_of(source: ExtractedDocument) -> KnowledgeGraph:
    return assemble(source, [read_part(part) for part in split(source)])


def triples(graph: KnowledgeGraph) -> set[tuple[str, str, str]]:
    labels = {concept.id: concept.label for concept in graph.concepts}
    return {(labels[edge.source], edge.type, labels[edge.target]) for edge in graph.relations}


EXPECTED = {
    "photosynthesis": {
        ("chlorophyll", "is_a", "green pigment"),
        ("Calvin cycle", "occurs_in", "stroma"),
        ("cellular respiration", "produces", "water"),
        ("photolysis", "releases", "oxygen"),
        ("Calvin cycle", "uses", "adenosine triphosphate"),
    },
    "electricity": {
        ("chemical energy", "converted_into", "electrical energy"),
        ("Michael Faraday", "discovers", "electromagnetic induction"),
        ("transformers", "depends_on", "electromagnetic induction"),
    },
    "revolution": {
        ("Directory", "replaces", "National Convention"),
        ("Jacobins", "supports", "Robespierre"),
        ("taille", "is_a", "direct tax"),
    },
    "networks": {
        ("Transport Layer Security", "encrypts", "traffic"),
        ("Domain Name System", "is_a", "distributed database"),
    },
    "markets": {
        ("tariff", "is_a", "tax"),
        ("rent control", "is_a", "price ceiling"),
        ("price ceiling", "causes", "shortage"),
    },
}


@pytest.mark.parametrize("name", SUBJECTS)
def test_the_graph_says_what_the_text_says(name: str) -> None:
    """The relations a reader would draw are there, with their types and directions."""
    found = triples(graph_of(subject(name)))
    assert len(EXPECTED[name] & found) >= len(EXPECTED[name]) - (name == "photosynthesis"), EXPECTED[name] - found


@pytest.mark.parametrize("name", SUBJECTS)
def test_every_claim_of_the_graph_is_found_in_the_source(name: str) -> None:
    """Concepts, definitions and edges all cite sentences of the document, on their pages."""
    text = subject(name)
    source, graph = Source(text), graph_of(text)
    assert graph.concepts
    pages = {(sentence.text, sentence.page) for sentence in source.sentences}
    cited = [item for concept in graph.concepts for item in concept.evidence]
    cited += [concept.definition for concept in graph.concepts if concept.definition]
    cited += [item for edge in graph.relations for item in edge.evidence]
    assert {(item.sentence, item.page) for item in cited} <= pages
    assert {item.document for item in cited} == {text.name}


@pytest.mark.parametrize("name", SUBJECTS)
def test_the_graph_is_whole(name: str) -> None:
    """Ids are unique, edges join two different concepts that exist, and weights go up to one."""
    graph = graph_of(subject(name))
    ids = [concept.id for concept in graph.concepts]
    assert len(set(ids)) == len(ids)
    assert len({term_key(concept.label) for concept in graph.concepts}) == len(ids)
    assert all({edge.source, edge.target} <= set(ids) and edge.source != edge.target for edge in graph.relations)
    assert max(concept.weight for concept in graph.concepts) == 1.0
    assert all(0 < edge.weight <= 1 for edge in graph.relations)
    assert graph.made.generator == "offline"


def test_what_the_text_denies_or_doubts_is_not_in_the_graph() -> None:
    """ "does not", "may" and "was not" state nothing."""
    networks, revolution = triples(graph_of(subject("networks"))), triples(graph_of(subject("revolution")))
    assert not [claim for claim in networks if claim[1] in ("encrypts", "exhausts") and "Security" not in claim[0]]
    assert ("Robespierre", "is_a", "general") not in revolution


def test_a_definition_is_the_sentence_that_defines() -> None:
    """Not one that only mentions the term."""
    concepts = {concept.label: concept for concept in graph_of(subject("markets")).concepts}
    assert concepts["tariff"].definition is not None
    assert concepts["tariff"].definition.sentence == "A tariff is a tax on imported goods."


def test_an_acronym_is_an_alias_of_its_expansion() -> None:
    """One concept, both names."""
    concepts = {concept.label: concept for concept in graph_of(subject("networks")).concepts}
    assert concepts["Domain Name System"].aliases == ("DNS",)
    assert "DNS" not in concepts


def test_parts_and_findings_survive_json() -> None:
    """They cross Redis between workers."""
    (part,) = split(subject("markets"))
    found = read_part(Part.model_validate_json(part.model_dump_json()))
    again = PartFindings.model_validate_json(found.model_dump_json())
    assert again == found
    assert read_part(part).model_copy(update={"seconds": 0}) == found.model_copy(update={"seconds": 0})


def test_front_matter_and_exercises_are_not_read() -> None:
    """Preface, references and exercises are in no part."""
    text = " ".join(block.text for name in SUBJECTS for part in split(subject(name)) for block in part.blocks)
    assert "This book was written" not in text
    assert "RFC 882" not in text
    assert "Calculate the resistance" not in text


def test_long_documents_are_cut_into_parts_that_hold_everything_once() -> None:
    """About 6,000 words or 15 pages each, every block in exactly one."""
    long = document(
        "\n\n".join(f"# Chapter {n}\n\n" + "The enzyme digests the protein quickly. " * 200 for n in range(20))
    )
    parts = split(long)
    assert len(parts) > 3
    assert tuple(block for part in parts for block in part.blocks) == long.blocks
    assert max(sum(len(block.text.split()) for block in part.blocks) for part in parts) <= 6_000
    assert [part.number for part in parts] == list(range(len(parts)))


def test_an_empty_document_gives_an_empty_graph_and_quiz() -> None:
    """Nothing to say is said as nothing."""
    empty = document("# Contents\n\nnothing")
    assert graph_of(empty).concepts == ()
    assert make_quiz(empty, 5).items == ()
    assert explain(graph_of(empty), [empty]).items == ()


@pytest.fixture(scope="module")
def quizzes() -> dict[str, Quiz]:
    return {name: make_quiz(subject(name), 12) for name in SUBJECTS}


def every_item(quizzes: dict[str, Quiz]) -> list[tuple[str, QuizItem]]:
    return [(name, item) for name, quiz in quizzes.items() for item in quiz.items]


def test_every_subject_gives_a_quiz_of_several_kinds(quizzes: dict[str, Quiz]) -> None:
    """A page of text is good for eight questions and more."""
    for name, quiz in quizzes.items():
        assert len(quiz.items) >= 8, name
        assert len({item.kind for item in quiz.items}) >= 2, name
    assert {item.kind for _, item in every_item(quizzes)} == {"multiple_choice", "cloze", "true_false", "short_answer"}


def test_every_quiz_item_passes_the_rules_it_is_held_to(quizzes: dict[str, Quiz]) -> None:
    """What the generator makes, the rules accept unchanged."""
    for name, quiz in quizzes.items():
        kept, dropped = accept_items(quiz.items, Source(subject(name)), limit=100)
        assert set(kept) == set(quiz.items)
        assert dropped == {}


def test_no_question_gives_an_answer_away(quizzes: dict[str, Quiz]) -> None:
    """Neither its own nor that of another question."""
    for quiz in quizzes.values():
        for item in quiz.items:
            for other in quiz.items:
                if other.kind != "true_false":
                    assert f" {term_key(other.answer)} " not in f" {term_key(item.question.replace('_____', '. . .'))} "


def test_true_statements_are_the_sources_and_false_ones_are_not(quizzes: dict[str, Quiz]) -> None:
    """A statement called true stands in the source word for word; one called false does not."""
    for name, item in every_item(quizzes):
        if item.kind == "true_false":
            there = Source(subject(name)).find(item.question)
            assert (there is not None) == (item.answer == TRUE)
            assert item.answer in (TRUE, FALSE)


def test_options_are_four_of_a_kind(quizzes: dict[str, Quiz]) -> None:
    """Numbers with numbers, names with names, and the answer once among them."""
    for _, item in every_item(quizzes):
        if item.options and item.kind != "true_false":
            assert len(set(item.options)) == 4
            assert item.options.count(item.answer) == 1
            assert len({option.replace(",", "").isdigit() for option in item.options}) == 1


def test_a_cloze_filled_in_is_a_sentence_of_the_source(quizzes: dict[str, Quiz]) -> None:
    """And its passage holds that sentence."""
    for name, item in every_item(quizzes):
        if item.kind == "cloze":
            filled = item.question.replace("_____", item.answer)
            spelled = [filled.replace("A(n)", article.title()).replace("a(n)", article) for article in ("a", "an")]
            found = [evidence for text in spelled if (evidence := Source(subject(name)).find(text))]
            assert found
            assert found[0].sentence in item.passage
            assert found[0].page == item.page


def test_no_question_points_at_something_said_before(quizzes: dict[str, Quiz]) -> None:
    """A question stands alone."""
    for _, item in every_item(quizzes):
        assert not re.match(r"(?:This|These|It|They|Such|However|He|She)\b", item.question)
        assert not re.search(r"\b(?:figure|chapter|exercise) \d", item.question, re.IGNORECASE)


def test_a_seed_gives_the_same_quiz_whatever_the_hash_seed() -> None:
    """Runs may be repeated by another worker."""
    program = (
        "from tests.support.texts import subject; from actors.study.offline import *\n"
        "d = subject('electricity'); g = assemble(d, [read_part(p) for p in split(d)])\n"
        "print(make_quiz(d, 12).items, g.concepts, g.relations, explain(g, [d]).items)"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", program],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            timeout=60,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(printed) == 1
    assert make_quiz(subject("electricity"), 12, seed=1) != make_quiz(subject("electricity"), 12, seed=2)


def test_explanations_are_told_from_the_source() -> None:
    """Every step is a sentence of the document, quoted and cited, and paths run along edges of the graph."""
    text = subject("photosynthesis")
    graph, source = graph_of(text), Source(text)
    explained = explain(graph, [text])
    assert 4 <= len(explained.items) <= 8
    assert any(len(item.path) > 2 for item in explained.items)
    edges = {frozenset((a, b)) for a, _, b in triples(graph)}
    for item in explained.items:
        assert (item.path[0], item.path[-1]) == (item.source, item.target)
        assert all(frozenset(step) in edges for step in zip(item.path, item.path[1:], strict=False))
        for citation in item.citations:
            assert source.find(citation.sentence) is not None
            assert citation.sentence in item.text


def test_an_edge_whose_sentence_is_not_in_the_source_is_not_explained() -> None:
    """Explaining checks again: the graph may come from a model."""
    text = subject("markets")
    graph = graph_of(text)
    forged = [
        edge.model_copy(
            update={"evidence": (edge.evidence[0].model_copy(update={"sentence": "Nobody ever wrote this sentence."}),)}
        )
        for edge in graph.relations
    ]
    explained = explain(graph.model_copy(update={"relations": tuple(forged)}), [text])
    assert explained.items == ()
    assert explained.made.dropped == {"ungrounded": len(forged)}


def test_a_definition_that_is_not_in_the_source_is_not_told() -> None:
    """The same for what a graph says its concepts are."""
    text = subject("markets")
    graph = graph_of(text)
    forged = tuple(
        c.model_copy(
            update={"definition": c.definition and c.definition.model_copy(update={"sentence": "Nobody wrote this."})}
        )
        for c in graph.concepts
    )
    explained = explain(graph.model_copy(update={"concepts": forged}), [text])
    assert explained.items
    assert "Nobody" not in " ".join(item.text for item in explained.items)


def test_graphs_of_several_documents_merge_and_are_explained_together() -> None:
    """A pack over several documents has one graph."""
    texts = [subject("photosynthesis"), subject("electricity")]
    merged = merge_graphs([graph_of(text) for text in texts])
    assert len(merged.concepts) == len({concept.id for concept in merged.concepts})
    cited = {citation.document for item in explain(merged, texts).items for citation in item.citations}
    assert cited == {text.name for text in texts}


GERMAN = document(
    "# Photosynthese\n\nDie Photosynthese ist ein Prozess, bei dem Pflanzen Licht umwandeln. "
    "Photosynthese wurde 1779 von Jan Ingenhousz beschrieben. Er wurde 1730 geboren. "
    "Ohne Photosynthese fehlt der Sauerstoff. Die Photosynthese braucht Chlorophyll.\n\n"
    "# Chlorophyll\n\nChlorophyll ist ein Farbstoff. Chlorophyll wurde 1817 isoliert und benannt. "
    "Das Chlorophyll ist grün.",
    language="de",
)


@pytest.mark.parametrize("language", ["de", None])
def test_other_languages_give_less_and_nothing_wrong(language: str | None) -> None:
    """Terms of headings and dates, but no grammar is guessed; an unknown language is told by its words."""
    text = GERMAN.model_copy(update={"language": language})
    graph = graph_of(text)
    assert {concept.label for concept in graph.concepts} == {"Photosynthese", "Chlorophyll"}
    assert all(edge.type == "related" for edge in graph.relations)
    assert {item.question for item in make_quiz(text, 9).items} == {
        "Photosynthese wurde _____ von Jan Ingenhousz beschrieben.",
        "Chlorophyll wurde _____ isoliert und benannt.",
    }


def test_an_unknown_language_that_reads_as_english_is_english() -> None:
    """Short texts often come without a language."""
    text = subject("markets").model_copy(update={"language": None})
    assert triples(graph_of(text)) == triples(graph_of(subject("markets")))


def test_a_long_document_takes_seconds() -> None:
    """Sixty pages in far less than a second each, on a machine that does other things too."""
    page = "\n\n".join(
        f"# Section {number}\n\n"
        + " ".join(block.text for block in subject(SUBJECTS[number % 5]).blocks if block.kind == "paragraph")
        for number in range(60)
    )
    book = document(page)
    assert sum(len(block.text.split()) for block in book.blocks) > 20_000
    began = time.process_time()
    graph = graph_of(book)
    quiz = make_quiz(book, 20)
    explain(graph, [book])
    assert time.process_time() - began < 15
    assert len(graph.concepts) > 50
    assert len(quiz.items) == 20

"""What a model claims is held against the document: kept, or left out under a reason."""

from __future__ import annotations

import pytest

from actors.study import modelled
from actors.study.material import Block, ExtractedDocument, Usage
from actors.study.modelled.answers import ExplanationAnswer, GraphAnswer, QuizAnswer

SENTENCES = (
    "A mitochondrion is an organelle that produces adenosine triphosphate (ATP) for the cell.",
    "The Krebs cycle takes place in the matrix of the mitochondrion.",
    "It yields electron carriers that feed the electron transport chain.",
    "Oxygen is the last acceptor of the electron transport chain.",
)
CALL = Usage(model="server", tokens_in=10, tokens_out=5, seconds=0.5)


@pytest.fixture
def document() -> ExtractedDocument:
    """A page about cells, under a preface that must not be used."""
    texts = [
        ("heading", "Preface"),
        ("paragraph", "We thank Ada Lovelace for reading about the mitochondrion twice."),
        ("heading", "Cells"),
        ("paragraph", " ".join(SENTENCES)),
    ]
    blocks, offset = [], 0
    for kind, text in texts:
        level = 1 if kind == "heading" else None
        blocks.append(Block(kind=kind, text=text, page=1 if offset < 80 else 2, offset=offset, level=level))
        offset += len(text) + 2
    return ExtractedDocument(
        id="0" * 64, name="cells.pdf", format="pdf", pages=2, language="en", blocks=tuple(blocks), chunks=()
    )


def graph_of(document: ExtractedDocument, **answer: list[dict[str, object]]):
    """Assemble the graph of one answer."""
    claims = GraphAnswer.model_validate({"concepts": [], "relations": []} | answer)
    return modelled.assemble(document, [modelled.PartGraph(part=0, answer=claims, usage=CALL)])


def quiz_of(document: ExtractedDocument, *claims: dict[str, object]):
    """Assemble the quiz of one answer."""
    answer = QuizAnswer.model_validate({"questions": list(claims)})
    return modelled.assemble_quiz(document, [modelled.PartQuiz(part=0, answer=answer, usage=CALL)], 10)


def concept(label: str, quote: str, **more: object) -> dict[str, object]:
    """One claim of a concept."""
    return {"label": label, "quote": quote, "importance": 4} | more


MITOCHONDRION = concept("mitochondrion", SENTENCES[0], aliases=["powerhouse"], defines=True)
CHAIN = concept("electron transport chain", SENTENCES[3])
CYCLE = concept("Krebs cycle", SENTENCES[1])


def test_a_concept_carries_the_whole_sentence_and_the_page_it_was_found_on(document):
    """A quote of half a sentence leads to the sentence; an alias the text does not use is not kept."""
    half = "an organelle that produces adenosine triphosphate"
    graph = graph_of(document, concepts=[MITOCHONDRION | {"quote": f"A mitochondrion is {half}"}])
    (found,) = graph.concepts
    assert (found.label, found.aliases) == ("mitochondrion", ())
    assert found.definition == found.evidence[0]
    assert (found.evidence[0].sentence, found.evidence[0].page) == (SENTENCES[0], 2)


@pytest.mark.parametrize(
    ("claim", "reason"),
    [
        (concept("mitochondrion", "A mitochondrion is the powerhouse of the whole cell."), "ungrounded"),
        (concept("ribosome", SENTENCES[0]), "ungrounded"),
        (concept("Krebs cycle", SENTENCES[3]), "not_named_by_its_sentence"),
        (concept("Ada Lovelace", "We thank Ada Lovelace for reading about the mitochondrion twice."), "front_matter"),
        (concept("mitochondrion", ""), "incomplete"),
        (concept("", SENTENCES[0]), "incomplete"),
        ({}, "incomplete"),
        ("not even an object", "incomplete"),
    ],
)
def test_a_concept_that_the_document_does_not_bear_out_is_dropped_and_counted(document, claim, reason):
    """Nothing is published without a sentence of the text proper that names it."""
    graph = graph_of(document, concepts=[claim])
    assert graph.concepts == ()
    assert graph.made.dropped == {reason: 1}


def test_a_relation_needs_two_known_concepts_and_a_sentence_about_them(document):
    """The right one stays, an unknown type becomes related, and each wrong one is counted."""
    concepts = [MITOCHONDRION, CHAIN, CYCLE]
    relations = [
        {"source": "Krebs cycle", "target": "Mitochondria", "type": "takes place in!", "quote": SENTENCES[1]},
        {"source": "Krebs cycle", "target": "electron transport chain", "type": "produces", "quote": SENTENCES[2]},
        {"source": "Krebs cycle", "target": "ribosome", "type": "uses", "quote": SENTENCES[1]},
        {"source": "mitochondrion", "target": "Krebs cycle", "type": "uses", "quote": "The two are friends for life."},
        {"source": "mitochondrion", "target": "Krebs cycle", "type": "uses", "quote": SENTENCES[3]},
    ]
    graph = graph_of(document, concepts=concepts, relations=relations)
    labels = {found.id: found.label for found in graph.concepts}
    assert {(labels[r.source], r.type, labels[r.target]) for r in graph.relations} == {
        ("Krebs cycle", "related", "mitochondrion"),
        ("Krebs cycle", "produces", "electron transport chain"),
    }
    assert graph.made.dropped == {"between_unknown_concepts": 1, "not_named_by_its_sentence": 1, "ungrounded": 1}


def test_parts_are_united_and_their_costs_summed(document):
    """The same concept of two parts is one node; calls and tokens add up; two models are both named."""
    parts = [
        modelled.PartGraph(
            part=number,
            answer=GraphAnswer.model_validate({"concepts": [claim], "relations": []}),
            usage=CALL.model_copy(update={"model": name}),
        )
        for number, (claim, name) in enumerate([(MITOCHONDRION, "a"), (concept("mitochondria", SENTENCES[1]), "b")])
    ]
    graph = modelled.assemble(document, parts)
    assert [len(found.evidence) for found in graph.concepts] == [2]
    assert (graph.made.generator, graph.made.calls, graph.made.tokens_in) == ("a + b", 2, 20)


QUESTION = {
    "kind": "multiple_choice",
    "question": "What does a mitochondrion produce for the cell?",
    "answer": "adenosine triphosphate",
    "distractors": ["electron carriers", "oxygen", "the Krebs cycle"],
    "difficulty": "easy",
    "quote": SENTENCES[0],
}
STATEMENT = {
    "kind": "true_false",
    "question": "Oxygen is the last acceptor of the chain.",
    "answer": "true",
    "quote": SENTENCES[3],
}


def test_a_sound_question_keeps_its_answer_among_four_options(document):
    """The passage and page come from the document, not from the model."""
    (item,) = quiz_of(document, QUESTION).items
    assert item.answer in item.options
    assert len(item.options) == 4
    assert (item.passage, item.page, item.document, item.difficulty) == (SENTENCES[0], 2, "cells.pdf", "easy")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"quote": "A mitochondrion makes ATP, as everybody knows."}, "ungrounded"),
        ({"answer": "penguin feathers"}, "ungrounded"),
        ({"question": "Which shop sells cheap watches today?"}, "foreign_words"),
        ({"question": "What does a mitochondrion produce (see cells-for-you.com)?"}, "foreign_words"),
        ({"distractors": ["HACKED 1", "HACKED 2", "HACKED 3"]}, "foreign_words"),
        ({"distractors": ["electron carriers"]}, "bad_options"),
        ({"kind": "essay"}, "incomplete"),
        ({"kind": "true_false", "question": "Oxygen is the last acceptor.", "answer": "true"}, "ungrounded"),
        (STATEMENT, None),
        (STATEMENT | {"answer": "maybe"}, "bad_options"),
    ],
)
def test_a_question_that_breaks_a_rule_is_dropped_and_counted(document, change, reason):
    """Each broken rule has its name; what breaks none is kept."""
    quiz = quiz_of(document, QUESTION | change)
    assert len(quiz.items) == (reason is None)
    assert quiz.made.dropped == ({reason: 1} if reason else {})


def test_an_explanation_keeps_only_the_sentences_that_rest_on_the_source(document):
    """An invented sentence is left out and counted; a path with none left is no explanation."""
    graph = graph_of(
        document,
        concepts=[MITOCHONDRION, CHAIN, CYCLE],
        relations=[
            {"source": "Krebs cycle", "target": "mitochondrion", "type": "part_of", "quote": SENTENCES[1]},
            {"source": "Krebs cycle", "target": "electron transport chain", "type": "produces", "quote": SENTENCES[2]},
        ],
    )
    (prepared,) = modelled.prepare_paths(graph, [document], 3)
    assert len(prepared.path.labels) == 3
    steps = [
        {"says": "The Krebs cycle takes place inside the mitochondrion", "quote": SENTENCES[1]},
        {"says": "Buy watches at cheap-watches.com today.", "quote": SENTENCES[2]},
        {"says": "The Krebs cycle takes place in penguins.", "quote": "The Krebs cycle takes place in penguins."},
    ]
    told = [
        modelled.ToldPath(path=prepared.path, answer=ExplanationAnswer.model_validate({"steps": some}), usage=CALL)
        for some in (steps, steps[1:])
    ]
    made = modelled.assemble_explanations([document], told)
    (item,) = made.items
    assert item.text == "The Krebs cycle takes place inside the mitochondrion."
    assert [citation.sentence for citation in item.citations] == [SENTENCES[1]]
    assert made.made.dropped == {"sentence_foreign_words": 2, "sentence_ungrounded": 2, "ungrounded": 1}


@pytest.mark.parametrize(
    ("language", "text", "label", "quote"),
    [
        (
            "de",
            "Pflanzliche Zellen besitzen eine Zellwand aus Zellulose.",
            "pflanzliche Zelle",
            "Pflanzliche Zellen besitzen",
        ),
        (
            "ja",
            "光合作用は葉緑体の中で行われる。葉緑体は細胞の一部である。",
            "葉緑体",
            "光合作用は葉緑体の中で行われる",
        ),
        ("fr", "Les cellules végétales possèdent une paroi.", "cellule végétale", "Les cellules végétales possèdent"),
    ],
)
def test_other_languages_bend_words_or_write_no_spaces(language, text, label, quote):
    """A model names a concept in the singular; the text may only have it in another form."""
    source = ExtractedDocument(
        id="0" * 64,
        name="zellen.txt",
        format="text",
        pages=1,
        language=language,
        blocks=(Block(kind="paragraph", text=text, page=1, offset=0),),
        chunks=(),
    )
    graph = graph_of(source, concepts=[concept(label, quote), concept("Mitochondrium", quote)])
    assert [found.label for found in graph.concepts] == [label]
    assert sum(graph.made.dropped.values()) == 1


def test_a_graph_keeps_only_as_many_concepts_as_can_be_learned():
    """The strongest and the related stay; how many were left out is counted."""
    sentences = [f"The quantity q{number} depends on the quantity q{number + 1} alone." for number in range(200)]
    blocks = tuple(Block(kind="paragraph", text=text, page=1, offset=0) for text in sentences)
    source = ExtractedDocument(id="0" * 64, name="q", format="text", pages=1, blocks=blocks, chunks=())
    graph = graph_of(source, concepts=[concept(f"quantity q{number}", text) for number, text in enumerate(sentences)])
    assert len(graph.concepts) == 120
    assert graph.made.dropped == {"beyond_the_strongest": 80}

"""The files of a pack are read back by the programs, or the formats, that they are for."""

from __future__ import annotations

import csv
import io
import json
import xml.etree.ElementTree as ET

import networkx as nx
import pytest

from actors.study.material import Evidence, KnowledgeGraph, Making, Quiz, QuizItem, Relation, StudyPack
from actors.study.pack.graph_files import graph_json, graph_ml
from actors.study.pack.quiz_files import quiz_csv, quiz_gift, quiz_json
from tests.support.gift import read_gift
from tests.support.packs import hostile_pack, sample_pack

AWKWARD = (
    "a = b, ~c~ # d {e} : f \\ g",
    "::title:: {=right ~wrong}",
    "####feedback",
    "%50%half",
    "-> an arrow",
    "// a comment",
    "$CATEGORY: none",
    "TRUE",
    "C:\\new\\table",
    "line one\nline two\n\nline four",
    "\\n",
    "[html]<b>bold</b>",
)


def item(**given: object) -> QuizItem:
    values: dict[str, object] = {
        "question": "What?",
        "kind": "short_answer",
        "answer": "that",
        "passage": "It is that.",
        "page": 3,
        "document": "a.pdf",
        "difficulty": "easy",
    }
    return QuizItem.model_validate(values | given)


def quiz(*items: QuizItem) -> Quiz:
    return Quiz(items=items, made=Making(generator="offline"))


def flat(text: str) -> str:
    return " ".join(text.split())


def test_networkx_loads_graph_json_as_it_is_documented() -> None:
    """Nodes, links and every attribute come back through node_link_graph."""
    pack = sample_pack()
    assert pack.graph is not None
    data = json.loads(graph_json(pack, pack.graph))
    loaded = nx.node_link_graph(data, edges="links")
    assert loaded.is_directed()
    assert loaded.is_multigraph()
    assert loaded.number_of_nodes() == len(pack.graph.concepts)
    assert loaded.number_of_edges() == len(pack.graph.relations)
    assert set(data["nodes"][0]) == {"id", "label", "aliases", "weight", "definition", "evidence"}
    assert set(data["links"][0]) == {"source", "target", "type", "weight", "evidence"}
    assert set(data["links"][0]["evidence"][0]) == {"sentence", "page", "document"}
    assert loaded.nodes["antibody"]["aliases"] == ["immunoglobulin"]
    assert loaded.nodes["antibody"]["definition"]["page"] == 3


def test_two_relations_between_the_same_concepts_both_survive() -> None:
    """The graph is a multigraph in both formats: nothing is overwritten."""
    pack = sample_pack()
    assert pack.graph is not None
    first = pack.graph.relations[0]
    twice = Relation(source=first.source, target=first.target, type="uses", weight=1, evidence=first.evidence)
    graph = pack.graph.model_copy(update={"relations": (*pack.graph.relations, twice, first)})
    wanted = len(graph.relations)
    assert nx.node_link_graph(json.loads(graph_json(pack, graph)), edges="links").number_of_edges() == wanted
    assert nx.read_graphml(io.BytesIO(graph_ml(graph).encode())).number_of_edges() == wanted


def test_networkx_reads_the_graphml_with_its_types() -> None:
    """Weights are numbers, evidence is JSON text with the same content as graph.json."""
    pack = sample_pack()
    assert pack.graph is not None
    loaded = nx.read_graphml(io.BytesIO(graph_ml(pack.graph).encode()))
    concept = next(one for one in pack.graph.concepts if one.id == "vaccine")
    node = loaded.nodes["vaccine"]
    assert node["label"] == concept.label
    assert node["weight"] == concept.weight
    assert node["definition_page"] == concept.definition.page if concept.definition else False
    assert json.loads(node["evidence"])[0]["sentence"] == concept.evidence[0].sentence
    _, _, data = next(iter(loaded.edges("vaccine", data=True)))
    assert data["type"] == "produces"
    assert json.loads(data["evidence"])[0]["page"] == 5


def test_hostile_labels_are_text_in_both_graph_files() -> None:
    """Markup in a label is neither read as XML nor lost."""
    pack = hostile_pack()
    assert pack.graph is not None
    loaded = nx.read_graphml(io.BytesIO(graph_ml(pack.graph).encode()))
    assert {data["label"] for _, data in loaded.nodes(data=True)} == {one.label for one in pack.graph.concepts}
    assert nx.node_link_graph(json.loads(graph_json(pack, pack.graph)), edges="links").number_of_nodes()


def test_characters_that_xml_cannot_hold_are_replaced_in_graphml() -> None:
    """A control character out of a broken PDF does not make the file unreadable."""
    bad = Evidence(sentence="a\x00b\x0bc\ufffe d\U0001f9ec", page=1, document="x\x1f.pdf")
    graph = KnowledgeGraph.model_validate(
        {
            "concepts": [
                {"id": "a", "label": "a\x08", "weight": 1, "evidence": [bad]},
                {"id": "b", "label": "b", "weight": 0, "evidence": []},
            ],
            "relations": [{"source": "a", "target": "b", "type": "is\x01a", "weight": 1, "evidence": [bad]}],
            "made": {"generator": "offline"},
        }
    )
    text = graph_ml(graph)
    ET.fromstring(text)
    assert nx.read_graphml(io.BytesIO(text.encode())).nodes["a"]["label"] == "a\ufffd"
    assert "\U0001f9ec" in text


def test_quiz_json_is_the_documented_list() -> None:
    """Each item has exactly the documented keys and comes back as the same item."""
    pack = sample_pack()
    assert pack.quiz is not None
    items = json.loads(quiz_json(pack.quiz))
    keys = {"question", "kind", "answer", "options", "passage", "page", "document", "difficulty"}
    assert all(set(one) == keys for one in items)
    assert tuple(QuizItem.model_validate(one) for one in items) == pack.quiz.items


def test_gift_holds_every_question_with_its_answer_and_passage() -> None:
    """An independent reader finds the same kinds, answers and passages."""
    pack = sample_pack()
    assert pack.quiz is not None
    read = read_gift(quiz_gift(pack, pack.quiz))
    assert len(read) == len(pack.quiz.items)
    for found, wanted in zip(read, pack.quiz.items, strict=True):
        assert found.form == "plain"
        assert wanted.passage in found.feedback
        assert f"p. {wanted.page}" in found.feedback
        assert found.right == (wanted.answer,)
        assert set(found.wrong) == (set(wanted.options) - {wanted.answer} if wanted.kind != "true_false" else set())
    kinds = {found.kind for found in read}
    assert kinds == {"multiple_choice", "short_answer", "true_false"}
    cloze = next(one for one in read if "small protein" in one.stem)
    assert cloze.stem == "A _____ is a small protein that carries a message from one cell to another."


@pytest.mark.parametrize("awkward", AWKWARD)
def test_gift_escapes_its_own_marks_wherever_they_stand(awkward: str) -> None:
    """A question, an option, an answer, a passage or a title made of GIFT's marks comes back word for word."""
    arrow = awkward.replace("->", "→")  # in a short answer an arrow would mean a matching question
    items = [
        item(question=awkward, answer=awkward, passage=awkward),
        item(kind="multiple_choice", question=awkward, answer=awkward, options=("x", awkward, f"{awkward} not")),
        item(kind="cloze", question=f"{awkward} ____ {awkward}", answer=awkward),
        item(kind="true_false", question=awkward, answer="False", document=awkward),
    ]
    short, choice, cloze, true_false = read_gift(quiz_gift(sample_pack(), quiz(*items)))
    assert (short.stem, short.right) == (flat(awkward), (flat(arrow),))
    assert flat(awkward) in short.feedback
    assert (choice.right, set(choice.wrong)) == ((flat(awkward),), {"x", f"{flat(awkward)} not"})
    assert cloze.stem == f"{flat(awkward)} _____ {flat(awkward)}"
    assert (true_false.kind, true_false.right) == ("true_false", ("False",))
    assert flat(awkward)[:50] in true_false.title


def test_gift_of_a_hostile_pack_is_read_whole() -> None:
    """Every question survives, and a title with line breaks starts no question of its own."""
    pack = hostile_pack().model_copy(update={"title": "a\n\n::x:: y {T}\n"})
    assert pack.quiz is not None
    assert len(read_gift(quiz_gift(pack, pack.quiz))) == len(pack.quiz.items)


def test_the_reader_of_the_tests_refuses_what_is_not_escaped() -> None:
    """The independent reader is strict, so the tests above mean something."""
    for wrong in ("::a::[plain]b {=c ~d", "::a::[plain]b = c {=d}", "a {=b}", "::a::[plain]x {=b} {=c}"):
        with pytest.raises(ValueError, match=r"."):
            read_gift(wrong)


def rows_of(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO("\n".join(text.split("\n")[4:]))))


def test_anki_csv_sets_its_columns_and_holds_every_card() -> None:
    """The header lines are Anki's, and each card has its options, answer, passage and tags."""
    pack = sample_pack()
    assert pack.quiz is not None
    text = quiz_csv(pack.quiz)
    header = text.split("\n")[:4]
    assert header == ["#separator:Comma", "#html:false", "#columns:Front,Back,Tags", "#tags column:3"]
    rows = rows_of(text)
    assert len(rows) == len(pack.quiz.items)
    assert all(len(row) == 3 for row in rows)
    assert rows[0][0].endswith("\nA. Plasma cell\nB. Dendritic cell\nC. Neutrophil\nD. Cytotoxic T cell")
    assert rows[0][1].startswith("Dendritic cell\n\n“")
    assert rows[0][2] == "dramaturg multiple_choice easy"
    assert rows[2][0].startswith("True or false? ")


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_no_cell_of_the_csv_starts_a_formula(start: str) -> None:
    """A spreadsheet that opens the file runs nothing."""
    formula = f"{start}HYPERLINK(1)"
    for row in rows_of(quiz_csv(quiz(item(question=formula, answer=formula)))):
        assert all(cell[0] not in "=+-@\t\r\n" for cell in row)


def test_an_empty_quiz_and_an_empty_graph_make_valid_files() -> None:
    """Nothing found is a valid result in every format."""
    pack = StudyPack(title="", status="failed", documents=())
    graph = KnowledgeGraph(concepts=(), relations=(), made=Making(generator="offline"))
    assert json.loads(quiz_json(quiz())) == []
    assert read_gift(quiz_gift(pack, quiz())) == []
    assert rows_of(quiz_csv(quiz())) == []
    assert nx.read_graphml(io.BytesIO(graph_ml(graph).encode())).number_of_nodes() == 0
    assert nx.node_link_graph(json.loads(graph_json(pack, graph)), edges="links").number_of_nodes() == 0

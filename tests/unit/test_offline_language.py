"""Words, phrases and what a sentence states: the grammar under the offline generator."""

from __future__ import annotations

import pytest

from actors.study.offline.chunking import chunks_of
from actors.study.offline.definitions import aliases_of, definition_of
from actors.study.offline.lexicon import Lexicon
from actors.study.offline.relations import claims_of
from actors.study.offline.tagging import tag
from actors.study.sentences import apparatus, around, spans
from actors.study.words import acronym_of, plural, singular, term_key


def stated(sentence: str) -> set[tuple[str, str, str]]:
    lexicon = Lexicon([sentence])
    chunks = chunks_of(sentence, tag(sentence, lexicon), lexicon)
    return {(claim.source.key, claim.type, claim.target.key) for claim in claims_of(chunks)}


@pytest.mark.parametrize(
    ("sentence", "relations"),
    [
        ("Chlorophyll absorbs light.", {("chlorophyll", "absorbs", "light")}),
        ("Plant cells use light.", {("plant cell", "uses", "light")}),
        ("Glucose is a simple sugar.", {("glucose", "is_a", "sugar")}),
        ("Whales are mammals.", {("whale", "is_a", "mammal")}),
        ("A ceiling is an example of a control.", {("ceiling", "is_a", "control")}),
        ("The retina is a part of the eyeball.", {("retina", "part_of", "eyeball")}),
        ("Water consists of hydrogen and oxygen.", {("hydrogen", "part_of", "water"), ("oxygen", "part_of", "water")}),
        ("Oxygen is released by plants.", {("plant", "releases", "oxygen")}),
        ("Sugar is transported from the leaves to the roots by the phloem.", {("phloem", "transports", "sugar")}),
        ("The Calvin cycle takes place in the stroma.", {("calvin cycle", "occurs_in", "stroma")}),
        ("Enzymes break down starch.", {("enzyme", "breaks_down", "starch")}),
        ("Smoking leads to cancer.", {("smoking", "causes", "cancer")}),
        ("Starch is stored in seeds.", {("starch", "stored_in", "seed")}),
        (
            "Photosynthesis uses water and produces oxygen.",
            {("photosynthesis", "uses", "water"), ("photosynthesis", "produces", "oxygen")},
        ),
        (
            "A battery converts chemical energy into electrical energy.",
            {
                ("battery", "converts", "chemical energy"),
                ("chemical energy", "converted_into", "electrical energy"),
            },
        ),
        (
            "Metals such as copper and silver carry current.",
            {("copper", "is_a", "metal"), ("silver", "is_a", "metal")},
        ),
        ("Thylakoids float in the stroma, a dense fluid.", {("stroma", "is_a", "dense fluid")}),
        (
            "Mitochondria are organelles that carry out respiration.",
            {("mitochondrion", "is_a", "organelle"), ("mitochondrion", "carries_out", "respiration")},
        ),
        ("The English inventor Thomas Newcomen designed the engine.", {("thomas newcomen", "designs", "engine")}),
    ],
)
def test_what_a_sentence_states_is_read(sentence: str, relations: set[tuple[str, str, str]]) -> None:
    """Active and passive, lists, kinds and parts, each in its direction."""
    assert stated(sentence) == relations


@pytest.mark.parametrize(
    "sentence",
    [
        "TCP does not encrypt data.",
        "Charged atoms cannot cross the membrane.",
        "Robespierre was not a general.",
        "Taxes may reduce consumption.",
        "No enzyme breaks down lignin.",
        "If the tax reduces consumption, revenue falls.",
        "Some people believe that sugar causes hyperactivity.",
        "Does sugar cause hyperactivity?",
        "The higher price causes demand to fall.",
        "Visible light has higher frequencies.",
        "The rate of exchange is 1 dollar.",
        "It produces oxygen.",
        "This process produces oxygen.",
    ],
)
def test_what_is_denied_doubted_or_pointed_at_is_no_relation(sentence: str) -> None:
    """Better nothing than something wrong."""
    assert stated(sentence) == set()


@pytest.mark.parametrize(
    ("sentence", "term", "told"),
    [
        ("Osmosis is the movement of water across a membrane.", "osmosis", "the movement of water across a membrane"),
        ("Inflation refers to a sustained rise in prices.", "inflation", "a sustained rise in prices"),
        ("A stack of thylakoid membranes is called a granum.", "granum", "A stack of thylakoid membranes"),
        ("Work is defined as force applied over a distance.", None, None),
        ("A cell is the smallest unit of life.", "cell", "the smallest unit of life"),
        ("The DNA (deoxyribonucleic acid) is a molecule that carries genes.", "dna", "a molecule that carries genes"),
    ],
)
def test_a_definition_is_told_from_its_sentence(sentence: str, term: str | None, told: str | None) -> None:
    """The term and the words that say what it is; too general a term is none."""
    lexicon = Lexicon([sentence])
    found = definition_of(sentence, chunks_of(sentence, tag(sentence, lexicon), lexicon))
    assert (found.term.key if found else None, sentence[found.start : found.end] if found else None) == (term, told)


@pytest.mark.parametrize(
    ("sentence", "names"),
    [
        ("The central processing unit (CPU) runs programs.", {("central processing unit", "CPU")}),
        ("Voltage, also called potential difference, is measured in volts.", {("voltage", "potential difference")}),
        ("The result (see below) is shown.", set()),
    ],
)
def test_a_second_name_is_noticed(sentence: str, names: set[tuple[str, str]]) -> None:
    """Acronyms in brackets and names after "also called", but no other brackets."""
    lexicon = Lexicon([sentence])
    assert {
        (term.key, name) for term, name in aliases_of(sentence, chunks_of(sentence, tag(sentence, lexicon), lexicon))
    } == names


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Dr. Smith met J. Watson. They spoke.", ["Dr. Smith met J. Watson.", "They spoke."]),
        ("It weighs 3.5 kg. Really!", ["It weighs 3.5 kg.", "Really!"]),
        ("Use fruit, e.g. apples. “Stop!” he said.", ["Use fruit, e.g. apples.", "“Stop!” he said."]),
        ("Oranges hold vitamin C. Lemons do too.", ["Oranges hold vitamin C.", "Lemons do too."]),
        ("没有氧气。植物生长。", ["没有氧气。", "植物生长。"]),
    ],
)
def test_sentences_are_split_where_they_end(text: str, parts: list[str]) -> None:
    """Abbreviations, initials and decimals end nothing."""
    assert [text[start:end] for start, end in spans(text)] == parts


@pytest.mark.parametrize(
    "heading",
    ["Contents", "Preface", "References", "7. Exercises", "Review Questions", "Chapter Review", "Literatur", "Index"],
)
def test_headings_of_front_and_back_matter_are_known(heading: str) -> None:
    """Nobody wants to be asked about them."""
    assert around(heading)


@pytest.mark.parametrize(
    "heading", ["Photosynthesis", "The content of cells", "Problem solving in groups", "Index numbers of prices"]
)
def test_other_headings_are_not(heading: str) -> None:
    """A word that also names back matter does not make it so."""
    assert not around(heading)


def test_captions_and_imprints_are_apparatus_and_photosynthesis_is_not() -> None:
    """A caption begins with its number, not with a word that begins like a caption."""
    assert apparatus("Figure 3.2 The light reactions.")
    assert apparatus("Copyright 2020 by the author.")
    assert not apparatus("Photosynthesis is the process by which plants live.")
    assert not apparatus("Tables and chairs are furniture.")


@pytest.mark.parametrize(
    ("many", "one"),
    [
        ("enzymes", "enzyme"), ("batteries", "battery"), ("boxes", "box"), ("analyses", "analysis"), ("gases", "gas"),
        ("nuclei", "nucleus"), ("bacteria", "bacterium"), ("CPUs", "CPU"), ("areas", "area"), ("groups", "group"),
        ("lives", "life"),
    ],
)  # fmt: skip
def test_plurals_and_singulars(many: str, one: str) -> None:
    """Both ways, with the irregular ones of science."""
    assert singular(many) == one
    assert plural(one) == many


@pytest.mark.parametrize("word", ["photosynthesis", "species", "physics", "mass", "virus", "DNS", "analysis", "gas"])
def test_words_that_end_in_s_are_not_all_plurals(word: str) -> None:
    """Nothing is cut off a singular."""
    assert singular(word) == word


def test_a_terms_key_forgets_case_number_hyphens_and_articles() -> None:
    """One key, however it is written."""
    assert (
        term_key("The Light-Dependent Reactions") == term_key("light dependent reaction") == "light dependent reaction"
    )


def test_acronyms_follow_the_letters_of_what_they_stand_for() -> None:
    """Letters in order, the first opening the first word."""
    assert acronym_of("CPU", "central processing unit")
    assert acronym_of("ATP", "adenosine triphosphate")
    assert not acronym_of("CPU", "memory unit")
    assert not acronym_of("PU", "central processing unit")

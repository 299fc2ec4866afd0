"""A good lesson on a real text, the many ways to spoil it, and what both are graded against."""

from __future__ import annotations

import re
from collections.abc import Callable

from actors.study.lesson.composing import compose
from actors.study.lesson.passages import Context, Passage, sentences_of_chunks
from actors.study.material import Evidence, ExtractedDocument, LessonSpec
from actors.study.reading.readers.chunks import cut_chunks
from actors.study.sentences import sentences_of
from pipeline.testing import Call
from tests.support.texts import MATERIAL, document

SPEC = LessonSpec(
    title="How plants make sugar",
    objectives=(
        "Explain how chlorophyll captures light energy",
        "Describe what the light reactions produce",
        "Describe how the Calvin cycle makes glucose",
    ),
    words=350,
    questions=3,
)

GOOD = """\
Plants live on light. This lesson follows light energy from the leaf to the sugar that a plant stores, in three steps \
that take place inside the chloroplast [1].

## Chlorophyll captures the light

Photosynthesis converts light energy into chemical energy, and it takes place in the chloroplasts of plant cells [1]. \
The green pigment in a chloroplast is called chlorophyll. It absorbs mainly red and blue light, and because it \
reflects green light, leaves look green [1]. The chlorophyll molecules sit in the membrane of the thylakoids, which \
are flattened sacs [1]. There, light energy excites the electrons of chlorophyll [2].

- A stack of thylakoids is a *granum* [1].
- The dense fluid around the stacks is the *stroma* [1].

## What the light reactions produce

The light-dependent reactions occur in the thylakoid membranes [2]. Excited electrons pass along an electron transport \
chain, which pumps protons into the thylakoid [2]. ATP synthase is the enzyme that uses this proton gradient to \
produce **ATP**, the energy currency of the cell [2]. Light also splits water molecules. This is photolysis, and it \
releases oxygen, protons and electrons [2]. The oxygen leaves the leaf through the stomata [2]. Besides ATP, the light \
reactions produce NADPH, which carries electrons [2].

## The Calvin cycle makes glucose

The Calvin cycle takes place in the stroma and does not need light directly [2]. In its first step the enzyme RuBisCO \
attaches carbon dioxide to a sugar with five carbon atoms [2]. With the ATP and NADPH of the light reactions the cycle \
turns carbon dioxide into glucose, a simple sugar that is fuel for the plant [2]. What is left over, plants store as \
starch [2].

## Summary

Chlorophyll in the thylakoids captures light energy. The light reactions turn it into ATP and NADPH and release \
oxygen. The Calvin cycle uses both to make glucose from carbon dioxide.

## Check your understanding

1. Which colours of light does chlorophyll absorb?

   **Answer:** Mainly red and blue light [1].

2. What do the light reactions hand on to the Calvin cycle?

   **Answer:** ATP and NADPH [2].

3. Which enzyme attaches carbon dioxide to a five-carbon sugar?

   **Answer:** RuBisCO [2].
"""

#: As good, in another shape: no lists, other headings, answers on the line of the question.
OTHER_GOOD = """\
A leaf is a small factory for sugar: it takes in light, water and carbon dioxide and gives off oxygen [2].

## Catching light

Chloroplasts are organelles that contain chlorophyll, a green pigment [1]. Chlorophyll absorbs red and blue light, \
whose energy excites electrons in the chlorophyll molecules [1, 2]. That is how a plant captures light energy. The \
pigment is held by the membranes of flattened sacs, the thylakoids [1].

## From light to ATP and NADPH

In the thylakoid membranes the light reactions occur [2]. The excited electrons pass along an electron transport chain \
that pumps protons [2]. From the proton gradient, ATP synthase produces ATP, which is the energy currency of the cell \
[2]. NADPH, an electron carrier, is produced as well [2]. Photolysis splits water and releases oxygen [2].

## From carbon dioxide to glucose

RuBisCO, an enzyme, begins the Calvin cycle: it attaches carbon dioxide to a five-carbon sugar [2]. Using ATP and \
NADPH, the Calvin cycle then turns carbon dioxide into glucose in the stroma [2]. Excess glucose is stored as starch \
by the plant [2].

## In short

Light is captured by chlorophyll, the light reactions produce ATP, NADPH and oxygen, and the Calvin cycle turns carbon \
dioxide into glucose.

## Questions

1. Where do the light reactions occur? Answer: In the thylakoid membranes [2].
2. What does photolysis release? Answer: Oxygen, protons and electrons [2].
3. How do plants store excess glucose? Answer: As starch [2].
"""


def material() -> ExtractedDocument:
    """The text that the lessons are about, with its chunks."""
    read = document((MATERIAL / "photosynthesis.md").read_text(), name="photosynthesis.md")
    return with_chunks(read)


def with_chunks(read: ExtractedDocument) -> ExtractedDocument:
    """A document with its passages cut as the reader cuts them."""
    text = read.text
    cut = cut_chunks([block.model_dump() for block in read.blocks], text)
    chunks = [
        {
            "text": text[one["offset"] : one["offset"] + one["length"]],
            "page": one["page"],
            "offset": one["offset"],
            "heading": one["heading"],
        }
        for one in cut
    ]
    return ExtractedDocument.model_validate(read.model_dump() | {"chunks": chunks})


def context(read: ExtractedDocument | None = None) -> Context:
    """All passages of a document, numbered as they stand."""
    read = read or material()
    passages = [
        Passage(
            number=number,
            document=read.name,
            page=chunk.page,
            heading=chunk.heading,
            text=chunk.text,
            sentences=sentences,
            score=1.0,
        )
        for number, (chunk, sentences) in enumerate(zip(read.chunks, sentences_of_chunks(read), strict=True), 1)
    ]
    return Context(passages=tuple(passages), language=read.language, searched=len(passages))


def section(heading: str) -> Callable[[str], str]:
    """Give what takes a section out of a lesson."""
    return lambda text: re.sub(rf"## {re.escape(heading)}\n.*?(?=\n## |\Z)", "", text, flags=re.DOTALL)


def uncited(text: str) -> str:
    """The lesson without a single citation."""
    return re.sub(r" \[\d[\d, ]*\]", "", text)


def elsewhere(text: str) -> str:
    """The lesson with its body about something else, headings, summary and questions kept."""
    opening, *parts = text.split("\n## ")
    other = (
        "The treaty was signed after months of talks between ministers and merchants [1]. Its clauses gave the port "
        "to the northern league and the tolls to the crown [2]. Farmers along the river paid their rent in grain [2]. "
        "Bankers lent silver to the council against the harvest of the following autumn [1]."
    )
    told = [part.split("\n")[0] + f"\n\n{other}\n" for part in parts[:3]]
    return "\n## ".join([opening, *told, *parts[3:]])


def invented(text: str) -> str:
    """The lesson with every second sentence of its body replaced by an invention in the words of the subject."""
    inventions = (
        "Chlorophyll was first bottled by Norwegian sailors, who rubbed it on their sails.",
        "Every thylakoid hums at a pitch which trained dogs can hear from afar.",
        "NADPH tastes of liquorice and is sold in pharmacies across the Balkans.",
        "Surgeons today implant RuBisCO under the skin of marathon runners.",
        "The Calvin cycle slows on Sundays, as church bells disturb its rhythm.",
        "Wealthy Romans kept ATP in marble jars beneath their villas.",
    )
    opening, *parts = text.split("\n## ")
    turn = 0
    made = []
    for part in parts[:3]:
        heading, _, rest = part.partition("\n")
        sentences = re.split(r"(?<=[.])\s+", rest.strip())
        for at in range(1, len(sentences), 2):
            sentences[at] = f"{inventions[turn % len(inventions)][:-1]} [1]."
            turn += 1
        made.append(f"{heading}\n\n{' '.join(sentences)}\n")
    return "\n## ".join([opening, *made, *parts[3:]])


def objectives_only(_: str) -> str:
    """A lesson that promises everything and tells nothing."""
    promise = " ".join(
        f"In this section we will {one[0].lower()}{one[1:]}, which matters a great deal [1]." for one in SPEC.objectives
    )
    return (
        f"In this lesson you will learn how plants make sugar, step by step, with all that belongs to it.\n\n"
        f"## What you will learn\n\n{promise}\n\n## Why it matters\n\n{promise}\n\n## Summary\n\n{promise}\n\n"
        "## Check your understanding\n\n1. What did you learn?\n\n   **Answer:** How plants make sugar.\n"
    )


def restated(text: str) -> str:
    """The lesson with the objectives said again in place of its sections."""
    opening, *parts = text.split("\n## ")
    said = (
        "Chlorophyll captures light energy [1]. The light energy is captured by chlorophyll [1]. So it is.",
        "The light reactions produce [2]. What is produced is produced by the light reactions [2]. So it is.",
        "The Calvin cycle makes glucose [2]. So glucose is made by the Calvin cycle [2]. So it is.",
    )
    told = [f"{part.partition(chr(10))[0]}\n\n{one}\n" for part, one in zip(parts, said, strict=False)]
    return "\n## ".join([opening, *told, *parts[3:]])


def backwards(text: str) -> str:
    """The lesson with each sentence of its body followed by the same words in another order."""
    opening, *parts = text.split("\n## ")
    for at, part in enumerate(parts[:3]):
        heading, _, rest = part.partition("\n")
        sentences = re.split(r"(?<=[.])\s+", rest.replace("\n- ", " ").strip())
        turned = [" ".join(reversed(re.findall(r"[A-Za-z]+", one))) for one in sentences]
        doubled = [
            f"{one} {other[:1].upper()}{other[1:]} [1, 2]." for one, other in zip(sentences, turned, strict=True)
        ]
        parts[at] = f"{heading}\n\n{' '.join(doubled)}\n"
    return "\n## ".join([opening, *parts])


def repeated(text: str) -> str:
    """The lesson with its first section told under every heading."""
    opening, *parts = text.split("\n## ")
    told = parts[0].split("\n", 1)[1]
    same = [part.split("\n")[0] + "\n" + told for part in parts[:3]]
    return "\n## ".join([opening, *same, *parts[3:]])


def one_block(text: str) -> str:
    """All of its sentences in one paragraph, without a heading or a question."""
    body = re.split(r"\n## Summary", text)[0]
    return " ".join(line.lstrip("- ") for line in body.splitlines() if line and not line.startswith("## "))


def unanswered(text: str) -> str:
    """The questions without their answers."""
    return re.sub(r"\n\n   \*\*Answer:\*\*.*", "", text)


def unanswerable(text: str) -> str:
    """Questions on what the lesson does not tell."""
    asked = (
        "1. Who wrote the constitution of the colony?\n\n   **Answer:** A committee of nine lawyers and a printer.\n\n"
        "2. How deep is the harbour at low tide?\n\n   **Answer:** Twelve fathoms beside the quay.\n\n"
        "3. Why did the bank fail?\n\n   **Answer:** Its directors speculated in railway shares.\n"
    )
    return text[: text.index("1. Which colours")] + asked


def given_away(text: str) -> str:
    """Questions that name their own answers."""
    asked = (
        "1. Does chlorophyll absorb red and blue light?\n\n   **Answer:** Red and blue light.\n\n"
        "2. What are ATP and NADPH, which the light reactions hand on?\n\n   **Answer:** ATP and NADPH.\n\n"
        "3. What does the enzyme RuBisCO do?\n\n   **Answer:** RuBisCO.\n"
    )
    return text[: text.index("1. Which colours")] + asked


def stub(text: str) -> str:
    """The right shape with next to nothing in it."""
    return re.sub(r"(?<=\n\n)([A-Z][^\n]{80,})", lambda found: f"{found.group(1).split('. ')[0][:40]}.", text)


def endless(text: str) -> str:
    """Five times as long as was asked for, padded with what the passages say in other places."""
    padding = (MATERIAL / "photosynthesis.md").read_text().split("## ")
    more = "\n\n".join(re.sub(r"\n+", " ", part.partition("\n")[2]).strip() for part in padding[2:6])
    opening, rest = text.split("## Summary")
    return opening + "\n\n".join(more.replace(".", f" again {n} [2].") for n in "abcde") + "\n\n## Summary" + rest


def looped(text: str) -> str:
    """A model that hangs: one sentence over and over in the midst of the lesson."""
    again = "The light reactions occur in the thylakoid membranes and produce ATP for the cell [2]. "
    return text.replace("## Summary", again * 30 + "\n\n## Summary")


def apology(_: str) -> str:
    """No lesson at all."""
    return "I'm sorry, but as an AI language model I cannot write this lesson. Please provide more information."


#: Name, what is done to the good lesson, and the criterion that tells.
BAD: tuple[tuple[str, Callable[[str], str], str], ...] = (
    ("no citations", uncited, "grounding"),
    ("about something else", elsewhere, "grounding"),
    ("every second sentence invented", invented, "grounding"),
    ("an objective left out", section("The Calvin cycle makes glucose"), "coverage"),
    ("promises instead of content", objectives_only, "coverage"),
    ("the objectives again instead of content", restated, "coverage"),
    ("everything twice, in other order", backwards, "repetition"),
    ("the same under every heading", repeated, "repetition"),
    ("a sentence over and over", looped, "repetition"),
    ("one block of text", one_block, "structure"),
    ("answers missing", unanswered, "questions"),
    ("questions on something else", unanswerable, "questions"),
    ("questions that name their answers", given_away, "questions"),
    ("the right shape with nothing in it", stub, "coverage"),
    ("five times too long", endless, "length"),
    ("an apology", apology, "structure"),
    ("nothing", lambda _: "", "structure"),
)


_NUMBERED = re.compile(r"^\[(\d+)\] \((.+), page (\d+)(?:, [^)]*)?\)$", re.MULTILINE)


def asked_for(call: Call) -> LessonSpec:
    """Read from a prompt which lesson a model is asked for."""
    found = re.search(r"^Lesson: (.+)$", call.prompt, re.MULTILINE)
    objectives = re.findall(r"^\d+\. (.+)$", call.prompt.partition("Length:")[0], re.MULTILINE)
    length = re.search(r"about (\d+) words, and (?:(\d+)|no) questions", call.prompt)
    assert found
    assert length
    return LessonSpec(
        title=found.group(1), objectives=objectives, words=int(length.group(1)), questions=int(length.group(2) or 0)
    )


def teacher(call: Call) -> str:
    """Write the lesson that a prompt asks for, from its passages and nothing else, as an honest model would."""
    text = material_of(call)
    marks = list(_NUMBERED.finditer(text))
    passages = []
    for mark, following in zip(marks, [*marks[1:], None], strict=True):
        told = text[mark.end() : following.start() if following else len(text)].strip()
        number, name, page = int(mark.group(1)), mark.group(2), int(mark.group(3))
        sentences = tuple(
            Evidence(sentence=one.text, page=page, document=name)
            for one in sentences_of(document(told, name=name))
            if not one.front_matter
        )
        passages.append(Passage(number=number, document=name, page=page, text=told, sentences=sentences, score=1.0))
    return compose(asked_for(call), Context(passages=tuple(passages), language="en", searched=len(passages)))


def idler(call: Call) -> str:
    """Promise everything and tell nothing, whatever is asked."""
    del call
    return objectives_only("")


def learner(call: Call) -> str:
    """Write badly at first, and well when told what was missing."""
    return teacher(call) if "Your last draft fell short" in call.prompt else idler(call)


def material_of(call: Call) -> str:
    """Give the passages of a prompt: what stands between the marks."""
    found = re.search(r"^(=====\[\w+\]=====)\n(.*?)\n\1$", call.prompt, re.DOTALL | re.MULTILINE)
    return found.group(2) if found else ""

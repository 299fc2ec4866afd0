"""The shapes that models are asked to answer in: strict when asked for, patient when read."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

#: What a relation may be; anything else a model invents becomes ``related``.
RELATION_TYPES: dict[str, str] = {
    "is_a": "the source is a kind of the target",
    "part_of": "the source is a part of the target",
    "has": "the source has or contains the target",
    "uses": "the source uses or needs the target",
    "causes": "the source brings about or changes the target",
    "produces": "the source makes or yields the target",
    "prevents": "the source stops or weakens the target",
    "controls": "the source governs or limits the target",
    "precedes": "the source comes before the target",
    "example_of": "the source is an example of the target",
    "related": "none of the others, and the sentence states a connection all the same",
}


def _require_all(schema: dict[str, Any]) -> None:
    # A model leaves out what it may leave out; an answer without it is still read, and dropped by name later.
    # Without defaults, OpenAI can hold the model to the schema while it writes.
    for wanted in schema.get("properties", {}).values():
        wanted.pop("default", None)
    schema["required"] = list(schema.get("properties", {}))


def _one_of(*values: str) -> dict[str, Any]:
    return {"enum": list(values)}


class Claim(BaseModel):
    """Something a model says; nothing of it is believed before it is found in the source."""

    model_config = ConfigDict(frozen=True, extra="ignore", json_schema_extra=_require_all)


def _as_text(value: Any) -> str:
    return " ".join(str(value).split()) if isinstance(value, str | int | float) else ""


def _as_list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else []


def _as_claims(value: Any) -> Any:
    # One malformed entry must not cost the others: it becomes an empty claim, which is dropped and counted.
    return [entry if isinstance(entry, dict | Claim) else {} for entry in value] if isinstance(value, list) else value


def _as_importance(value: Any) -> int:
    return min(5, max(1, int(value))) if isinstance(value, int | float) else 3


Text = Annotated[str, BeforeValidator(_as_text)]
Texts = Annotated[list[Text], BeforeValidator(_as_list)]


class ConceptClaim(Claim):
    """A concept that a part is about."""

    label: Text = Field(default="", description="the concept's name, a noun phrase as the text writes it, singular")
    aliases: Texts = Field(default_factory=list, description="other names the text gives it, e.g. its acronym")
    importance: Annotated[int, BeforeValidator(_as_importance)] = Field(
        default=3, description="from 1 to 5, 5 the most"
    )
    defines: bool = Field(default=False, description="whether the quote says what the concept is")
    quote: Text = Field(default="", description="one sentence of the text that names the concept, word for word")


class RelationClaim(Claim):
    """A relation that a part states between two concepts."""

    source: Text = Field(default="", description="label of the concept it starts from")
    target: Text = Field(default="", description="label of the concept it leads to")
    type: Text = Field(default="related", json_schema_extra=_one_of(*RELATION_TYPES))
    quote: Text = Field(default="", description="the sentence of the text that states the relation, word for word")


class GraphAnswer(Claim):
    """The concepts of a part and the relations between them."""

    concepts: Annotated[list[ConceptClaim], BeforeValidator(_as_claims)]
    relations: Annotated[list[RelationClaim], BeforeValidator(_as_claims)]


class QuestionClaim(Claim):
    """A question about a part, with its answer."""

    kind: Text = Field(
        default="multiple_choice", json_schema_extra=_one_of("multiple_choice", "cloze", "true_false", "short_answer")
    )
    question: Text = Field(default="", description="the question; of a cloze the sentence with _____ for the answer")
    answer: Text = Field(default="", description="the right answer; of true_false the word True or False")
    distractors: Texts = Field(default_factory=list, description="three wrong answers; none for the other kinds")
    difficulty: Text = Field(default="medium", json_schema_extra=_one_of("easy", "medium", "hard"))
    quote: Text = Field(default="", description="the sentence of the text that proves the answer, word for word")


class QuizAnswer(Claim):
    """The questions about a part."""

    questions: Annotated[list[QuestionClaim], BeforeValidator(_as_claims)]


class StepClaim(Claim):
    """One sentence of an explanation, and what it rests on."""

    says: Text = Field(default="", description="one sentence in your own words")
    quote: Text = Field(default="", description="the sentence of a passage that proves it, word for word")


class ExplanationAnswer(Claim):
    """How two concepts are connected, sentence by sentence."""

    steps: Annotated[list[StepClaim], BeforeValidator(_as_claims)]

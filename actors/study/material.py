"""The material the study actors hand to one another, from a document to a pack."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from pipeline.fetching import AddressRefused, name_of, read_address


class Material(BaseModel):
    """A frozen value; unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class DocumentSource(Material):
    """A document to read: its bytes in the blob store, or the web address to fetch it from; and its name."""

    blob: str | None = Field(
        default=None,
        description="sha256 of the bytes, in hexadecimal",
        pattern=r"^[0-9a-f]{64}$",
        validate_default=True,
    )
    address: str | None = Field(
        default=None, description="http or https, in place of a blob", max_length=2048, validate_default=True
    )
    name: str = Field(
        default="",
        description="file name, for messages and citations only; the address gives one if none is said",
        min_length=1,
        max_length=255,
        validate_default=True,
    )

    @model_validator(mode="before")
    @classmethod
    def _named_after_its_address(cls, given: Any) -> Any:
        if isinstance(given, dict) and isinstance(given.get("address"), str) and not given.get("name"):
            try:
                return {**given, "name": name_of(read_address(given["address"]))}
            except AddressRefused:
                return {**given, "name": "document"}  # the address itself is told to be wrong below
        return given

    @field_validator("address")
    @classmethod
    def _one_of_both(cls, address: str | None, info: ValidationInfo) -> str | None:
        if "blob" in info.data and (address is None) == (info.data["blob"] is None):
            raise ValueError("a document has either a blob or an address")
        if address is not None:
            try:
                read_address(address)
            except AddressRefused as error:
                raise ValueError(str(error)) from None
        return address


class Block(Material):
    """One heading, paragraph, table or note, where it stands."""

    kind: Literal["heading", "paragraph", "list_item", "table", "note"]
    text: str
    page: int = Field(ge=1, description="page or slide, from 1; formats without pages count as one page a top section")
    offset: int = Field(ge=0, description="characters before it in the document's text")
    level: int | None = Field(default=None, ge=1, le=9, description="of a heading, 1 the highest")


class Chunk(Material):
    """A passage of a few hundred words, kept as context for retrieval."""

    text: str
    page: int = Field(ge=1)
    offset: int = Field(ge=0)
    heading: str | None = None


class ExtractedDocument(Material):
    """A document's text and structure in reading order."""

    id: str = Field(description="sha256 of the original bytes")
    name: str
    format: Literal["pdf", "docx", "pptx", "html", "markdown", "text", "image"]
    title: str | None = None
    language: str | None = Field(default=None, description="ISO 639-1, or none if unsure")
    pages: int = Field(ge=1)
    ocr_pages: tuple[int, ...] = ()
    blocks: tuple[Block, ...]
    chunks: tuple[Chunk, ...]
    warnings: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The whole text; ``offset`` of a block or chunk counts characters of it."""
        return "\n\n".join(block.text for block in self.blocks)


class Evidence(Material):
    """The sentence that supports a claim, word for word, and where it stands."""

    sentence: str
    page: int = Field(ge=1)
    document: str = Field(description="name of the document")


class Usage(Material):
    """What one call of a language model took."""

    model: str
    tokens_in: int = 0
    tokens_out: int = 0
    tokens_cached: int = 0
    price: Decimal | None = Field(default=None, description="US dollars; none if the price is not known")
    seconds: float = 0.0


class Making(Material):
    """How something was made: by whom, at what cost, and what was left out."""

    generator: str = Field(description="the model, or 'offline'")
    calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    price: Decimal | None = None
    seconds: float = 0.0
    dropped: dict[str, int] = Field(default_factory=dict, description="reason -> number of items left out")
    degraded: bool = Field(default=False, description="made offline because no model of the chain could be asked")
    below: int = Field(default=0, description="answers that were taken although they fell short of the gate")


class Concept(Material):
    """A node of the graph."""

    id: str
    label: str
    aliases: tuple[str, ...] = ()
    definition: Evidence | None = None
    weight: float = Field(ge=0, description="importance, the strongest concept 1.0")
    evidence: tuple[Evidence, ...]


class Relation(Material):
    """An edge of the graph; never without evidence."""

    source: str
    target: str
    type: str = Field(description="is_a, part_of, uses, causes, produces, ..., or related")
    weight: float = Field(ge=0)
    evidence: tuple[Evidence, ...] = Field(min_length=1)


class KnowledgeGraph(Material):
    """Concepts and typed relations of one or more documents."""

    concepts: tuple[Concept, ...]
    relations: tuple[Relation, ...]
    made: Making


class QuizItem(Material):
    """One question, its answer, and the passage that supports it."""

    question: str
    kind: Literal["multiple_choice", "cloze", "true_false", "short_answer"]
    answer: str
    options: tuple[str, ...] = Field(default=(), description="the answer among them, in the order shown")
    passage: str
    page: int = Field(ge=1)
    document: str
    difficulty: Literal["easy", "medium", "hard"]


class Quiz(Material):
    """Questions on one document."""

    items: tuple[QuizItem, ...]
    made: Making


class Explanation(Material):
    """How two concepts of a graph are connected, told from the source."""

    source: str = Field(description="label of the first concept")
    target: str = Field(description="label of the last concept")
    path: tuple[str, ...] = Field(description="labels from source to target")
    text: str
    citations: tuple[Evidence, ...] = Field(min_length=1)


class Explanations(Material):
    """The strongest connections of a graph, explained."""

    items: tuple[Explanation, ...]
    made: Making


class DocumentPack(Material):
    """What became of one document."""

    document: str
    status: Literal["complete", "partial", "failed"]
    pages: int = 0
    format: str | None = None
    language: str | None = None
    problems: tuple[str, ...] = ()


class StudyPack(Material):
    """Everything made from the documents of one request."""

    title: str
    status: Literal["complete", "partial", "failed"]
    documents: tuple[DocumentPack, ...]
    graph: KnowledgeGraph | None = None
    quiz: Quiz | None = None
    explanations: Explanations | None = None
    problems: tuple[str, ...] = ()
    seconds: float = 0.0
    stages: dict[str, float] = Field(default_factory=dict, description="seconds an actor took, by actor name")


class StoredDocument(Material):
    """A document that was read, kept in the blob store with its chunks; many lessons name it, none carries it."""

    blob: str = Field(description="sha256 of the document as JSON, in hexadecimal", pattern=r"^[0-9a-f]{64}$")
    name: str = Field(min_length=1, max_length=255)


class LessonSpec(Material):
    """The lesson that is wanted."""

    title: str = Field(min_length=1, max_length=200)
    objectives: tuple[str, ...] = Field(min_length=1, max_length=12, description="what a learner can do afterwards")
    level: Literal["beginner", "intermediate", "advanced"] = "intermediate"
    words: int = Field(default=500, ge=100, le=4000, description="about how long")
    questions: int = Field(default=3, ge=0, le=20, description="to check what was learned, each with its answer")
    key_terms: tuple[str, ...] = Field(default=(), max_length=30, description="terms that it must bring in")
    notes: str = Field(default="", max_length=2000, description="what else its author wants")


class CourseContext(Material):
    """Where a lesson stands: its course, its readers, what comes before it and after."""

    title: str = Field(default="", max_length=200)
    audience: str = Field(default="", max_length=500)
    previous: tuple[str, ...] = Field(default=(), max_length=50, description="titles of the lessons before it")
    next: tuple[str, ...] = Field(default=(), max_length=50, description="titles of the lessons after it")


class Citation(Material):
    """The passage behind a number in brackets, and the sentence of it that bears the lesson out."""

    number: int = Field(ge=1)
    document: str
    page: int = Field(ge=1)
    sentence: str


class Criterion(Material):
    """One part of a lesson's grade."""

    name: str
    score: float = Field(ge=0, le=1)
    weight: float = Field(ge=0, le=1)
    vital: bool = Field(default=False, description="a lesson is never better than the worst of these")
    why: str


class Lesson(Material):
    """A lesson, with its sources and its grade."""

    run: str = Field(description="that made it")
    title: str
    markdown: str = Field(description="without HTML, images or links; numbers in brackets cite passages")
    citations: tuple[Citation, ...]
    quality: float = Field(ge=0, le=1, description="its grade, as a whole")
    grades: tuple[Criterion, ...]
    words: int
    tokens: int = Field(description="that all drafts took, in and out; none without a model")
    seconds: float = Field(description="that retrieval and all drafts took")
    model: str = Field(description="that wrote it, or 'offline'")
    drafts: int = Field(ge=1)
    made: Making

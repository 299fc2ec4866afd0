"""Reading one part: its terms, definitions, second names and the relations it states."""
# ruff: noqa: PLR2004 - the numbers count words and letters where they stand

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from actors.study import english
from actors.study.material import Block, Evidence
from actors.study.offline.arguments import Claim
from actors.study.offline.chunking import chunks_of
from actors.study.offline.chunks import Chunk
from actors.study.offline.definitions import Definition, aliases_of, definition_of
from actors.study.offline.foreign import foreign_terms, in_english
from actors.study.offline.lexicon import Lexicon
from actors.study.offline.parts import AliasFinding, DefinitionFinding, Part, PartFindings, RelationFinding, TermFinding
from actors.study.offline.relations import claims_of
from actors.study.offline.tagging import tag
from actors.study.sentences import apparatus, spans
from actors.study.words import term_key

_SENTENCE_WORDS = (4, 60)
_LETTERS = 0.7
_ENDINGS = frozenset(".!;:…)”\"'")


class Read(NamedTuple):
    """A sentence as the reader sees it."""

    text: str
    page: int
    offset: int
    chunks: list[Chunk]
    claims: tuple[Claim, ...] = ()
    definition: Definition | None = None


def read_part(part: Part) -> PartFindings:
    """Find what a part names, defines and states; the same part always gives the same findings."""
    return read_closely(part)[0]


def read_closely(part: Part) -> tuple[PartFindings, list[Read]]:
    """Read a part and keep its sentences as they were read, for who asks questions about them."""
    began = time.perf_counter()
    reads: list[Read] = []
    if not in_english(part):
        # Without grammar no relation and no definition can be told from what only looks like one.
        for block in part.blocks:
            reads.extend(
                Read(" ".join(block.text[start:end].split()), block.page, block.offset + start, [])
                for start, end in (spans(block.text) if block.kind != "heading" else ())
            )
        words = sum(len(read.text.split()) for read in reads)
        spent = time.perf_counter() - began
        return PartFindings(part=part.number, words=words, seconds=spent, terms=foreign_terms(part)), reads
    lexicon = Lexicon(block.text for block in part.blocks)
    terms = _Terms()
    definitions: list[DefinitionFinding] = []
    aliases: list[AliasFinding] = []
    relations: list[RelationFinding] = []
    for block in part.blocks:
        if block.kind == "heading":
            terms.heading(block, lexicon)
            continue
        for read in read_block(block, lexicon):
            reads.append(read)
            evidence = Evidence(sentence=read.text, page=read.page, document=part.document)
            terms.sentence(read)
            definition = read.definition
            if definition:
                definitions.append(
                    DefinitionFinding(key=definition.term.key, strength=definition.strength, evidence=evidence)
                )
                terms.forms[definition.term.key][definition.term.label] += 0
            aliases.extend(
                AliasFinding(key=term.key, alias=name, evidence=evidence)
                for term, name in aliases_of(read.text, read.chunks)
            )
            relations.extend(
                RelationFinding(
                    source=claim.source.key,
                    source_label=claim.source.label,
                    type=claim.type,
                    target=claim.target.key,
                    target_label=claim.target.label,
                    strength=claim.strength,
                    definite=claim.definite,
                    evidence=evidence,
                )
                for claim in read.claims
            )
    findings = PartFindings(
        part=part.number,
        words=terms.words,
        seconds=time.perf_counter() - began,
        terms=terms.findings(),
        definitions=tuple(definitions),
        aliases=tuple(aliases),
        relations=tuple(relations),
    )
    return findings, reads


def read_block(block: Block, lexicon: Lexicon) -> Iterator[Read]:
    """Yield the sentences of a block that are prose, tagged and chunked."""
    for start, end in spans(block.text):
        text = " ".join(block.text[start:end].split())
        if prose(text):
            chunks = chunks_of(text, tag(text, lexicon), lexicon)
            place = block.offset + start
            yield Read(text, block.page, place, chunks, tuple(claims_of(chunks)), definition_of(text, chunks))


def prose(text: str) -> bool:
    """Tell whether a sentence is a whole statement in words, not a caption, a formula, a command or a fragment."""
    words = len(text.split())
    if not _SENTENCE_WORDS[0] <= words <= _SENTENCE_WORDS[1] or apparatus(text) or text[-1] not in _ENDINGS:
        return False
    letters = sum(char.isalpha() or char == " " for char in text)
    return (letters >= _LETTERS * len(text) and text[0].isalnum()) or text[0] in '"“('


class _Terms:
    def __init__(self) -> None:
        self.words = 0
        self.forms: dict[str, Counter[str]] = defaultdict(Counter)
        self._count: Counter[str] = Counter()
        self._alone: Counter[str] = Counter()
        self._headings: Counter[str] = Counter()
        self._subjects: Counter[str] = Counter()
        self._first: dict[str, int] = {}

    def heading(self, block: Block, lexicon: Lexicon) -> None:
        text = " ".join(block.text.split())
        for chunk in chunks_of(text, tag(text.lower() if text.istitle() or text.isupper() else text, lexicon), lexicon):
            if chunk.kind == "N" and candidate(chunk):
                self._headings[chunk.key] += 1

    def sentence(self, read: Read) -> None:
        self.words += len(read.text.split())
        chunks = read.chunks
        for index, chunk in enumerate(chunks):
            if chunk.kind != "N" or not candidate(chunk):
                continue
            self._note(chunk.key, chunk.label, read.offset)
            self._alone[chunk.key] += 1
            if index == 0 or (index + 1 < len(chunks) and chunks[index + 1].kind in ("B", "V", "U")):
                self._subjects[chunk.key] += 1
            for key, label in nested(chunk):
                self._note(key, label, read.offset)
            following = chunks[index + 1 : index + 3]
            if len(following) == 2 and following[0].base == "of" and following[1].kind == "N" and following[1].key:
                key = f"{chunk.key} of {following[1].key}"
                self._note(key, f"{chunk.label} of {following[1].label}", read.offset)
                self._alone[key] += 1

    def _note(self, key: str, label: str, offset: int) -> None:
        self._count[key] += 1
        self.forms[key][label] += 1
        self._first.setdefault(key, offset)

    def findings(self) -> tuple[TermFinding, ...]:
        return tuple(
            TermFinding(
                key=key,
                forms=dict(sorted(self.forms[key].items())),
                count=count,
                alone=self._alone[key],
                headings=self._headings[key],
                subjects=self._subjects[key],
                first=self._first[key],
            )
            for key, count in sorted(self._count.items())
        )


def candidate(chunk: Chunk) -> bool:
    """Tell whether a noun phrase can be a term."""
    if not chunk.key or chunk.determiner in ("this", "that", "these", "those", "such"):
        return False
    letters = sum(char.isalpha() for char in chunk.label)
    return letters >= 2 and letters * 2 >= len(chunk.label) and chunk.label.lower() not in english.FUNCTION_WORDS


def nested(chunk: Chunk) -> Iterator[tuple[str, str]]:
    """Yield the shorter terms at the end of a longer one: "energy" in "light energy"."""
    words = chunk.label.split()
    for start in range(1, len(words)):
        label = " ".join(words[start:])
        if words[start][:1].isalpha():
            yield term_key(label), label

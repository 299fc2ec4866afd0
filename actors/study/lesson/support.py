"""What the passages bear out: every statement of a lesson held against them, and what they know nothing of left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from actors.study.lesson.cleaning import clean, parser
from actors.study.lesson.outline import cited_in, sentences_of_text, without_marks
from actors.study.lesson.stems import numbers, stems

if TYPE_CHECKING:
    from markdown_it.token import Token

    from actors.study.lesson.passages import Context
    from actors.study.material import Evidence, LessonSpec

#: A statement is borne out if at least this share of its words stands together in a passage.
BORNE_OUT = 0.45
#: Below this share it speaks of something else, and is not published.
FOREIGN = 0.25
#: What has fewer words that carry meaning says nothing that could be held against a source.
FEWEST = 3
#: Sentences of a passage that are taken together.
_TOGETHER = 3
#: Numbers up to this one count things that are said beside them.
_SMALL = 10


class Held(NamedTuple):
    """How far the passages bear a statement out, and where."""

    share: float
    passage: int
    evidence: Evidence | None
    strange_numbers: bool

    @property
    def borne_out(self) -> bool:
        """Whether the sources say so."""
        return self.share >= BORNE_OUT and not self.strange_numbers


class Support:
    """The passages of a lesson, as its statements are held against them."""

    def __init__(self, context: Context, spec: LessonSpec) -> None:
        self.language = context.language
        self.passages = context.passages
        self._sentences = {
            passage.number: [(set(self._stems(one.sentence)), one) for one in passage.sentences]
            for passage in context.passages
        }
        self.vocabulary: set[str] = set().union(
            *(words for rows in self._sentences.values() for words, _ in rows),
            *(set(self._stems(passage.heading or "")) for passage in context.passages),
        )
        self._given = set(self._stems(" ".join((spec.title, *spec.objectives, *spec.key_terms))))
        self._numbers = numbers(self.text)

    @property
    def text(self) -> str:
        """All that the passages say."""
        return "\n\n".join(passage.text for passage in self.passages)

    def weigh(self, text: str, cited: Iterable[int] = ()) -> Held | None:
        """Hold a statement against the passages that it cites, or all of them; none if it says too little."""
        wanted = set(self._stems(without_marks(text)))
        return self._weigh(wanted, text, cited) if len(wanted) >= FEWEST else None

    def knows(self, text: str, share: float) -> bool:
        """Tell whether at least this share of a text's words stands together in a passage, however few they are."""
        wanted = set(self._stems(without_marks(text)))
        return bool(wanted) and self._weigh(wanted, text, ()).share >= share

    def about(self, text: str) -> bool:
        """Tell whether a text speaks of what the passages, or the lesson's author, speak of."""
        wanted = set(self._stems(without_marks(text)))
        if len(wanted) < FEWEST:
            return True
        held = self._weigh(wanted - self._given, text, ())
        share = (held.share * len(wanted - self._given) + len(wanted & self._given)) / len(wanted)
        return share >= FOREIGN and not held.strange_numbers

    def _weigh(self, wanted: set[str], text: str, cited: Iterable[int]) -> Held:
        among = [number for number in cited if number in self._sentences] or list(self._sentences)
        strange = {found for found in numbers(without_marks(text)) if _large(found)} - self._numbers
        best = Held(0.0, 0, None, bool(strange))
        for number in among:
            rows = self._sentences[number]
            for first in range(len(rows)):
                together = rows[first : first + _TOGETHER]
                share = len(wanted & set().union(*(words for words, _ in together))) / max(1, len(wanted))
                if share > best.share:
                    nearest = max(together, key=lambda row: len(wanted & row[0]))[1]
                    best = Held(share, number, nearest, best.strange_numbers)
        return best

    def _stems(self, text: str) -> list[str]:
        return stems(text, self.language)


def publishable(markdown: str, support: Support, *, title: str = "") -> tuple[str, Counter[str]]:
    """Give Markdown of a model as it may be published, and what was left out of it, by reason.

    Nothing of it is markup that does something, and no sentence of it speaks of what the passages know nothing of.
    """
    text, dropped = clean(markdown, known=support.text, title=title)
    reader = parser()
    env: dict[str, object] = {}
    tokens = reader.parse(text, env)
    foreign = 0
    for opening, token in pairwise(tokens):
        if opening.type == "paragraph_open":
            kept, left_out = _kept(token.content, support)
            if left_out:
                foreign += left_out
                token.content = kept
                token.children = reader.parseInline(kept, {})[0].children if kept else []
    if foreign:
        dropped["ungrounded"] += foreign
        written: str = reader.renderer.render(_without_empty(tokens), reader.options, env)
        text = written.strip() + "\n" if written.strip() else ""
    return text, dropped


def _kept(content: str, support: Support) -> tuple[str, int]:
    sentences = sentences_of_text(content)
    kept = [one for one in sentences if _asks(one) or support.about(_bare(one))]
    if len(kept) == len(sentences):
        return content, 0
    return "\n".join(kept), len(sentences) - len(kept)


def _asks(sentence: str) -> bool:
    return without_marks(sentence).rstrip("*_ ").endswith(("?", "\uff1f", "\u061f"))


def _bare(sentence: str) -> str:
    return sentence.replace("*", " ").replace("`", " ").replace("\\", "")


def _without_empty(tokens: Sequence[Token]) -> list[Token]:
    kept: list[Token] = []
    for token in tokens:
        if token.type == "inline" and not token.children and kept and kept[-1].type == "paragraph_open":
            continue
        if token.nesting < 0 and kept and kept[-1].nesting > 0 and kept[-1].tag == token.tag:
            kept.pop()
            continue
        kept.append(token)
    return kept


def _large(number: str) -> bool:
    try:
        return float(number) > _SMALL
    except ValueError:
        return True


def citations(
    markdown: str, statements: Iterable[tuple[str, tuple[int, ...]]], support: Support
) -> dict[int, Evidence]:
    """Give, for each passage that a lesson cites, the sentence of it that bears the citing statement out best."""
    found: dict[int, tuple[float, Evidence]] = {}
    for text, cited in statements:
        for number in cited:
            held = support.weigh(text, (number,))
            if held is None or held.passage != number or held.evidence is None:
                continue
            if number not in found or held.share > found[number][0]:
                found[number] = (held.share, held.evidence)
    for passage in support.passages:
        if passage.number in cited_in(markdown) and passage.number not in found and passage.sentences:
            found[passage.number] = (0.0, passage.sentences[0])
    return {number: found[number][1] for number in sorted(found)}

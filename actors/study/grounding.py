"""Grounding: what is not in the source is not published."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from functools import lru_cache

from actors.study.material import Evidence, ExtractedDocument
from actors.study.sentences import Sentence, sentences_of
from actors.study.words import plural, singular

_VARIANTS = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032`\u00b4\u02bc", "'"),
        **dict.fromkeys("“”„‟″«»", '"'),
        **dict.fromkeys("\u2010\u2011\u2012\u2013—―\u2212\ufe58﹣\uff0d", "-"),
        "\u00ad": None,
        "\u200b": None,
        "\u200c": None,
        "\u200d": None,
        "\ufeff": None,
    }
)
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_LEAST_WORDS = 3
_MOST_SENTENCES = 3
_LEAST_WITHOUT_SPACES = 25
_PASSAGE_CHARACTERS = 600


@lru_cache(maxsize=100_000)
def plain(text: str) -> str:
    """Give text as it is compared: without case, extra whitespace and variants of quotes, dashes and ligatures."""
    folded = unicodedata.normalize("NFKC", text.translate(_VARIANTS)).translate(_VARIANTS).casefold()
    return " ".join(folded.replace("''", '"').replace("--", "-").split())


class Source:
    """The sentences of a document, where every claim about it must be found."""

    def __init__(self, document: ExtractedDocument) -> None:
        self.name = document.name
        self.sentences: tuple[Sentence, ...] = tuple(sentences_of(document))
        self._starts: list[int] = []
        parts: list[str] = []
        position = 0
        block = -1
        for sentence in self.sentences:
            text = ("\n" if sentence.block != block else " ") + plain(sentence.text)
            block = sentence.block
            self._starts.append(position + 1)
            parts.append(text)
            position += len(text)
        self._text = "".join(parts) + "\n"
        self._by_text: dict[tuple[str, int], int] = {}
        for number, sentence in enumerate(self.sentences):
            self._by_text.setdefault((sentence.text, sentence.page), number)
        self._by_plain: dict[str, int] = {}
        for number, start in enumerate(self._starts):
            end = self._starts[number + 1] - 1 if number + 1 < len(self._starts) else len(self._text) - 1
            self._by_plain.setdefault(self._text[start:end], number)
        self._dense: tuple[str, list[int]] | None = None

    def find(self, quote: str) -> Evidence | None:
        """Give the whole sentence (three at most, if the quote spans them) that holds a quote, or none."""
        whole = plain(quote)
        number = self._by_plain.get(whole)
        if number is not None and _words(whole) >= _LEAST_WORDS:
            sentence = self.sentences[number]
            return Evidence(sentence=sentence.text, page=sentence.page, document=self.name)
        wanted = whole.strip("\"' .,;:…")
        if _words(wanted) < _LEAST_WORDS:
            return None
        pieces = [piece.strip(" ,;:") for piece in re.split(r"\.\.\.|…|\[\.\.\.\]", wanted)]
        pieces = [piece for piece in pieces if piece]
        if not pieces or max(map(_words, pieces)) < _LEAST_WORDS:
            return None
        if len(pieces) == 1:
            return self._whole(pieces[0])
        return self._elided(pieces)

    def _whole(self, wanted: str) -> Evidence | None:
        start = 0
        while (start := self._text.find(wanted, start)) >= 0:
            end = start + len(wanted)
            if self._apart(start, end):
                return self._evidence(start, end)
            start += 1
        return self._without_spaces(wanted)

    def _elided(self, pieces: list[str]) -> Evidence | None:
        longest = max(pieces, key=len)
        start = 0
        while (start := self._text.find(longest, start)) >= 0:
            found = self._evidence(start, start + len(longest))
            if found is not None:
                text, position = plain(found.sentence), 0
                for piece in pieces:
                    position = text.find(piece, position)
                    if position < 0:
                        break
                    position += len(piece)
                else:
                    return found
            start += 1
        return None

    def _without_spaces(self, wanted: str) -> Evidence | None:
        # Text drawn from pages may lack or gain a space in the middle of a line.
        compact = wanted.replace(" ", "")
        if len(compact) < _LEAST_WITHOUT_SPACES:
            return None
        if self._dense is None:
            positions = [place for place, char in enumerate(self._text) if char not in " \n"]
            self._dense = ("".join(self._text[place] for place in positions), positions)
        text, positions = self._dense
        start = text.find(compact)
        if start < 0:
            return None
        first, last = positions[start], positions[start + len(compact) - 1] + 1
        return self._evidence(first, last) if self._apart(first, last) else None

    def _apart(self, start: int, end: int) -> bool:
        text = self._text
        left = start == 0 or not (text[start].isalnum() and text[start - 1].isalnum()) or bool(_CJK.match(text[start]))
        right = not (text[end - 1].isalnum() and text[end].isalnum()) or bool(_CJK.match(text[end - 1]))
        return left and right

    def _evidence(self, start: int, end: int) -> Evidence | None:
        first = max(0, bisect_right(self._starts, start) - 1)
        last = max(first, bisect_right(self._starts, end - 1) - 1)
        group = self.sentences[first : last + 1]
        if len(group) > _MOST_SENTENCES or group[0].block != group[-1].block:
            return None
        text = " ".join(sentence.text for sentence in group)
        self._by_text.setdefault((text, group[0].page), first)
        return Evidence(sentence=text, page=group[0].page, document=self.name)

    def mentions(self, term: str) -> bool:
        """Tell whether the document names a term, in the singular or the plural."""
        wanted = plain(term)
        if not wanted:
            return False
        head, _, last = wanted.rpartition(" ")
        forms = {last, singular(last), plural(singular(last))}
        spellings = {f"{head} {form}".strip() for form in forms}
        spellings |= {spelling.replace("-", " ") for spelling in spellings}
        return any(self._named(spelling) for spelling in sorted(spellings))

    def _named(self, spelling: str) -> bool:
        start = 0
        while (start := self._text.find(spelling, start)) >= 0:
            if self._apart(start, start + len(spelling)):
                return True
            start += 1
        return False

    def place(self, evidence: Evidence) -> Sentence | None:
        """Give the first sentence that an evidence quotes, or none if it is not from this document."""
        number = self._number(evidence)
        return None if number is None else self.sentences[number]

    def passage(self, evidence: Evidence) -> str:
        """Give a sentence with its neighbours in the same block, as context for a question."""
        number = self._number(evidence)
        if number is None:
            return evidence.sentence
        block = self.sentences[number].block
        last = number
        while len(" ".join(s.text for s in self.sentences[number : last + 1])) < len(evidence.sentence):
            last += 1
        first, end = number, last
        size = len(evidence.sentence)
        before = self.sentences[number - 1] if number else None
        if before is not None and before.block == block and size + len(before.text) <= _PASSAGE_CHARACTERS:
            first, size = number - 1, size + len(before.text)
        after = self.sentences[last + 1] if last + 1 < len(self.sentences) else None
        if after is not None and after.block == block and size + len(after.text) <= _PASSAGE_CHARACTERS:
            end = last + 1
        return " ".join(sentence.text for sentence in self.sentences[first : end + 1])

    def _number(self, evidence: Evidence) -> int | None:
        if evidence.document != self.name:
            return None
        number = self._by_text.get((evidence.sentence, evidence.page))
        if number is not None:
            return number
        # Found as a quote, a passage of several sentences is known by its first.
        found = self.find(evidence.sentence)
        return self._by_text.get((found.sentence, found.page)) if found is not None else None


def _words(text: str) -> int:
    return len(_CJK.findall(text)) // 2 + len(re.findall(r"[^\W_]+", _CJK.sub(" ", text)))

"""What a text itself shows of its words."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

_NOUNISH = re.compile(
    r"\b(?:the|a|an|of|this|each|its|their|in|by)\s+([a-z][a-z-]+)(?=\s+(?:is|are|was|were|of|in|on|and|"
    r"or|from|by|with|for|that|which|can|has|have|"
    r"into|through|between)\b|[.,;:)])"
)


class Lexicon:
    """What a text itself shows of its words: which of them it uses as nouns, and which it writes as names."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._nounish: Counter[str] = Counter()
        self._names: Counter[str] = Counter()
        self._lower: Counter[str] = Counter()
        for text in texts:
            self._nounish.update(_NOUNISH.findall(text))
            for word in re.findall(r"(?<=[a-z,;] )([A-Z]?[a-z][\w-]+)", text):
                (self._names if word[0].isupper() else self._lower)[word.lower()] += 1

    def nounish(self, word: str) -> int:
        """Give how often a word stands where only a noun can."""
        return self._nounish[word]

    def name(self, word: str) -> bool:
        """Tell whether the text writes a word with a capital in the middle of sentences."""
        low = word.lower()
        return self._names[low] > self._lower[low]

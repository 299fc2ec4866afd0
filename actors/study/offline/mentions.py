"""Where a document mentions which concepts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from actors.study.grounding import Source
from actors.study.sentences import Sentence
from actors.study.words import term_key


class Mentions:
    """The concepts each sentence of a document names, the longest name winning where names overlap."""

    def __init__(self, source: Source, names: Mapping[str, frozenset[str]]) -> None:
        self._by_first: dict[str, list[tuple[list[str], str]]] = defaultdict(list)
        for key in sorted(names):
            for name in sorted(names[key]):
                words = name.split()
                self._by_first[words[0]].append((words, key))
        for entries in self._by_first.values():
            entries.sort(key=lambda entry: -len(entry[0]))
        self.sentences: list[Sentence] = []
        self.keys: list[tuple[str, ...]] = []
        self.where: dict[str, list[int]] = defaultdict(list)
        for sentence in source.sentences:
            if sentence.front_matter or sentence.kind == "table":
                continue
            found = self.found(sentence.text)
            self.sentences.append(sentence)
            self.keys.append(found)
            for key in found:
                self.where[key].append(len(self.sentences) - 1)

    def found(self, text: str) -> tuple[str, ...]:
        """Give the concepts that a text names, in order of first mention."""
        words = term_key(f"x {text}").split()[1:]
        seen: dict[str, None] = {}
        index = 0
        while index < len(words):
            for name, key in self._by_first.get(words[index], ()):
                if words[index : index + len(name)] == name:
                    seen.setdefault(key)
                    index += len(name) - 1
                    break
            index += 1
        return tuple(seen)

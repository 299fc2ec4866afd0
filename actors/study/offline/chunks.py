"""A chunk: a noun phrase, a verb group, or one word between them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Chunk:
    """A noun phrase (N), verb group (copula B, active V, passive U, participle E or G, infinitive I), or one word."""

    kind: str
    first: int
    last: int
    start: int
    end: int
    # of a noun phrase
    label: str = ""
    key: str = ""
    head: str = ""
    determiner: str = ""
    plural: bool = False
    negative: bool = False
    name: bool = False
    # of a verb group
    base: str = ""
    form: str = ""  # s, base, past, modal
    doubtful: bool = False
    counted: bool = False

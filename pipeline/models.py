"""Models: the chain of language models an actor may use, best first."""

from __future__ import annotations

from typing import Self


class Models(tuple[str, ...]):
    """A chain of model names; ``offline`` is the generator that needs no model.

    Raises ``ValueError`` for an empty chain or an empty name.
    """

    __slots__ = ()

    def __new__(cls, *names: str) -> Self:
        if not names or not all(name.strip() for name in names):
            raise ValueError(f"Models{names}: needs at least one name, none of them empty")
        return super().__new__(cls, (name.strip() for name in names))

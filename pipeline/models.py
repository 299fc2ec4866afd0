"""Models: the chain of language models an actor may use, best first."""

from __future__ import annotations

from datetime import timedelta
from typing import Self


class Models(tuple[str, ...]):  # noqa: SLOT001 - a tuple of names that carries two settings
    """A chain of model names; ``offline`` is the generator that needs no model, and may end the chain.

    ``tries`` is how often a model may answer badly before the next one is asked. A model that asks to be called later
    than after ``wait`` is passed over while another is free. ``always`` names one model for the whole run: it is waited
    for, and never replaced.
    Raises ``ValueError`` for an empty chain, an empty name, or ``offline`` before the end.
    """

    tries: int
    wait: timedelta

    def __new__(cls, *names: str, tries: int = 2, wait: timedelta = timedelta(seconds=10)) -> Self:
        if not names or not all(name.strip() for name in names):
            raise ValueError(f"Models{names}: needs at least one name, none of them empty")
        if tries < 1:
            raise ValueError(f"Models(tries={tries}): needs at least one")
        chain = super().__new__(cls, (name.strip() for name in names))
        if "offline" in chain[:-1]:
            raise ValueError(f"Models{names}: offline needs no model, so nothing can come after it")
        chain.tries = tries
        chain.wait = wait
        return chain

    @classmethod
    def always(cls, name: str) -> Self:
        """Give a chain of one: the same model throughout, waited for when it is away."""
        return cls(name)

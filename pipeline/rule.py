"""Rule: what a failure has to look like to be of a kind."""

from __future__ import annotations

import re
from dataclasses import KW_ONLY, dataclass, field

from pipeline.errors import KINDS, Kind
from pipeline.evidence import Evidence


@dataclass(frozen=True)
class Rule:
    """Gives a failure its kind, and says why, if everything that is asked here holds for one exception of its chain.

    ``exception`` is a class, or the name of one: ``"httpx.ReadTimeout"`` with its module, ``"ReadTimeout"`` in any
    module, ``"httpx.*"`` for a whole package; subclasses count. ``status`` is an HTTP status or several. ``code`` is
    what a provider calls the failure (``insufficient_quota``), or the system does (``ENOSPC``), in any case of letters.
    ``message`` is a regular expression to be found in the message, or in those of the causes. Of several names,
    statuses or codes one has to fit.
    Raises ``ValueError`` for a rule that asks for nothing, for a kind or a pattern that is none.
    """

    kind: Kind
    why: str
    _: KW_ONLY
    exception: str | type[BaseException] | tuple[str | type[BaseException], ...] = ()
    status: int | range | tuple[int, ...] = ()
    code: str | tuple[str, ...] = ()
    message: str = ""
    _names: tuple[str, ...] = field(init=False, repr=False, compare=False)
    _exact: frozenset[str] = field(init=False, repr=False, compare=False)
    _packages: tuple[str, ...] = field(init=False, repr=False, compare=False)
    _statuses: tuple[int, ...] | range = field(init=False, repr=False, compare=False)
    _codes: frozenset[str] = field(init=False, repr=False, compare=False)
    _pattern: re.Pattern[str] | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"Rule({self.kind!r}, ...): the kinds are {', '.join(KINDS)}")
        if not (self.exception or self.status or self.code or self.message):
            raise ValueError(f"Rule({self.kind!r}, {self.why!r}): asks for nothing, so it would fit every failure")
        asked = self.exception if isinstance(self.exception, tuple) else (self.exception,)
        names = tuple(_name(one) for one in asked)
        object.__setattr__(self, "_names", names)
        object.__setattr__(self, "_exact", frozenset(names))
        object.__setattr__(self, "_packages", tuple(name[:-1] for name in names if name.endswith(".*")))
        object.__setattr__(self, "_statuses", (self.status,) if isinstance(self.status, int) else self.status)
        codes = (self.code,) if isinstance(self.code, str) else self.code
        object.__setattr__(self, "_codes", frozenset(code.lower() for code in codes))
        try:
            pattern = re.compile(self.message, re.IGNORECASE) if self.message else None
        except re.error as error:
            raise ValueError(f"Rule({self.kind!r}, {self.why!r}): message={self.message!r}: {error}") from None
        object.__setattr__(self, "_pattern", pattern)

    @property
    def when(self) -> str:
        """What the rule asks for, as it is shown to people."""
        asked = []
        if self.exception:
            asked.append(" or ".join(self._names))
        if self.status:
            asked.append("HTTP " + _numbers(self._statuses))
        if self.code:
            asked.append("code " + (self.code if isinstance(self.code, str) else " or ".join(self.code)))
        if self.message:
            asked.append(f"says /{self.message}/")
        return ", ".join(asked)

    def fits(self, seen: Evidence) -> bool:
        """Tell whether one exception of a chain is what the rule asks for."""
        if self.exception and self._exact.isdisjoint(seen.names) and not self._in_a_package(seen.names):
            return False
        if self.status and seen.status not in self._statuses:
            return False
        if self.code and self._codes.isdisjoint(seen.codes):
            return False
        return self._pattern is None or self._pattern.search(seen.text) is not None

    def _in_a_package(self, names: frozenset[str]) -> bool:
        return bool(self._packages) and any(name.startswith(self._packages) for name in names)


def _name(asked: str | type[BaseException]) -> str:
    return asked if isinstance(asked, str) else f"{asked.__module__}.{asked.__qualname__}"


def _numbers(statuses: tuple[int, ...] | range) -> str:
    if isinstance(statuses, range):
        return f"{statuses.start}-{statuses.stop - 1}"
    return " or ".join(str(status) for status in statuses)

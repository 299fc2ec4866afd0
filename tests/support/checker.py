"""Reads the ledger after the storm and says what was lost, doubled or repeated."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from tests.support.ledger import Entry, Ledger

#: The states in which a run is over.
TERMINAL = frozenset({"completed", "dead", "cancelled"})


@dataclass(frozen=True)
class Findings:
    """What a storm did. Every list names the runs, steps or keys concerned; an empty one is what is wanted."""

    accepted: int
    states: Mapping[str, int]
    #: Promised by ``send`` and known to nobody now, or completed without the effect that its actor makes.
    lost: list[str] = field(default_factory=list)
    #: Keys under which more than one effect was applied.
    doubled: list[str] = field(default_factory=list)
    #: Steps that ran again although a later step had already begun, so their result was already kept.
    forgotten: list[str] = field(default_factory=list)
    #: Steps that ran again because their worker died before the result was kept; allowed, once a kill and thread.
    repeated: list[str] = field(default_factory=list)
    #: Effects applied under a fence lower than one already seen: written by a worker that had lost the run.
    stale: list[str] = field(default_factory=list)
    #: Not over yet.
    pending: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Nothing lost, doubled, forgotten, stale or pending."""
        return not (self.lost or self.doubled or self.forgotten or self.stale or self.pending)

    def __str__(self) -> str:
        states = ", ".join(f"{state} {count}" for state, count in sorted(self.states.items()))
        parts = [f"accepted {self.accepted} ({states})"]
        for name in ("lost", "doubled", "forgotten", "stale", "pending", "repeated"):
            found: list[str] = getattr(self, name)
            examples = f" {found[:3]}" if found else ""
            parts.append(f"{name} {len(found)}{examples}")
        return "; ".join(parts)


def check(ledger: Ledger, states: Mapping[str, str | None], *, effect: str | None = None) -> Findings:
    """Compare what was promised and what was done with the ``states`` the engine reports for each promised run.

    Steps are entries that say ``step``, applied effects those that say ``effect`` and carry a key. With ``effect``
    given, every completed run must have an entry that says so.
    """
    accepted = ledger.accepted()
    entries = ledger.entries()
    lost = [run for run in dict.fromkeys(accepted) if states.get(run) is None]
    if effect is not None:
        touched = {entry.run for entry in entries if entry.what == effect}
        lost += [run for run, state in states.items() if state == "completed" and run not in touched]
    forgotten, repeated = _repeats(entry for entry in entries if entry.what == "step")
    applied = [entry for entry in entries if entry.what == "effect"]
    return Findings(
        accepted=len(set(accepted)),
        states=Counter(state or "unknown" for state in states.values()),
        lost=lost,
        doubled=[key for key, times in Counter(entry.key for entry in applied).items() if times > 1],
        forgotten=forgotten,
        repeated=repeated,
        stale=_stale(applied),
        pending=[run for run, state in states.items() if state is not None and state not in TERMINAL],
    )


def _repeats(steps: Iterable[Entry]) -> tuple[list[str], list[str]]:
    by_run: dict[str, list[str]] = defaultdict(list)
    for entry in steps:
        by_run[entry.run].append(entry.step)
    forgotten, repeated = [], []
    for run, names in by_run.items():
        seen: list[str] = []
        for name in names:
            if name not in seen:
                seen.append(name)
            elif name == seen[-1]:
                repeated.append(f"{run}/{name}")
            else:
                forgotten.append(f"{run}/{name}")
    return forgotten, repeated


def _stale(effects: Iterable[Entry]) -> list[str]:
    highest: dict[str, int] = {}
    stale = []
    for entry in effects:
        if entry.fence < highest.get(entry.run, 0):
            stale.append(f"{entry.run}/{entry.step} fence {entry.fence} < {highest[entry.run]}")
        highest[entry.run] = max(entry.fence, highest.get(entry.run, 0))
    return stale

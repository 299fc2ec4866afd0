"""What a check of a deploy found, grouped so that one mistake is one line however many runs it hits."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Literal

#: Runs of a group that are named.
EXAMPLES = 5

Kind = Literal[
    "unknown_actor", "newer_version", "queue", "message", "option", "version", "upgrade", "payload", "input", "step",
    "blob", "schedule",
]  # fmt: skip

#: What becomes of a run that the new code takes up all the same.
EFFECTS: dict[str, str] = {
    "unknown_actor": "parked until code that knows the actor is back",
    "newer_version": "parked until code of that version is back",
    "queue": "waits: no actor of this code uses its queue",
    "message": "dead: the message cannot be read",
    "option": "fails: an option of it cannot be read",
    "version": "dead: there is no upgrade",
    "upgrade": "fails: its upgrade raises",
    "payload": "dead: the payload does not fit",
    "input": "dead: a result that it needs is not there",
    "step": "dead: a step that it remembers does not fit",
    "blob": "fails: a blob is not there",
    "schedule": "what it starts is parked",
}


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why this code could not go on with a run; no value of a payload is in it."""

    kind: Kind
    actor: str
    version: int = 1
    field: str = ""
    why: str = ""


@dataclass(slots=True)
class Group:
    """All runs with one and the same trouble."""

    trouble: Trouble
    count: int = 0
    states: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)

    @property
    def effect(self) -> str:
        """What becomes of such a run."""
        return EFFECTS[self.trouble.kind]

    def told(self) -> dict[str, Any]:
        """Give it for JSON."""
        trouble = self.trouble
        return {
            "kind": trouble.kind,
            "actor": trouble.actor,
            "version": trouble.version,
            "field": trouble.field,
            "why": trouble.why,
            "effect": self.effect,
            "count": self.count,
            "states": dict(self.states.most_common()),
            "examples": self.examples,
        }


@dataclass
class Report:
    """Everything that a check found."""

    checked: int = 0
    states: Counter[str] = field(default_factory=Counter)
    groups: dict[Trouble, Group] = field(default_factory=dict)
    #: What is no trouble and may be good to know, each with how many runs it is of.
    notes: Counter[str] = field(default_factory=Counter)
    took_s: float = 0.0

    @property
    def clear(self) -> bool:
        """Whether nothing was found."""
        return not self.groups

    def saw(self, state: str) -> None:
        """Count a run."""
        self.checked += 1
        self.states[state] += 1

    def add(self, trouble: Trouble, state: str, example: str) -> None:
        """Count a run, or a schedule, that has a trouble."""
        group = self.groups.get(trouble)
        if group is None:
            group = self.groups[trouble] = Group(trouble)
        group.count += 1
        group.states[state] += 1
        if len(group.examples) < EXAMPLES:
            group.examples.append(example)

    def findings(self) -> list[Group]:
        """Give the groups, the largest first."""
        return sorted(self.groups.values(), key=lambda group: (-group.count, group.trouble.actor, group.trouble.field))

    def told(self) -> dict[str, Any]:
        """Give it for JSON."""
        return {
            "ok": self.clear,
            "checked": self.checked,
            "states": dict(self.states.most_common()),
            "took_s": round(self.took_s, 3),
            "findings": [group.told() for group in self.findings()],
            "notes": [{"what": what, "count": count} for what, count in self.notes.most_common()],
        }

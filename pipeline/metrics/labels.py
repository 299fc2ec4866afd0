"""Which values a label may have: names that were declared, and words of the code; everything else is ``other``.

What a message says is not to be trusted: an actor, a model or a reason that nobody declared would make a series of its
own, and any number of them would bring down what scrapes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from pipeline.errors import KINDS

OTHER = "other"

#: Sets of label values that one metric may have in one process, beside those of declared actors.
MOST_SETS = 400

_NAME = re.compile(r"[A-Za-z0-9_.:/\-]{1,80}")
_ITEM = re.compile(r"[\[#].*$")
_WORD = re.compile(r"[A-Za-z_]{1,40}")

#: What a run may be dead for, or move on for, beside the kinds of failure.
_REASONS = frozenset(KINDS) | {
    "attempts_exhausted",
    "crash_loop",
    "deadline",
    "gate",
    "killed",
    "oom",
    "rejected",
    "unreadable_message",
    "waited_too_long",
    "waited_too_often",
}

#: Labels whose values are names that somebody declares.
_DECLARED = {
    "actor": "actor",
    "queue": "queue",
    "model": "model",
    "from": "model",
    "to": "model",
    "gen_ai_request_model": "model",
    "gen_ai_response_model": "model",
}


class Names:
    """The names that were declared, by what they are names of: actor, queue, model."""

    def __init__(self) -> None:
        self._known: dict[str, set[str]] = {"actor": set(), "queue": set(), "model": {"offline"}}

    def declare(self, kind: str, names: Iterable[str]) -> bool:
        """Add names; says whether one of them is new."""
        known = self._known[kind]
        before = len(known)
        known.update(model_word(name) if kind == "model" else name for name in names)
        return len(known) > before

    def known(self, kind: str) -> set[str]:
        """Give the names of a kind."""
        return self._known[kind]

    def fold(self, metric: str, labels: tuple[str, ...], values: tuple[str, ...]) -> tuple[str, ...]:
        """Give the values that the labels of a metric may have for these."""
        return tuple(self._one(metric, label, value) for label, value in zip(labels, values, strict=True))

    def _one(self, metric: str, label: str, value: str) -> str:
        kind = _DECLARED.get(label)
        if kind is not None and not metric.startswith("dramaturg_breaker"):
            value = model_word(value) if kind == "model" else value
            return value if value in self._known[kind] else OTHER
        if not value:
            return value
        if label == "step":
            value = step_word(value)
        elif label == "reason":
            value = reason_word(value)
        elif label == "error_type":
            value = value.replace(" ", "_")
            return value if _WORD.fullmatch(value) else OTHER
        elif label in {"limiter", "budget"}:
            value = value.partition("=")[0]  # what follows is whom it counts for
        elif label == "breaker":
            value = model_word(value)
        return value if _NAME.fullmatch(value) and "//" not in value and "@" not in value else OTHER


def model_word(name: str) -> str:
    """Give a model's name without the address of its server."""
    return f"server:{name.partition('#')[2]}" if "//" in name else name


def provider_word(name: str) -> str:
    """Give the provider of a model, by its name alone."""
    if "//" in name:
        return "server" if urlsplit(name).scheme else OTHER
    return name.partition(":")[0]


def step_word(name: str) -> str:
    """Give a step's name without the number of its item, piece or draft."""
    return _ITEM.sub("", name)


def reason_word(reason: str) -> str:
    """Give the first word of a reason, if it is one of the code's: what follows it is anybody's text."""
    word = reason.partition(":")[0]
    return word if word in _REASONS else OTHER

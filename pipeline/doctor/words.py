"""How the doctor says times and lists."""

from __future__ import annotations

from collections.abc import Iterable


def long(ms: int) -> str:
    """Say how long something is, roughly."""
    seconds = max(0, ms) // 1000
    for unit, length in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"


def a_few(items: Iterable[str], most: int = 5) -> str:
    """Name the first few of several things, and say how many more there are."""
    named = list(items)
    more = f" and {len(named) - most} more" if len(named) > most else ""
    return ", ".join(named[:most]) + more

"""Durations as people write them: ``250ms``, ``5s``, ``2m``, ``1h30m``, ``1d``, or in the words of ISO 8601."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal

_UNITS = {"ms": "milliseconds", "s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)\s*")
_ISO = re.compile(r"P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?")

#: Nothing here waits longer; a larger number is a mistake.
_LONGEST = timedelta(days=3660)


def read(given: object) -> timedelta:
    """Give what is meant by a text, or by a number of seconds; raises ``ValueError`` for anything else."""
    if isinstance(given, int | float | Decimal) and not isinstance(given, bool):
        return _bounded(str(given), {"seconds": float(given)})
    if isinstance(given, str):
        text = given.strip()
        if text.startswith("P") and (iso := _ISO.fullmatch(text)) and any(iso.groups()) and not text.endswith("T"):
            names = ("weeks", "days", "hours", "minutes", "seconds")
            return _bounded(text, {n: float(v) for n, v in zip(names, iso.groups(), strict=True) if v})
        parts = _PART.findall(text)
        units = [unit for _, unit in parts]
        if parts and _PART.sub("", text) == "" and units == sorted(set(units), key=list(_UNITS).index, reverse=True):
            return _bounded(text, {_UNITS[unit]: float(number) for number, unit in parts})
    raise ValueError(f"is no duration: {given!r}; write 250ms, 5s, 2m, 1h30m or 1d, or a number of seconds")


def spell(duration: timedelta) -> str:
    """Give a duration in the shortest of these forms that ``read`` understands."""
    ms = round(duration / timedelta(milliseconds=1))
    told = ""
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        count, ms = divmod(ms, size)
        told += f"{count}{unit}" if count else ""
    return told or "0s"


def _bounded(text: str, parts: dict[str, float]) -> timedelta:
    try:
        found = timedelta(**parts)
    except (OverflowError, ValueError):
        raise ValueError(f"is no duration: {text}") from None
    if not timedelta(0) <= found <= _LONGEST:
        raise ValueError(f"must lie between nothing and ten years, and is {text}")
    return found

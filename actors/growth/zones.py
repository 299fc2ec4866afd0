"""Time zones by name, as IANA has them."""

from __future__ import annotations

import re
from zoneinfo import ZoneInfo

_NAME = re.compile(r"[A-Z][A-Za-z_]+(?:/[A-Za-z0-9_+-]+){1,2}")


def zone_named(name: str) -> str:
    """Give the name back if there is such a zone; raises ``ValueError`` otherwise."""
    if name == "UTC":
        return name
    try:
        if _NAME.fullmatch(name):
            ZoneInfo(name)
            return name
    except (ValueError, OSError, KeyError):  # not there, a folder, or no data for it
        pass
    raise ValueError("is no time zone by an IANA name, as in Europe/Berlin")

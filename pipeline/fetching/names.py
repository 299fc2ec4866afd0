"""The name a document came under: from its answer or its address, and safe to show and to write."""

from __future__ import annotations

import unicodedata
from email.message import Message
from urllib.parse import unquote

from pipeline.fetching.address import WebAddress

_LONGEST = 120
_DEVICES = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}


def name_of(address: WebAddress, disposition: str = "") -> str:
    """Give a file name: of ``Content-Disposition``, else of the path, else the host; never a path, never empty."""
    path = address.target.partition("?")[0].rstrip("/")
    last = unquote(path.rpartition("/")[2], errors="replace")
    return _clean(_disposed(disposition)) or _clean(last) or address.host[:_LONGEST]


def _disposed(disposition: str) -> str:
    if not disposition or len(disposition) > 1000:  # noqa: PLR2004 - no name is that long
        return ""
    told = Message()
    try:
        told["Content-Disposition"] = disposition
        return told.get_filename("") or ""
    except (ValueError, LookupError, UnicodeError):  # a header that is none names nothing
        return ""


def _clean(name: str) -> str:
    last = unicodedata.normalize("NFC", name).replace("\\", "/").rpartition("/")[2]
    # Control, formatting (which turns the order of letters around) and private characters are no part of a name.
    seen = "".join(c for c in last if unicodedata.category(c)[0] != "C" and c not in '<>:"|?*')
    seen = " ".join(seen.split()).strip(". ")
    if seen.partition(".")[0].lower() in _DEVICES:
        return ""
    stem, dot, suffix = seen.rpartition(".")
    if len(seen) > _LONGEST and dot and len(suffix) < 10:  # noqa: PLR2004 - the suffix is kept if it is one
        return stem[: _LONGEST - len(suffix) - 1] + dot + suffix
    return seen[:_LONGEST]

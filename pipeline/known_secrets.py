"""Secrets that a process knows, in every form in which text may hold them, and in text that comes in pieces."""

from __future__ import annotations

import html
import json
from base64 import b64encode
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

#: Shorter values are words that turn up anywhere; taking them out would ruin every text.
SHORTEST = 6

#: Characters of a secret that base64 makes into at least so many are looked for in base64.
_SHORTEST_IN_BASE64 = 8


def forms_of(secret: str) -> set[str]:
    """Give a secret as it stands, as JSON, Python, addresses, HTML, hexadecimal and base64 write it."""
    raw = secret.encode("utf-8", "replace")
    quoted = {quote(secret, safe=""), quote(secret), quote_plus(secret)}
    forms = {
        secret,
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        repr(secret)[1:-1],
        repr(raw)[2:-1],
        html.escape(secret),
        raw.hex(),
        *quoted,
        *(_lower(text) for text in quoted),
        *_in_base64(raw),
    }
    return {form for form in forms if len(form) >= SHORTEST}


def _lower(text: str) -> str:
    parts = text.split("%")
    return "%".join([parts[0], *(part[:2].lower() + part[2:] for part in parts[1:])])


def _in_base64(raw: bytes) -> Iterator[str]:
    # Where it begins in what was encoded decides how it looks: there are three ways. Only characters that are made of
    # nothing but the secret are known.
    for before, first in ((0, 0), (1, 2), (2, 3)):
        encoded = b64encode(b"\0" * before + raw).decode()
        core = encoded[first : (before + len(raw)) * 8 // 6]
        if len(core) >= _SHORTEST_IN_BASE64:
            yield core
            yield core.replace("+", "-").replace("/", "_")


def held_back(text: str, secrets: tuple[str, ...]) -> int:
    """Count the characters at the end of a text that may be the beginning of a secret."""
    most = 0
    for secret in secrets:
        at = text.find(secret[0], max(0, len(text) - len(secret) + 1))
        while at >= 0 and len(text) - at > most:
            if secret.startswith(text[at:]):
                most = len(text) - at
                break
            at = text.find(secret[0], at + 1)
    return most

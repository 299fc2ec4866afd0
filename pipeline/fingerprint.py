"""Fingerprints: what failures of one cause have in common, whatever their ids, numbers and names."""

from __future__ import annotations

import hashlib
import re
from typing import Any

#: Characters of a pattern, at most.
_LONGEST = 160

#: What is not the same from one failure to the next, and what stands in its place; in this order.
_VARYING = (
    (re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s'\"<>)\]]+", re.IGNORECASE), "<url>"),
    (re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"), "<email>"),
    (re.compile(r"\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?"), "<time>"),
    (re.compile(r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b", re.IGNORECASE), "<id>"),
    (re.compile(r"\b(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{7,}\b", re.IGNORECASE), "<id>"),
    (re.compile(r"\b(?:0x[0-9a-f]+|(?=\w*\d)(?=\w*[A-Za-z])\w{16,})\b"), "<id>"),
    (re.compile(r"""(?<![\w'])'(?![A-Za-z_.-]{1,40}')[^'\n]*'|"(?![A-Za-z_.-]{1,40}")[^"\n]*"|`[^`\n]*`"""), "<text>"),
    (re.compile(r"(?<![\w<])(?:~|\.{1,2})?(?:/[\w.@%+-]+){2,}/?"), "<path>"),
    (re.compile(r"[\w-]+\.(?:pdf|docx|pptx|html?|md|txt|csv|json|png|jpe?g)\b", re.IGNORECASE), "<file>"),
    (re.compile(r"(?<![A-Za-z<])[-+]?\d+(?:[.,:]\d+)*"), "<n>"),
    (re.compile(r"\s+"), " "),
)  # fmt: skip


def pattern_of(message: str) -> str:
    """Give the first line of a message with everything taken out that differs from failure to failure."""
    line = next((line for line in message.splitlines() if line.strip()), "")[:1000]
    for varying, stands in _VARYING:
        line = varying.sub(stands, line)
    return line.strip()[:_LONGEST]


def fingerprint(reason: str, error: dict[str, Any] | None) -> tuple[str, str]:
    """Give a dead run's fingerprint, eight hexadecimal digits, and the pattern that it is made of."""
    if error is None:
        pattern = pattern_of(reason) or "no error"
    else:
        named = ": ".join(str(error[name]) for name in ("kind", "type") if error.get(name))
        pattern = f"{named}: {pattern_of(str(error.get('message') or ''))}"
    return hashlib.sha256(pattern.encode()).hexdigest()[:8], pattern

"""Takes secrets out of text and values, before they are logged or stored."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

import orjson

from pipeline.known_secrets import SHORTEST, forms_of, held_back

HIDDEN = "***"

_WORDS = (
    r"pass(?:word|wd|phrase)?|pwd|secrets?|(?:api|access|private|secret)[_-]?key|(?:client|app)[_-]?secret|"
    r"token|authorization|cookie|credentials?|bearer"
)
_SENSITIVE_NAME = re.compile(rf"(?:^|[_\-. ]|(?-i:(?<=[a-z])(?=[A-Z])))(?:{_WORDS})$", re.IGNORECASE)
_USERINFO = re.compile(r"://[^\s/?#\"'<>]*@")
_HEADER = re.compile(
    r"\b((?:set-)?cookie|(?:proxy-)?authorization)(\s{0,3}[:=]\s{0,3})[^\s\"'][^\r\n\"']*", re.IGNORECASE
)
_AUTHORIZATION = re.compile(r"\b(Bearer|Basic) +[A-Za-z0-9._~+/=-]{8,}")
_ASSIGNED = re.compile(
    rf"""((?<![A-Za-z])(?:{_WORDS})["'\\]{{0,4}}\s{{0,3}}(?:=>?|:)\s{{0,3}})"""  # a name, however quoted, and = or :
    r"""(?:"(?:\\.|[^"\\])+"|'(?:\\.|[^'\\])+'|\\".+?\\"|"""  # a value in quotes, or in quotes within quotes
    r"""(?!\*\*\*)[^\s"'\\,;&<>(){}\[\]]+)""",  # or as it stands
    re.IGNORECASE,
)
_KEY = re.compile(r"\b(?:[spr]k[-_]|gh[po]_|AKIA)[A-Za-z0-9_-]{16,}")
#: The rarest part of each word above, by as few first letters as can be: a line in lower case without any
#: of them holds nothing that the patterns would find. Most lines end here, so this is what logging costs.
_HINT = re.compile(rb"k(?:ey|en|ie|ia|[-_])|w(?:ord|d)|cr(?:et|ed)|h(?:rase|[po]_)|zation|b(?:earer|asic)")

#: What is known, in all of its forms, the longest first.
_secrets: tuple[str, ...] = ()
_secrets_in_json: tuple[bytes, ...] = ()


def hide(values: Iterable[str]) -> None:
    """Take these values, in all of their forms, out of everything from now on; what was added before stays."""
    global _secrets, _secrets_in_json  # noqa: PLW0603 - a secret of one part of a process is a secret of all of it
    known = {form for value in values if len(value) >= SHORTEST for form in forms_of(value)}
    _secrets = tuple(sorted(known.union(_secrets), key=len, reverse=True))
    _secrets_in_json = tuple(orjson.dumps(secret)[1:-1] for secret in _secrets)


def may_hold_secrets(line: bytes) -> bool:
    """Tell, fast, whether a line of JSON has to be looked at closely; it may only err to the safe side."""
    if b"://" in line and b"@" in line:
        return True
    for secret in _secrets_in_json:
        if secret in line:
            return True
    return _HINT.search(line.lower()) is not None


def redact(text: str) -> str:
    """Return the text without secrets: known values, users in addresses, keys, and what a name gives away."""
    text = _without_known(text)
    if "://" in text and "@" in text:
        text = _USERINFO.sub(f"://{HIDDEN}@", text)
    text = _HEADER.sub(rf"\1\2{HIDDEN}", text)
    text = _ASSIGNED.sub(rf"\1{HIDDEN}", text)
    text = _AUTHORIZATION.sub(rf"\1 {HIDDEN}", text)
    return _KEY.sub(HIDDEN, text)


class Sieve:
    """Takes known secrets out of a text that comes in pieces; the pieces it gives make up the clean text.

    What may be the beginning of a secret is held back until more comes. Only known values are looked for: what looks
    like a secret by what is around it, as ``password=...``, is not.
    """

    def __init__(self) -> None:
        self._held = ""

    def take(self, piece: str) -> str:
        """Give what can be given of the text now."""
        if not _secrets:
            return piece
        text = _without_known(self._held + piece)
        keep = held_back(text, _secrets)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep]

    def rest(self) -> str:
        """Give what was held back: the text goes on with nothing that belongs to it."""
        held, self._held = self._held, ""
        return held


def _without_known(text: str) -> str:
    for secret in _secrets:
        if secret in text:
            text = text.replace(secret, HIDDEN)
    return text


@lru_cache(maxsize=4096)
def is_sensitive(name: str) -> bool:
    """Tell whether a name is one that secrets are kept under."""
    return _SENSITIVE_NAME.search(name) is not None


def redact_value(value: Any) -> Any:
    """Return a value, of any depth, without secrets; what is not text, a list or a mapping is left as it is."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {name: redact_field(name, inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [redact_value(inner) for inner in value]
    return value


def redact_field(name: Any, value: Any) -> Any:
    """Return the value of a field without secrets: nothing of it if its name is sensitive."""
    if isinstance(name, str) and is_sensitive(name) and not isinstance(value, (int, float, type(None))):
        return HIDDEN
    return redact_value(value)

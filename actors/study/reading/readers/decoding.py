"""Turns the bytes of a text file into text, or says that they are none."""

from __future__ import annotations

import codecs
import re

from .pieces import Task, Unreadable

_META_CHARSET = re.compile(rb"""<meta[^>]+charset\s*=\s*["']?\s*([\w-]+)""", re.IGNORECASE)
_BOMS: tuple[tuple[bytes, str], ...] = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_UNTEXT = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f\ufffd]")
#: Text may carry a stray control character; one in this many is a binary file.
_ONE_IN = 500
_WORDISH = re.compile(r"[\w\s.,;:!?()\"'/<>=-]")
_WORDISH_SHARE = 0.75


def read_text(task: Task, *, meta: bool = False, markup: int = 1) -> str:
    """Read a text file; ``markup`` says how many characters of the file one of its text may take."""
    most = markup * task.limits.characters
    # Four bytes are the most that a character takes: what is longer need not be decoded to be refused.
    if task.path.stat().st_size > 4 * most:
        raise Unreadable(f"holds more than {task.limits.characters:,} characters of text: split it into parts")
    text = decode(task.path.read_bytes(), meta=meta)
    if text is None:
        raise Unreadable("is not text, though it begins like it: it is damaged")
    if len(text) > most:
        raise Unreadable(f"holds more than {task.limits.characters:,} characters of text: split it into parts")
    return text


def decode(data: bytes, *, cut: bool = False, meta: bool = False) -> str | None:
    """Decode by byte order mark, HTML's ``meta`` if asked for, UTF-8, then Latin-1; none if it is no text.

    ``cut`` says that the data may end in the middle of a character.
    """
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            text = data[len(mark) :].decode(encoding, "replace")
            return text if _is_text(text.rstrip("\ufffd")) else None
    guessed = _utf16_without_mark(data)
    if guessed:
        text = data.decode(guessed, "replace")
        return text if _is_text(text.rstrip("\ufffd")) else None
    declared = _declared(data) if meta else None
    if declared:
        return data.decode(declared, "replace")
    try:
        decoder = codecs.getincrementaldecoder("utf-8")("strict")
        text = decoder.decode(data, final=not cut)
    except UnicodeDecodeError:
        # What calls itself Latin-1 is Windows-1252 nearly everywhere; the web reads it so as well.
        text = data.decode("cp1252", "replace")
        return text if _is_text(text) and _is_wordish(text) else None
    return text if _is_text(text) else None


def _declared(data: bytes) -> str | None:
    found = _META_CHARSET.search(data[:4096])
    if not found:
        return None
    try:
        encoding = codecs.lookup(found.group(1).decode("ascii"))
    except LookupError:
        return None
    # A codec such as "rot13" or "zip" is no text encoding; and a page that says UTF-16 in ASCII letters is wrong.
    if not encoding._is_text_encoding or encoding.name.startswith(("utf-16", "utf-32")):  # noqa: SLF001 - no public name
        return None
    return encoding.name


def _utf16_without_mark(data: bytes) -> str | None:
    sample = data[:2048]
    if len(sample) < 8 or len(sample) % 2:  # noqa: PLR2004 - too short to tell
        return None
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    half = len(sample) // 2
    if odd > 0.6 * half and even < 0.05 * half:
        return "utf-16-le"
    if even > 0.6 * half and odd < 0.05 * half:
        return "utf-16-be"
    return None


def _is_text(text: str) -> bool:
    return len(_UNTEXT.findall(text)) * _ONE_IN <= len(text)


def _is_wordish(text: str) -> bool:
    return len(_WORDISH.findall(text)) >= _WORDISH_SHARE * len(text)

"""Markdown of a model made harmless: no HTML, no links, no images, no address that the sources do not name.

What comes in is parsed, what must not be there is taken out of the parsed text, and the rest is written anew, every
character that could become markup again escaped. That is repeated until nothing is left to take out, because the
remains of two things taken out may make up a third.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

from actors.study.grounding import plain

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

#: Anything that a reader's program may turn into a link, or a reader may type.
ADDRESS = re.compile(
    r"(?:\b[a-z][a-z0-9+.-]{1,20}:)?//[^\s<>\"'`()\[\]]+|\b(?:javascript|vbscript|data|mailto|file|tel):[^\s<>\"'`\])]+"
    r"|\bwww\.[^\s<>\"'`()\[\]]+|\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
    r"|\b(?:[\w-]+\.)+(?:com|net|org|io|info|biz|app|dev|xyz|ru|cn|tk|top|site|online|shop|link|click|me|co|ai)\b"
    r"(?:/[^\s<>\"'`()\[\]]*)?",
    re.IGNORECASE,
)
#: Control characters, and marks that are not seen or turn the direction of what follows.
_UNSEEN = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff"
    r"\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e0fff]"
)
_NUMBERS = re.compile(r"^\d+(?:\s*[,\-\u2013]\s*\d+)*$")
_INFO = re.compile(r"^[\w+#.-]{1,30}$")
_HIDING = frozenset({"script", "style", "iframe", "object", "template", "noscript", "svg", "math", "title", "textarea"})
_TAG = re.compile(r"^<(/?)([a-z][a-z0-9-]*)", re.IGNORECASE)
_LOWEST_HEADING = 4
_MOST_ROUNDS = 6


class _Escapes:
    """Writes text so that it is text again: every "<" that could open a tag is escaped, and no letter is.

    A backslash before a letter means itself, and formulas are full of them.
    """

    RENDERERS: Mapping[str, Any] = {}
    POSTPROCESSORS: Mapping[str, Callable[..., str]] = {"text": lambda text, _node, _context: _as_text(text)}


def _as_text(text: str) -> str:
    closed = re.sub(r"(?<!\\)((?:\\\\)*)<(?=[A-Za-z/!?])", r"\1\\<", text)
    return re.sub(r"\\\\(?=[A-Za-z])", r"\\", closed)


def clean(markdown: str, *, known: str = "", title: str = "") -> tuple[str, Counter[str]]:
    """Give Markdown without anything harmful, and what was taken out, by reason.

    ``known`` is the text of the sources: addresses in it stay, as code that no program follows. A heading that repeats
    ``title`` is left out; the others begin at the second level.
    """
    dropped: Counter[str] = Counter()
    addresses = addresses_of(known)
    for _ in range(_MOST_ROUNDS):
        before = sum(dropped.values())
        markdown = _once(markdown, addresses, plain(title), dropped)
        if sum(dropped.values()) == before:
            return markdown, dropped
    # Made to come apart again and again: nobody writes so by accident.
    return "", dropped + Counter({"hostile_markup": 1})


def addresses_of(text: str) -> frozenset[str]:
    """Give the addresses that a text names."""
    return frozenset(_address(found.group()) for found in ADDRESS.finditer(text))


def escaped(text: str) -> str:
    """Give plain text as Markdown that shows it as one line, whatever is in it."""
    for mark in "\\`*_[]<>#|&":
        text = text.replace(mark, f"\\{mark}")
    return " ".join(text.split())


def parser() -> MarkdownIt:
    """Give the parser by which lessons are read and written; it sees the addresses that others would make links of."""
    return _parser()


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt
    from mdformat.plugins import PARSER_EXTENSIONS
    from mdformat.renderer import MDRenderer

    # Its types name a renderer of HTML; mdformat documents its own as fit for this place.
    reader = MarkdownIt("commonmark", renderer_cls=cast("Any", MDRenderer))
    reader.options.update({"mdformat": {"number": True}, "codeformatters": {}, "store_labels": True})
    reader.options["parser_extension"] = []
    extension = PARSER_EXTENSIONS["gfm"]
    reader.options["parser_extension"] += [extension, _Escapes]
    extension.update_mdit(reader)
    return reader


def _once(markdown: str, addresses: frozenset[str], title: str, dropped: Counter[str]) -> str:
    reader = _parser()
    text = _UNSEEN.sub("", markdown.replace("\r\n", "\n").replace("\r", "\n").replace("\t", "    "))
    env: dict[str, Any] = {}
    kept = _blocks(reader.parse(text, env), addresses, title, dropped)
    env["references"] = {}
    written: str = reader.renderer.render(kept, reader.options, env)
    return written.strip() + "\n" if written.strip() else ""


def _blocks(tokens: Sequence[Token], addresses: frozenset[str], title: str, dropped: Counter[str]) -> list[Token]:
    kept: list[Token] = []
    at = 0
    while at < len(tokens):
        token = tokens[at]
        at += 1
        if token.type == "html_block":
            dropped["html"] += 1
            continue
        if token.type == "heading_open" and token.level == 0 and title and plain(tokens[at].content) == title:
            at += 2
            continue
        if token.type in ("heading_open", "heading_close"):
            _lower(token)
        elif token.type in ("fence", "code_block") and token.info and not _INFO.match(token.info.strip()):
            token.info = ""
            dropped["markup"] += 1
        elif token.type == "inline":
            token.children = _inlines(token.children or [], addresses, dropped)
        kept.append(token)
    return kept


def _lower(token: Token) -> None:
    level = min(_LOWEST_HEADING, max(2, int(token.tag[1:])))
    token.tag, token.markup = f"h{level}", "#" * level


def _inlines(tokens: Sequence[Token], addresses: frozenset[str], dropped: Counter[str]) -> list[Token]:
    kept: list[Token] = []
    hidden = ""  # the tag whose content is no text
    bracketed = False
    for at, token in enumerate(tokens):
        if token.type == "html_inline":
            dropped["html"] += 1
            hidden = _hides(token.content, hidden)
        elif hidden or token.type in ("gfm_autolink_open", "gfm_autolink_close"):
            continue
        elif token.type == "image":
            dropped["image"] += 1
            kept += _inlines(token.children or [], addresses, dropped)
        elif token.type in ("link_open", "link_close"):
            opens = token.type == "link_open"
            dropped["link"] += opens
            # What links may be a citation, for which somebody defined a target.
            bracketed = _NUMBERS.match(tokens[at + 1].content) is not None if opens else bracketed
            kept += [_text("[" if opens else "]")] * bracketed
        else:
            kept += _told(token, addresses, dropped) if token.type == "text" else [token]
    return kept


def _hides(tag: str, hidden: str) -> str:
    found = _TAG.match(tag)
    if found is None:
        return hidden
    name = found.group(2).lower()
    if found.group(1):
        return "" if name == hidden else hidden
    return hidden or (name if name in _HIDING and not tag.rstrip("> ").endswith("/") else "")


def _told(token: Token, addresses: frozenset[str], dropped: Counter[str]) -> list[Token]:
    """Give a piece of text with the addresses that the sources name as code, and without the others."""
    pieces: list[Token] = []
    begin = 0
    for found in ADDRESS.finditer(token.content):
        pieces.append(_text(token.content[begin : found.start()]))
        begin = found.end()
        if _address(found.group()) in addresses:
            pieces.append(_code(found.group()))
        else:
            dropped["address"] += 1
    pieces.append(_text(token.content[begin:]))
    return [piece for piece in pieces if piece.content] if begin else [token]


def _address(text: str) -> str:
    return plain(text).strip(".,;:()/")


def _text(content: str) -> Token:
    from markdown_it.token import Token

    return Token("text", "", 0, content=content)


def _code(content: str) -> Token:
    from markdown_it.token import Token

    return Token("code_inline", "code", 0, content=content, markup="`")

"""Reads HTML: the main part of the page in document order, without scripts, styles and navigation."""

from __future__ import annotations

import re
from typing import Any

from .decoding import read_text
from .finishing import number_sections
from .pieces import Draft, Piece, Task, Unreadable

_DROPPED = frozenset(
    {"script", "style", "noscript", "template", "head", "nav", "aside", "footer", "form", "button", "select", "option"}
    | {"input", "textarea", "dialog", "svg", "canvas", "iframe", "object", "embed", "video", "audio"}
)
_BLOCKS = frozenset(
    {"address", "article", "blockquote", "body", "caption", "center", "dd", "details", "div", "dl", "dt", "fieldset"}
    | {"figcaption", "figure", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hgroup", "hr", "html", "li", "main", "ol"}
    | {"p", "pre", "section", "summary", "table", "td", "th", "tr", "ul"}
)
_HEADING = re.compile(r"^h[1-6]$")
_LIST_ITEMS = frozenset({"li", "dt", "dd"})
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_NAVIGATION = frozenset({"navigation", "search", "banner", "contentinfo", "complementary", "menu", "menubar"})
_CHROME = re.compile(
    r"(?:^|\s)(?:(?:doc|site|main|top|page|sub)?nav(?:bar|igation)?|(?:site|page|main)-(?:nav|menu|header|footer)|menu|"
    r"breadcrumbs?|sidebar|footer|cookies?|share|social|skip(?:-?link)?|visually-hidden|sr-only|screen-reader-text|"
    r"headerlink|mw-editsection)(?:$|\s)",
    re.IGNORECASE,
)
_CHROME_SHARE = 0.4  # more of the page than that is no chrome, whatever it is called
_PERMALINK = re.compile(r"^[\s¶#§]*$")
_BLANKS = re.compile(r"[^\S\x01]+")
_BREAK = "\x01"  # a <br>, until blanks are folded
_MARKUP = 6
#: Elements that must be closed; the others may stand open in a good page.
_OPENING = re.compile(
    r"<(?:a|article|b|big|blockquote|center|code|div|em|font|i|main|nav|section|small|span|strong|sub|sup|table|u|ul|ol)"
    r"[\s>]",
    re.IGNORECASE,
)
_MOST_UNCLOSED = 5_000
_DEEPEST = 400
_MAIN_SHARE = 0.4


def read_html(task: Task) -> Draft:
    """Read a page; headings by their tags, one page a top section."""
    text = read_text(task, meta=True, markup=_MARKUP)
    # The parser's time grows with the square of the depth.
    if len(_OPENING.findall(text)) - text.count("</") > _MOST_UNCLOSED:
        raise Unreadable("is nested too deeply: thousands of its elements are never closed")
    draft = pieces_of_html(text)
    number_sections(draft)
    return draft


def pieces_of_html(text: str) -> Draft:
    """Take a page, or a fragment of one, apart into pieces."""
    from selectolax.lexbor import LexborHTMLParser

    tree = LexborHTMLParser(text)
    title = tree.css_first("title")
    name = _BLANKS.sub(" ", title.text(deep=True)).strip() if title else None
    if tree.body is None:
        return Draft(format="html", pieces=[], title=name or None)
    main = _main_part(tree.body)
    walk = _Walk(len(main.text(deep=True)))
    walk.enter(main)
    walk.flush()
    return Draft(format="html", pieces=walk.pieces, title=name or None)


def _main_part(body: Any) -> Any:
    whole = len(body.text(deep=True)) or 1
    for selector in ("main", "[role=main]", "article"):
        found = body.css(selector)
        if len(found) == 1 and len(found[0].text(deep=True)) > _MAIN_SHARE * whole:
            return found[0]
    return body


class _Walk:
    """Gathers inline text until a block begins or ends, then makes a piece of it."""

    def __init__(self, length: int) -> None:
        self._length = length
        self.pieces: list[Piece] = []
        self._inline: list[str] = []
        self._kind: list[tuple[str, int | None]] = [("paragraph", None)]

    def enter(self, node: Any, depth: int = 0) -> None:
        for child in node.iter(include_text=True):
            tag = child.tag
            if tag == "-text":
                self._inline.append(child.text_content or "")
            elif tag == "br":
                self._inline.append(_BREAK)
            elif tag == "img":
                self._inline.append(" ")
            elif tag not in _DROPPED and depth < _DEEPEST and not _hidden(child) and not self._is_chrome(child):
                self._element(child, tag, depth)

    def _is_chrome(self, node: Any) -> bool:
        named = f"{node.attributes.get('class') or ''} {node.attributes.get('id') or ''}"
        return bool(_CHROME.search(named)) and len(node.text(deep=True)) < _CHROME_SHARE * self._length

    def _element(self, node: Any, tag: str, depth: int) -> None:
        if tag == "table" and _is_data(node):
            self.flush()
            self.pieces.append(Piece("table", _rows(node)))
        elif tag == "pre":
            self.flush()
            self.pieces.append(Piece("paragraph", node.text(deep=True)))
        elif tag not in _BLOCKS:
            if not (tag == "a" and _PERMALINK.match(node.text(deep=True))):
                self.enter(node, depth + 1)
        else:
            self.flush()
            kind = self._kind[-1]
            if _HEADING.match(tag):
                kind = ("heading", int(tag[1]))
            elif tag in _LIST_ITEMS:
                kind = ("list_item", None)
            self._kind.append(kind)
            self.enter(node, depth + 1)
            self.flush()
            self._kind.pop()

    def flush(self) -> None:
        text = _BLANKS.sub(" ", "".join(self._inline)).replace(f" {_BREAK}", _BREAK).replace(_BREAK, "\n").strip()
        self._inline.clear()
        if text:
            kind, level = self._kind[-1]
            self.pieces.append(Piece(kind, text, level=level))  # type: ignore[arg-type]  # one of the kinds above


def _hidden(node: Any) -> bool:
    attributes = node.attributes
    if not attributes:
        return False
    return (
        "hidden" in attributes
        or attributes.get("aria-hidden") == "true"
        or (attributes.get("role") or "") in _NAVIGATION
        or bool(_HIDDEN.search(attributes.get("style") or ""))
    )


def _is_data(table: Any) -> bool:
    # Pages laid out with tables hold paragraphs, headings or further tables in their cells.
    if table.css_first("table table, td h1, td h2, td h3, td p + p, td ul, td div + div") is not None:
        return False
    return any(len(row.css("td, th")) > 1 for row in table.css("tr"))


def _rows(table: Any) -> str:
    lines = []
    for row in table.css("tr"):
        cells = [" ".join(cell.text(deep=True, separator=" ").split()) for cell in row.css("td, th")]
        if any(cells):
            lines.append(" | ".join(cells))
    caption = table.css_first("caption")
    heading = " ".join(caption.text(deep=True).split()) if caption is not None else ""
    return "\n".join([heading, *lines] if heading else lines)

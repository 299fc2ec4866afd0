"""Reads DOCX: the body in order, tables where they stand, headings and lists by style, footnotes as notes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from .archive import check_archive
from .finishing import number_sections
from .pieces import Draft, Piece, Task, Unreadable

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_M = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_FOOTNOTES = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/footnotes"
_HEADING = re.compile(r"^heading (\d)$", re.IGNORECASE)
_LIST = re.compile(r"^list\b", re.IGNORECASE)
_CONTENTS = re.compile(r"^toc \d$", re.IGNORECASE)
_CONTAINERS = {_W + name for name in ("sdt", "sdtContent", "customXml", "ins", "moveTo")}
_DELETED = {_W + name for name in ("del", "moveFrom", "pPr", "rPr", "instrText", "delText")}
_TEXTS = {_W + "t", _M + "t"}
_SIGNS = {_W + "tab": "\t", _W + "noBreakHyphen": "-"}
_BREAKS = {_W + "br", _W + "cr", _W + "lastRenderedPageBreak", _W + "pageBreakBefore"}
_EVERY = 500


def read_word(task: Task) -> Draft:
    """Read a Word document; pages are counted where Word left breaks, else one a top section."""
    from docx import Document
    from docx.opc.exceptions import PackageNotFoundError

    check_archive(task.path, task.limits)
    try:
        document: Any = Document(str(task.path))
    except (PackageNotFoundError, KeyError, ValueError, AttributeError, SyntaxError) as problem:
        if isinstance(problem, ValueError) and "content type" in str(problem):
            raise Unreadable("is a Word template or holds macros: save it as DOCX") from problem
        raise Unreadable("is damaged: it is no complete Word document") from problem
    body = _Body(document)
    elements = list(document.element.body)
    for index, element in enumerate(elements):
        if index % _EVERY == 0:
            task.progress("parsing", index, len(elements))
        body.add(element)
    title = (document.core_properties.title or "").strip()
    draft = Draft(format="docx", pieces=body.pieces, pages=body.page, title=title or body.title)
    if body.page == 1:
        number_sections(draft)
    return draft


class _Body:
    """Walks the body's elements and counts pages on the way."""

    def __init__(self, document: Any) -> None:
        self.pieces: list[Piece] = []
        self.page = 1
        self.title: str | None = None
        self._styles = _Styles(document)
        self._footnotes = _footnotes(document)
        # Word notes where its pages ended last; an explicit break stands right before such a note and counts once.
        self._rendered = next(document.element.body.iter(_W + "lastRenderedPageBreak"), None) is not None

    def add(self, element: Any) -> None:
        if element.tag == _W + "p":
            self._paragraph(element)
        elif element.tag == _W + "tbl":
            self._table(element)
        elif element.tag in _CONTAINERS:
            for child in element:
                self.add(child)

    def _paragraph(self, element: Any) -> None:
        kind, level = self._styles.kind_of(element)
        page = self.page
        parts: list[str] = []
        notes: list[str] = []
        boxes: list[Any] = []
        for node in _nodes(element):
            letters = _letters(node)
            if letters:
                page = page if parts else self.page
                parts.append(letters)
            elif node.tag == _W + "footnoteReference":
                notes.append(node.get(_W + "id"))
            elif node.tag == _W + "txbxContent":
                boxes.append(node)
            elif node.tag in _BREAKS:
                self._break(node, parts)
        text = "".join(parts).strip()
        if text:
            if kind == "title":
                self.title = self.title or text
                kind, level = "heading", 1
            self.pieces.append(Piece(kind, text, page, level))  # type: ignore[arg-type]  # title was taken out above
        self.pieces.extend(Piece("note", self._footnotes[note], page) for note in notes if note in self._footnotes)
        for box in boxes:
            for child in box:
                self.add(child)

    def _break(self, node: Any, parts: list[str]) -> None:
        if node.tag == _W + "lastRenderedPageBreak":
            self.page += 1
        elif node.get(_W + "type") == "page" or node.tag == _W + "pageBreakBefore":
            # A break before anything was written, as some converters put it, begins no second page.
            if not self._rendered and (self.pieces or parts):
                self.page += 1
        elif node.get(_W + "type") != "column":
            parts.append("\n")

    def _table(self, element: Any) -> None:
        page, rows = self.page, []
        for row in element.iter(_W + "tr"):
            if next(row.iterancestors(_W + "tbl")) is not element:
                continue  # of a table inside a cell: its text is that cell's
            cells = [_text(cell) for cell in _cells(row)]
            if any(cells):
                rows.append(cells)
        self.page += sum(1 for _ in element.iter(_W + "lastRenderedPageBreak"))
        if all(len(row) == 1 for row in rows):
            # A frame around text, not a table.
            self.pieces.extend(Piece("paragraph", row[0], page) for row in rows)
        elif rows:
            self.pieces.append(Piece("table", "\n".join(" | ".join(row) for row in rows), page))


class _Styles:
    """What each paragraph style stands for, its ancestors asked as well."""

    def __init__(self, document: Any) -> None:
        self._kinds: dict[str, tuple[str, int | None]] = {}
        elements = {style.get(_W + "styleId"): style for style in document.styles.element.iter(_W + "style")}
        for style_id in elements:
            self._kinds[style_id] = self._of_style(style_id, elements)

    @staticmethod
    def _of_style(style_id: str, elements: dict[str, Any]) -> tuple[str, int | None]:
        seen: set[str] = set()
        current: str | None = style_id
        while current in elements and current not in seen:
            seen.add(current)
            style = elements[current]
            name = style.find(_W + "name")
            label = (name.get(_W + "val") or "") if name is not None else ""
            heading = _HEADING.match(label)
            if heading:
                return "heading", int(heading.group(1))
            if label.lower() == "title":
                return "title", None
            if _LIST.match(label) or _CONTENTS.match(label) or style.find(f"{_W}pPr/{_W}numPr") is not None:
                return "list_item", None
            outline = style.find(f"{_W}pPr/{_W}outlineLvl")
            if outline is not None and (outline.get(_W + "val") or "9") in "012345678":
                return "heading", int(outline.get(_W + "val")) + 1
            based = style.find(_W + "basedOn")
            current = based.get(_W + "val") if based is not None else None
        return "paragraph", None

    def kind_of(self, paragraph: Any) -> tuple[str, int | None]:
        properties = paragraph.find(_W + "pPr")
        if properties is None:
            return "paragraph", None
        style = properties.find(_W + "pStyle")
        kind = self._kinds.get(style.get(_W + "val"), ("paragraph", None)) if style is not None else ("paragraph", None)
        if kind[0] in {"heading", "title"}:
            return kind
        outline = properties.find(_W + "outlineLvl")
        if outline is not None and (outline.get(_W + "val") or "9") in "012345678":
            return "heading", int(outline.get(_W + "val")) + 1
        numbering = properties.find(f"{_W}numPr/{_W}numId")
        if numbering is not None and numbering.get(_W + "val") != "0":
            return "list_item", None
        return kind


def _nodes(element: Any) -> Iterator[Any]:
    """Yield what is in a paragraph in order; nothing deleted, no second version for old programs, no text box twice."""
    stack = [iter(element)]
    while stack:
        node = next(stack[-1], None)
        if node is None:
            stack.pop()
        elif node.tag == _W + "pPr":
            broken = node.find(_W + "pageBreakBefore")
            if broken is not None and broken.get(_W + "val") not in {"0", "false"}:
                yield broken
        elif isinstance(node.tag, str) and node.tag not in _DELETED and node.tag != _FALLBACK:
            yield node
            if node.tag != _W + "txbxContent":
                stack.append(iter(node))


def _letters(node: Any) -> str:
    return (node.text or "") if node.tag in _TEXTS else _SIGNS.get(node.tag, "")


def _cells(row: Any) -> Iterator[Any]:
    for child in row:
        if child.tag == _W + "tc":
            yield child
        elif child.tag in _CONTAINERS:
            yield from _cells(child)


def _text(cell: Any) -> str:
    paragraphs = []
    for paragraph in cell.iter(_W + "p"):
        texts = [_letters(node) for node in _nodes(paragraph)]
        paragraphs.append("".join(texts).strip())
    return " ".join(part for part in paragraphs if part)


def _footnotes(document: Any) -> dict[str, str]:
    from docx.oxml.parser import parse_xml

    for relation in document.part.rels.values():
        if relation.reltype == _FOOTNOTES and not relation.is_external:
            root: Any = parse_xml(relation.target_part.blob)
            return {note.get(_W + "id"): text for note in root if not note.get(_W + "type") and (text := _text(note))}
    return {}

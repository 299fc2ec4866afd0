"""Reads PPTX: each slide is a page, its title a heading, its notes a note."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .archive import check_archive
from .pieces import Draft, Piece, Task, Unreadable

_ROW = 300_000  # EMU, about 8 mm: shapes that begin so close stand side by side
_DEEPEST = 20


def read_slides(task: Task) -> Draft:
    """Read a presentation in the order a viewer reads: title, then from the top and from the left."""
    from pptx import Presentation
    from pptx.exc import PackageNotFoundError, PythonPptxError

    check_archive(task.path, task.limits)
    try:
        deck: Any = Presentation(str(task.path))
        slides = list(deck.slides)
    except (PackageNotFoundError, PythonPptxError, KeyError, ValueError, AttributeError, SyntaxError) as problem:
        if isinstance(problem, ValueError) and "not a PowerPoint" in str(problem):
            raise Unreadable("is a PowerPoint template or holds macros: save it as PPTX") from problem
        raise Unreadable("is damaged: it is no complete PowerPoint presentation") from problem
    draft = Draft(format="pptx", pieces=[], pages=max(len(slides), 1))
    draft.title = (deck.core_properties.title or "").strip() or None
    if draft.title == "PowerPoint Presentation":
        draft.title = None  # what the program writes when nobody named it
    for number, slide in enumerate(slides, start=1):
        draft.pieces.extend(_slide(slide, number))
        task.progress("parsing", number, len(slides))
    return draft


def _slide(slide: Any, number: int) -> Iterator[Piece]:
    title = slide.shapes.title
    if title is not None and title.has_text_frame and title.text_frame.text.strip():
        yield Piece("heading", " ".join(title.text_frame.text.split()), number, 1)
    shapes = [shape for shape in _flat(slide.shapes) if title is None or shape.shape_id != title.shape_id]
    for shape in sorted(shapes, key=_place):
        yield from _shape(shape, number)
    if slide.has_notes_slide:
        notes = slide.notes_slide.notes_text_frame
        text = notes.text.strip() if notes is not None else ""
        if text:
            yield Piece("note", text, number)


def _flat(shapes: Any, depth: int = 0) -> Iterator[Any]:
    from pptx.enum.shapes import MSO_SHAPE_TYPE

    for shape in shapes:
        if shape.shape_type == MSO_SHAPE_TYPE.GROUP and depth < _DEEPEST:
            yield from _flat(shape.shapes, depth + 1)
        else:
            yield shape


def _place(shape: Any) -> tuple[int, int]:
    return (shape.top or 0) // _ROW, shape.left or 0


def _shape(shape: Any, number: int) -> Iterator[Piece]:
    from pptx.enum.shapes import PP_PLACEHOLDER

    if shape.has_table:
        rows = [[" ".join(cell.text.split()) for cell in row.cells] for row in shape.table.rows]
        yield Piece("table", "\n".join(" | ".join(row) for row in rows if any(row)), number)
        return
    if getattr(shape, "has_chart", False) and shape.chart.has_title and shape.chart.chart_title.has_text_frame:
        yield Piece("paragraph", shape.chart.chart_title.text_frame.text, number)
    if not shape.has_text_frame:
        return
    kind = shape.placeholder_format.type if shape.is_placeholder else None
    if kind in {PP_PLACEHOLDER.SLIDE_NUMBER, PP_PLACEHOLDER.DATE, PP_PLACEHOLDER.FOOTER, PP_PLACEHOLDER.HEADER}:
        return
    paragraphs = [text for paragraph in shape.text_frame.paragraphs if (text := _text(paragraph))]
    listed = kind in {PP_PLACEHOLDER.BODY, PP_PLACEHOLDER.OBJECT} and len(paragraphs) > 1
    for text in paragraphs:
        yield Piece("list_item" if listed else "paragraph", text, number)


def _text(paragraph: Any) -> str:
    return " ".join(paragraph.text.replace("\v", " ").split())

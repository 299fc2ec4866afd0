"""Reads PDF: text where there is some, OCR where a page is a picture; columns, tables and headings by their looks."""

from __future__ import annotations

import os
import re
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import PurePath
from typing import Any

from .cleaning import vocabulary
from .ocr import OcrFailed, recognize, tesseract
from .pdf_blocks import Run, runs_of
from .pdf_headings import Outline, headed
from .pdf_layout import regions
from .pdf_lines import LineReader, PageText
from .pieces import Draft, Piece, Task, Unreadable
from .running import drop_running_lines, drop_running_pieces
from .stitching import stitched

_WIDEST_PT = 20_000.0  # seven metres; PDF itself stops at 14,400
_MOST_ON_A_PAGE = 400_000
_FEW = 24  # letters that a stamp or a page number has, on a page that is a picture
_UNMAPPED = re.compile("[\ufffd\ue000-\uf8ff\x00-\x08]")
_UNMAPPED_SHARE = 0.3
_OCR_FAILURES = 3
_OCR_AT_ONCE = min(2, os.cpu_count() or 1)
_NO_OCR = "install the program tesseract (package tesseract-ocr) to have scanned pages read"
_NAMELESS = re.compile(
    r"^(untitled|microsoft (word|powerpoint)\b.*|.*\.(docx?|pptx?|tex|dvi|indd|pdf|xml|fm|qxd))$", re.IGNORECASE
)


def read_pdf(task: Task) -> Draft:
    """Read every page; scanned ones by OCR if it is there, else they are named in a warning."""
    document = _open(task)
    try:
        reading = _Reading(task, document)
        return reading.draft()
    finally:
        document.close()


def _open(task: Task) -> Any:
    from pypdfium2 import PdfDocument, PdfiumError

    try:
        document = PdfDocument(str(task.path))
        count = len(document)
    except PdfiumError as problem:
        told = str(problem).lower()
        if "password" in told or "security" in told:
            raise Unreadable("is encrypted: remove its password and try again") from problem
        raise Unreadable("is damaged or cut off: it is no complete PDF") from problem
    if count == 0:
        raise Unreadable("has no pages: it is damaged or cut off")
    if count > task.limits.pages:
        raise Unreadable(f"has {count:,} pages: at most {task.limits.pages:,} are read, split it")
    return document


class _Reading:
    """One document's pages on their way to pieces."""

    def __init__(self, task: Task, document: Any) -> None:
        self._task = task
        self._document = document
        self._warnings: list[str] = []
        self._scanned: list[int] = []
        self._broken: list[int] = []

    def draft(self) -> Draft:
        pages = self._texts()
        drop_running_lines(pages)
        recognized = self._recognize() if self._scanned else {}
        outline = Outline.of(self._document)
        runs: list[list[Run]] = [
            [run for region in regions(page.segments) for run in runs_of(region, number, outline.titles(number))]
            for number, page in enumerate(pages, start=1)
        ]
        words = vocabulary("\n".join(line for page in runs for run in page for line in run.lines))
        pieces = stitched(headed(runs, pages, outline), recognized, words)
        draft = Draft(format="pdf", pieces=pieces, pages=len(pages), ocr_pages=sorted(recognized))
        draft.title = self._title() or _largest_heading(pieces)
        if self._broken:
            self._warnings.append(f"{_pages(self._broken)} could not be read: the file is damaged")
        draft.warnings = self._warnings
        return draft

    def _texts(self) -> list[PageText]:
        from pypdfium2 import PdfiumError

        reader = LineReader()
        count = len(self._document)
        pages: list[PageText] = []
        letters = 0
        for number in range(1, count + 1):
            try:
                page = self._document[number - 1]
            except PdfiumError:
                self._broken.append(number)
                pages.append(PageText([], 1.0, 1.0, 0))
                # A tree of pages that leads in a circle or into nothing breaks on every page.
                if len(self._broken) >= 20 and len(self._broken) == number:  # noqa: PLR2004 - one broken page is none
                    break
                continue
            try:
                pages.append(self._page(page, number, reader))
            finally:
                page.close()
            letters += pages[-1].characters
            if letters > self._task.limits.characters:
                raise Unreadable(f"holds more than {self._task.limits.characters:,} characters of text: split it")
            self._task.progress("parsing", number, count)
        if len(self._broken) == len(pages):
            raise Unreadable("is damaged: none of its pages can be read")
        return pages

    def _page(self, page: Any, number: int, reader: LineReader) -> PageText:
        width, height = page.get_size()
        if not (width <= _WIDEST_PT and height <= _WIDEST_PT):
            raise Unreadable(f"has a page of impossible size (page {number}: {width:,.0f} x {height:,.0f} points)")
        text = reader.read(page)
        if text.characters > _MOST_ON_A_PAGE:
            raise Unreadable(f"holds {text.characters:,} characters on page {number}: that is no page")
        if text.characters <= _FEW and _has_picture(page, width * height):
            self._scanned.append(number)
        elif text.segments:
            whole = "".join(segment.text for segment in text.segments)
            if len(_UNMAPPED.findall(whole)) > _UNMAPPED_SHARE * len(whole):
                self._scanned.append(number)
        return text

    def _recognize(self) -> dict[int, list[Piece]]:
        program = tesseract()
        if program is None:
            if len(self._scanned) == len(self._document):
                raise Unreadable(f"is a scan, its pages are pictures: {_NO_OCR}")
            self._warnings.append(f"{_pages(self._scanned)} are pictures and were not read: {_NO_OCR}")
            return {}
        found, failed = self._recognize_with(program)
        if failed:
            self._warnings.append(f"{_pages(failed)} are pictures that could not be read by OCR")
        drop_running_pieces(found)
        return found

    def _recognize_with(self, program: str) -> tuple[dict[int, list[Piece]], list[int]]:
        found: dict[int, list[Piece]] = {}
        failed: list[int] = []
        waiting: deque[tuple[int, Future[list[Piece]]]] = deque()
        total = len(self._scanned)
        with ThreadPoolExecutor(_OCR_AT_ONCE) as pool:
            try:
                for done, number in enumerate([*self._scanned, *[0] * _OCR_AT_ONCE]):
                    # PDFium stays in this thread; only tesseract is waited for in the others.
                    if len(waiting) >= _OCR_AT_ONCE or not number:
                        self._collect(waiting, found, failed)
                        self._task.progress("ocr", len(found) + len(failed), total)
                    if len(failed) >= _OCR_FAILURES or self._task.late:
                        failed.extend(self._scanned[done:])
                        break
                    if number:
                        picture = self._picture(number)
                        waiting.append((number, pool.submit(recognize, program, picture, number, self._task)))
            finally:
                while waiting:
                    self._collect(waiting, found, failed)
        return found, sorted(failed)

    def _collect(
        self, waiting: deque[tuple[int, Future[list[Piece]]]], found: dict[int, list[Piece]], failed: list[int]
    ) -> None:
        if not waiting:
            return
        number, result = waiting.popleft()
        try:
            found[number] = result.result()
        except OcrFailed as problem:
            failed.append(number)
            # A first page that cannot be read speaks for the rest; later ones may be an odd picture.
            if not found and len(self._scanned) == len(self._document):
                waiting.clear()
                raise Unreadable(f"is a scan that cannot be read: page {number} {problem}") from problem

    def _picture(self, number: int) -> Any:
        page = self._document[number - 1]
        try:
            return _render(page)
        finally:
            page.close()

    def _title(self) -> str | None:
        title = (self._document.get_metadata_dict().get("Title") or "").strip()
        # Many programs write the file's name when nobody gave a title.
        nameless = _NAMELESS.match(title) or title == PurePath(self._task.name).stem
        return None if not title or nameless else title


def _has_picture(page: Any, area: float) -> bool:
    import pypdfium2.raw as pdfium

    # One large picture is a scan, and so are the strips that some scanners make of a page.
    covered = 0.0
    for item in page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_IMAGE], max_depth=3):
        left, bottom, right, top = item.get_bounds()
        covered += abs((right - left) * (top - bottom))
        if covered > 0.3 * area:
            return True
    return False


def _render(page: Any) -> Any:
    from .ocr import PIXELS

    width, height = page.get_size()
    scale = min(300 / 72, (PIXELS / max(width * height, 1.0)) ** 0.5)
    return page.render(scale=scale, grayscale=True, may_draw_forms=False).to_pil()


def _largest_heading(pieces: list[Piece]) -> str | None:
    headings = [piece for piece in pieces[:12] if piece.kind == "heading"]
    return min(headings, key=lambda piece: piece.level or 1).text if headings else None


def _pages(numbers: list[int]) -> str:
    if len(numbers) == 1:
        return f"page {numbers[0]}"
    shown = ", ".join(str(number) for number in numbers[:12])
    return f"pages {shown}" + (f" and {len(numbers) - 12} more" if len(numbers) > 12 else "")  # noqa: PLR2004 - enough

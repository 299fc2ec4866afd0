"""Makes pieces of runs: lines joined, paragraphs made whole over columns and pages, footnotes set aside."""

from __future__ import annotations

from .cleaning import Hyphens
from .marks import ends_sentence
from .pdf_blocks import BROKEN, Run
from .pieces import Piece

_SAME_SIZE = 0.08
_HYPHENS = ("-", "\u2010", *BROKEN)


def stitched(pages: list[list[Run]], recognized: dict[int, list[Piece]], words: frozenset[str]) -> list[Piece]:
    """Give the document's pieces in reading order; pages read by OCR bring theirs."""
    hyphens = Hyphens(words)
    pieces: list[Piece] = []
    notes: list[Piece] = []
    open_run: Run | None = None
    capital = ""
    for number, page in enumerate(pages, start=1):
        if number in recognized:
            pieces += notes + recognized[number]
            notes, open_run = [], None
            continue
        for run in page:
            if len(run.lines) == 1 and len(run.lines[0]) == 1 and run.lines[0].isalpha() and run.size > 14:  # noqa: PLR2004
                capital = run.lines[0]
                continue
            text = capital + _text(run, hyphens)
            capital = ""
            if run.kind == "note":
                notes.append(Piece("note", text, run.page))
            elif open_run is not None and _goes_on(open_run, pieces[-1], run, text):
                pieces[-1].text = hyphens.join(pieces[-1].text, text)
                open_run = run
            else:
                # Notes wait until the paragraph that runs over the page's end is whole.
                pieces += notes
                notes = []
                pieces.append(Piece(run.kind, text, run.page, run.level))
                open_run = run
    return pieces + notes


def _text(run: Run, hyphens: Hyphens) -> str:
    if run.kind == "table" or (run.mono and len(run.lines) > 1):
        return "\n".join(f"{line[:-1]}-" if line.endswith(BROKEN) else line for line in run.lines)
    text = run.lines[0]
    for line in run.lines[1:]:
        text = hyphens.join(text, line)
    return text


def _goes_on(before: Run, piece: Piece, run: Run, text: str) -> bool:
    if not run.opens or run.kind != "paragraph" or piece.kind not in {"paragraph", "list_item"} or run.mono:
        return False
    if abs(before.size - run.size) > _SAME_SIZE * before.size or before.bold != run.bold or before.closed:
        return False
    if piece.text.endswith(_HYPHENS):
        return True
    return not ends_sentence(piece.text) and (text[:1].islower() or piece.text.endswith(","))

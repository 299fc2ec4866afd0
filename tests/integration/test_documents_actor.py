"""``document.extract`` as a worker runs it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from actors.study.documents import extract_document
from actors.study.material import DocumentSource
from pipeline import Cancelled, InvalidInput
from pipeline.blobs import Blobs, set_blobs
from pipeline.testing import MemoryJournal, run_inline
from tests.support import papers


@pytest.fixture
def blobs(tmp_path: Path) -> Iterator[Blobs]:
    """A blob store of its own."""
    store = Blobs(tmp_path / "blobs")
    set_blobs(store)
    yield store
    set_blobs(None)


def test_a_document_in_the_blob_store_is_extracted_with_progress(blobs: Blobs) -> None:
    """Stage, percent and page n of m; the result goes through JSON unchanged."""
    sha = blobs.put(papers.pdf(papers.paragraph(papers.PROSE) for _ in range(30)))
    told = run_inline(extract_document, DocumentSource(blob=sha, name="cells.pdf"))
    assert (told.result.id, told.result.name, told.result.pages) == (sha, "cells.pdf", 30)
    assert told.result.chunks[0].text in told.result.text
    reports = told.journal.reports
    percents = [report["percent"] for report in reports]
    assert percents == sorted(percents)
    assert {report["stage"] for report in reports} <= {"parsing", "ocr", "formatting"}
    assert reports[-1]["percent"] == 100
    assert extract_document.retry.attempts == 5
    assert extract_document.retry.base == timedelta(seconds=1)


def test_a_document_that_cannot_be_read_fails_for_good_and_says_why(blobs: Blobs) -> None:
    """The message is for whoever sent it."""
    sha = blobs.put(b"%PDF-1.7 and no more")
    with pytest.raises(InvalidInput, match=r"^cells\.pdf is damaged or cut off"):
        run_inline(extract_document, DocumentSource(blob=sha, name="cells.pdf"))


def test_a_cancelled_run_stops_between_pages(blobs: Blobs) -> None:
    """It does not read on to the end."""
    sha = blobs.put(papers.pdf(papers.paragraph(papers.PROSE) for _ in range(300)))

    class CancelledAtOnce(MemoryJournal):
        def report(self, progress: bytes) -> None:
            super().report(progress)
            self.cancelled = True

    journal = CancelledAtOnce()
    with pytest.raises(Cancelled):
        run_inline(extract_document, DocumentSource(blob=sha, name="cells.pdf"), journal=journal)
    assert len(journal.reports) < 3

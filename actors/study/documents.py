"""document.extract: text, structure and page map out of a document."""

from __future__ import annotations

from datetime import timedelta

from actors.study.material import DocumentSource, ExtractedDocument
from actors.study.reading import read_document
from pipeline import DOCUMENTS, Run, actor
from pipeline.blobs import get_blobs

#: Where each stage begins and ends, in percent of the run.
_STAGES = {"parsing": (0, 50), "ocr": (50, 95), "formatting": (95, 100)}


@actor(name="document.extract", queue="documents", retry=DOCUMENTS, timeout=timedelta(minutes=5))
def extract_document(source: DocumentSource, run: Run) -> ExtractedDocument:
    """Read a document in a child process of its own; what cannot be read is a permanent failure that says why.

    Reports the stages *parsing*, *ocr* and *formatting* with the page it is at, and stops when the run is cancelled.
    """

    def report(stage: str, done: int, total: int) -> None:
        run.check_cancelled()
        begin, end = _STAGES[stage]
        run.progress(
            stage,
            begin + (end - begin) * done / max(total, 1),
            _message(stage, done, total),
            done=done,
            total=total,
        )

    return read_document(get_blobs().path(source.blob), name=source.name, progress=report)


def _message(stage: str, done: int, total: int) -> str:
    if stage == "formatting":
        return "numbering blocks and cutting chunks"
    what = "recognizing" if stage == "ocr" else "reading"
    return f"{what} page {min(done + (stage == 'ocr'), total)} of {total}" if total > 1 else what

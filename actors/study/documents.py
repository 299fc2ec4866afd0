"""document.extract: text, structure and page map out of a document, fetched first if it is given by its address."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from actors.study.material import DocumentSource, ExtractedDocument, Material
from actors.study.reading import read_document
from pipeline import DOCUMENTS, Run, actor
from pipeline.blobs import get_blobs
from pipeline.fetching import name_of, read_address

#: Where each stage begins and ends, in percent of what is left after fetching.
_STAGES = {"parsing": (0, 50), "ocr": (50, 95), "formatting": (95, 100)}

#: What fetching takes of the whole, in percent, if it is needed.
_FETCHING = 20


class FetchedDocument(Material):
    """A document that was fetched: where its bytes are, and its name."""

    blob: str
    name: str = Field(min_length=1, max_length=255)


@actor(name="document.extract", queue="documents", retry=DOCUMENTS, timeout=timedelta(minutes=5))
def extract_document(source: DocumentSource, run: Run) -> ExtractedDocument:
    """Read a document in a child process of its own; what cannot be read is a permanent failure that says why.

    Reports the stages *fetching* (of a document given by its address, once in the life of the run), *parsing*, *ocr*
    and *formatting* with the page it is at, and stops when the run is cancelled.
    """
    before = 0 if source.blob is not None else _FETCHING
    blob, name = source.blob, source.name
    if blob is None:
        fetched = run.step(fetch_document, source, run)
        blob, name = fetched.blob, fetched.name

    def report(stage: str, done: int, total: int) -> None:
        run.check_cancelled()
        begin, end = _STAGES[stage]
        percent = begin + (end - begin) * done / max(total, 1)
        run.progress(
            stage, before + percent * (100 - before) / 100, _message(stage, done, total), done=done, total=total
        )

    return read_document(get_blobs().path(blob), name=name, progress=report)


def fetch_document(source: DocumentSource, run: Run) -> FetchedDocument:
    """Put what is at the source's address into the blob store; a name that was given with the address stays."""
    assert source.address is not None

    def pulse(done: int, total: int | None) -> None:
        run.check_cancelled()
        part = min(done / total, 1.0) if total else 0.5
        run.progress("fetching", _FETCHING * part, f"{done / 1024**2:.1f} MB of {source.name}")

    run.progress("fetching", 0, source.name)
    from pipeline.fetching import Fetcher

    fetched = Fetcher().fetch_blob(source.address, get_blobs(), pulse=pulse)
    chosen = source.name != name_of(read_address(source.address))
    return FetchedDocument(blob=fetched.blob, name=source.name if chosen else fetched.name)


def _message(stage: str, done: int, total: int) -> str:
    if stage == "formatting":
        return "numbering blocks and cutting chunks"
    what = "recognizing" if stage == "ocr" else "reading"
    return f"{what} page {min(done + (stage == 'ocr'), total)} of {total}" if total > 1 else what

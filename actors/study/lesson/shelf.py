"""Documents on the shelf: kept once by their content, so that many lessons name them and none carries them."""

from __future__ import annotations

from functools import lru_cache

from pydantic import ValidationError

from actors.study.material import ExtractedDocument, StoredDocument
from pipeline import InvalidInput
from pipeline.blobs import BlobMissing, get_blobs


def shelve(document: ExtractedDocument) -> StoredDocument:
    """Keep a document that was read, with its chunks; kept again, it is the same one."""
    return StoredDocument(blob=get_blobs().put_json(document.model_dump(mode="json")), name=document.name)


def fetch(stored: StoredDocument) -> ExtractedDocument:
    """Give a document back; raises ``InvalidInput`` if it is not here or is something else."""
    try:
        return _document(stored.blob)
    except (BlobMissing, ValidationError) as error:
        what = "is not in the blob store" if isinstance(error, BlobMissing) else "is no document that was read"
        raise InvalidInput(f"{stored.name} ({stored.blob[:12]}…) {what}.", field="documents") from error


@lru_cache(maxsize=16)
def _document(blob: str) -> ExtractedDocument:
    # A blob never changes, so what was read of it stays good; the lessons of a batch share it.
    return ExtractedDocument.model_validate_json(get_blobs().get(blob))

"""Large payloads, kept in files by the hash of their content."""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pipeline import blobs as module
from pipeline.blobs import BlobDamaged, BlobMissing, Blobs, get_blobs, set_blobs
from pipeline.errors import InvalidInput, PipelineError, ResourceExhausted


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    """An empty blob store of at most a megabyte a blob."""
    return Blobs(tmp_path / "blobs", limit_bytes=1024**2)


def files(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]


def test_what_is_put_in_comes_out(blobs: Blobs, tmp_path: Path) -> None:
    """Bytes and a file of the same content are one blob, named by its sha256, and its file holds it."""
    (tmp_path / "document").write_bytes(b"text" * 100_000)
    sha = blobs.put(b"text" * 100_000)
    assert sha == hashlib.sha256(b"text" * 100_000).hexdigest()
    assert blobs.put(tmp_path / "document") == sha
    assert blobs.get(sha) == blobs.path(sha).read_bytes() == b"text" * 100_000
    assert [path.name for path in files(tmp_path / "blobs")] == [sha]
    assert blobs.exists(sha)
    assert blobs.get(blobs.put(b"")) == b""


def test_values_are_kept_as_json(blobs: Blobs) -> None:
    """A value comes back equal, and the order of its keys makes no other blob of it."""
    value = {"b": [1, 2.5, None], "a": "é"}
    sha = blobs.put_json(value)
    assert blobs.get_json(sha) == value
    assert blobs.put_json({"a": "é", "b": [1, 2.5, None]}) == sha


def test_a_damaged_blob_is_never_handed_out_and_is_mended_by_the_next_put(blobs: Blobs) -> None:
    """Changed or cut bytes are an error; putting the content in again replaces a cut file."""
    sha = blobs.put(b"content")
    blobs.path(sha).write_bytes(b"cOntent")
    with pytest.raises(BlobDamaged, match=sha):
        blobs.get(sha)
    blobs.path(sha).write_bytes(b"con")
    with pytest.raises(BlobDamaged, match=sha):
        blobs.get(sha)
    blobs.put(b"content")
    assert blobs.get(sha) == b"content"


def test_only_a_hash_becomes_a_path(blobs: Blobs) -> None:
    """Names from outside, however shaped, reach no file; a hash nobody stored is missing by name."""
    for name in ("", "../../etc/passwd", "A" * 64, "a" * 63, "a" * 64 + "\n", "/etc/passwd", "\u0661" * 64):
        for reach in (blobs.get, blobs.path, blobs.exists):
            with pytest.raises(InvalidInput, match="64 hexadecimal digits"):
                reach(name)
    for reach in (blobs.get, blobs.path):
        with pytest.raises(BlobMissing, match="a" * 64):
            reach("a" * 64)
    assert not blobs.exists("a" * 64)


def test_content_over_the_limit_is_refused_by_name(blobs: Blobs, tmp_path: Path) -> None:
    """Bytes and files over the limit are refused, and leave nothing behind."""
    large = tmp_path / "large.pdf"
    large.write_bytes(b"x" * (1024**2 + 1))
    with pytest.raises(InvalidInput, match=r"large\.pdf is larger than 1 MB"):
        blobs.put(large)
    with pytest.raises(InvalidInput, match="larger than 1 MB"):
        blobs.put(large.read_bytes())
    assert files(tmp_path / "blobs") == []


def test_a_file_that_cannot_be_read_is_named(blobs: Blobs, tmp_path: Path) -> None:
    """A missing file and a folder are the sender's mistake, said with their name."""
    with pytest.raises(InvalidInput, match=r"notes\.txt cannot be read: No such file"):
        blobs.put(tmp_path / "notes.txt")
    with pytest.raises(InvalidInput, match="cannot be read: Is a directory"):
        blobs.put(tmp_path)


def test_a_store_that_cannot_be_written_is_a_lack_of_resources(tmp_path: Path) -> None:
    """A full or unwritable place is a failure that another try may not meet, and it names the place."""
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(ResourceExhausted, match="file"):
        Blobs(tmp_path / "file").put(b"content")


def test_many_writers_of_one_content_make_one_blob(tmp_path: Path) -> None:
    """Eight threads that put the same and other content at once neither fail nor leave parts behind."""
    blobs = Blobs(tmp_path / "blobs")
    contents = [os.urandom(50_000) for _ in range(4)] * 8
    with ThreadPoolExecutor(8) as pool:
        names = list(pool.map(blobs.put, contents))
    assert [blobs.get(name) for name in names] == contents
    assert sorted(path.name for path in files(tmp_path / "blobs")) == sorted(set(names))


def test_the_bound_blobs_are_those_of_the_process(blobs: Blobs) -> None:
    """Without a start there are none, and the error says how to get some."""
    before = module._bound
    try:
        set_blobs(None)
        with pytest.raises(PipelineError, match="set_blobs"):
            get_blobs()
        set_blobs(blobs)
        assert get_blobs() is blobs
    finally:
        set_blobs(before)

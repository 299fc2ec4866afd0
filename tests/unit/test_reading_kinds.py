"""The kind of a document is decided by its content, its encoding by its bytes."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from actors.study.reading.readers.decoding import decode
from actors.study.reading.readers.kinds import kind_of
from actors.study.reading.readers.pieces import Unreadable
from tests.support import papers

HTML = b"<!DOCTYPE html><html><body><p>Hello</p></body></html>"
MARKDOWN = b"# Cells\n\nA **cell** is small.\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"


@pytest.mark.parametrize(
    ("data", "name", "kind"),
    [
        (papers.pdf([papers.paragraph(papers.PROSE)]), "notes.txt", "pdf"),
        (b"\r\n" + papers.pdf([[]]), "a.pdf", "pdf"),
        (papers.word("<w:p/>"), "a.pdf", "docx"),
        (HTML, "a.txt", "html"),
        (b"<div><p>One</p><p>Two</p></div>", "a.html", "html"),
        (MARKDOWN, "a.txt", "markdown"),
        (b"# Only a heading\n\nand text\n", "a.md", "markdown"),
        (b"# Only a heading\n\nand text\n", "a.txt", "text"),
        (b"Plain words, and nothing else.", "a.html", "text"),
        (b"MZ is how this text begins, and BM or BZh might.", "a.txt", "text"),
        (b"\x89PNG\r\n\x1a\n....", "a.jpg", "image"),
        (b"\xff\xd8\xff\xe0....", "a.png", "image"),
        ("Größe und Maß".encode("utf-16"), "a.txt", "text"),
        ("caf\u00e9 au lait".encode("latin-1"), "a.txt", "text"),
    ],
)
def test_the_content_decides(data: bytes, name: str, kind: str, tmp_path: Path) -> None:
    """A wrong ending changes nothing; only between Markdown and plain text does the name weigh in."""
    path = tmp_path / "upload"
    path.write_bytes(data)
    assert kind_of(path, name) == kind


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf \n", "is empty"),
        (papers.zipped({"a.txt": b"x"}), "zip archive"),
        (papers.zipped({"[Content_Types].xml": b"", "xl/workbook.xml": b""}), "Excel"),
        (papers.zipped({"mimetype": b"", "content.xml": b""}), "OpenDocument"),
        (papers.zipped({"mimetype": b"", "META-INF/container.xml": b""}), "EPUB"),
        (b"{\\rtf1 hello}", "RTF"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "WordDocument".encode("utf-16-le"), "old Word"),
        (b"<?xml version='1.0'?><data><x/></data>", "XML file"),
        (b"\x1f\x8b\x08\x00aaaa", "gzip"),
        (b"MZ\x90\x00\x03", "program"),
        (random.Random(7).randbytes(5000), "supported are PDF"),
    ],
)
def test_what_is_not_read_is_named_with_what_to_do(data: bytes, says: str, tmp_path: Path) -> None:
    """Foreign files are refused by what they are, not as broken ones of the kind that their name says."""
    path = tmp_path / "upload"
    path.write_bytes(data)
    with pytest.raises(Unreadable, match=says):
        kind_of(path, "a.pdf")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"])
def test_text_is_decoded_from_its_bytes(encoding: str) -> None:
    """With a mark or without one, and as Latin-1 when it is no UTF-8."""
    text = "Die Größe der Zelle, „klein“, zählt. " * 3
    assert decode(text.encode(encoding)) == text


def test_a_page_may_declare_its_encoding_but_not_a_codec_that_is_none() -> None:
    """``meta charset`` counts for HTML; rot13 or zlib do not."""
    page = '<meta charset="iso-8859-7"><p>κύτταρο</p>'
    assert decode(page.encode("iso-8859-7"), meta=True) == page
    odd = b'<meta charset="rot13"><p>cell</p>'
    assert decode(odd, meta=True) == odd.decode()

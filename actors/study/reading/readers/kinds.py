"""Decides what a file is from its bytes; the name only settles Markdown against plain text."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path, PurePath

from .decoding import decode
from .pieces import Format, Unreadable

_HEAD = 64 * 1024
_SUPPORTED = "supported are PDF, DOCX, PPTX, HTML, Markdown, plain text, PNG and JPEG"

#: Beginnings of files that people send and that are not read, with what to do about each.
_FOREIGN: tuple[tuple[bytes, str], ...] = (
    (b"GIF8", "is a GIF image: save it as PNG"),
    (b"BM", "is a BMP image: save it as PNG"),
    (b"II*\x00", "is a TIFF image: save it as PDF or PNG"),
    (b"MM\x00*", "is a TIFF image: save it as PDF or PNG"),
    (b"{\\rtf", "is an RTF document: save it as DOCX or PDF"),
    (b"%!PS", "is a PostScript file: convert it to PDF"),
    (b"\x1f\x8b", "is compressed with gzip: unpack it and send what is inside"),
    (b"BZh", "is compressed with bzip2: unpack it and send what is inside"),
    (b"\xfd7zXZ\x00", "is compressed with xz: unpack it and send what is inside"),
    (b"(\xb5/\xfd", "is compressed with zstd: unpack it and send what is inside"),
    (b"Rar!", "is a RAR archive: unpack it and send the documents in it"),
    (b"7z\xbc\xaf", "is a 7z archive: unpack it and send the documents in it"),
    (b"\x7fELF", f"is a program, not a document: {_SUPPORTED}"),
    (b"MZ", f"is a program, not a document: {_SUPPORTED}"),
    (b"SQLite format 3", f"is a database, not a document: {_SUPPORTED}"),
)
_BINARY_ONLY = (b"BM", b"MZ", b"BZh")  # letters that plain text may begin with

_HTML = re.compile(r"<!doctype\s+html|<html[\s>]|<head[\s>]|<body[\s>]", re.IGNORECASE)
_TAG = re.compile(r"<(/?)(p|div|h[1-6]|ul|ol|li|table|article|section|span|br|a)(\s[^<>]*)?/?>", re.IGNORECASE)
_MARKDOWN = (
    re.compile(r"^#{1,6} +\S", re.MULTILINE),
    re.compile(r"^(```|~~~)", re.MULTILINE),
    re.compile(r"^\|?[ :]*-{3,}[ :]*(\|[ :]*-{3,}[ :]*)+\|?$", re.MULTILINE),
    re.compile(r"\[[^\]\n]+\]\([^)\s]+\)"),
    re.compile(r"(\*\*|__)\S[^*_\n]*\S\1"),
)
_MARKDOWN_ENOUGH = 2
_MARKDOWN_NAMES = {".md", ".markdown", ".mdown", ".mkd"}


def kind_of(path: Path, name: str) -> Format:
    """Say which reader a file belongs to; raise ``Unreadable`` for an empty, foreign or unknown one."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if not head.strip(b"\x00 \t\r\n\x0c\xef\xbb\xbf"):
        raise Unreadable("is empty" if not head else "is empty: it holds nothing but blanks")
    if b"%PDF-" in head[:1024]:
        return "pdf"
    if head.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")):
        return "image"
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")):
        return _kind_of_zip(path)
    if head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        raise Unreadable(_about_compound_file(path))
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        raise Unreadable("is a WebP image: save it as PNG")
    for magic, reason in _FOREIGN:
        if head.startswith(magic) and (magic not in _BINARY_ONLY or b"\x00" in head):
            raise Unreadable(reason)
    return _kind_of_text(head, name)


def _kind_of_zip(path: Path) -> Format:
    try:
        with zipfile.ZipFile(path) as archive:
            names = {info.filename for info in archive.infolist()}
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as problem:
        raise Unreadable("is damaged: it begins like a Word, PowerPoint or zip file and breaks off") from problem
    if "[Content_Types].xml" in names:
        if any(name.startswith("word/") for name in names):
            return "docx"
        if any(name.startswith("ppt/") for name in names):
            return "pptx"
        if any(name.startswith("xl/") for name in names):
            raise Unreadable("is an Excel workbook: save the sheets you need as PDF")
    if "META-INF/container.xml" in names:
        raise Unreadable("is an EPUB book: convert it to PDF or HTML")
    if "content.xml" in names and "mimetype" in names:
        raise Unreadable("is an OpenDocument file: save it as DOCX, PPTX or PDF")
    raise Unreadable("is a zip archive, not a document: unpack it and send the documents in it")


def _about_compound_file(path: Path) -> str:
    with path.open("rb") as file:
        body = file.read(4 * 1024 * 1024)
    if "EncryptedPackage".encode("utf-16-le") in body:
        return "is encrypted: remove its password and try again"
    for stream, answer in (
        ("WordDocument", "is an old Word file (.doc): save it as DOCX"),
        ("PowerPoint Document", "is an old PowerPoint file (.ppt): save it as PPTX"),
        ("Workbook", "is an old Excel file (.xls): save the sheets you need as PDF"),
    ):
        if stream.encode("utf-16-le") in body:
            return answer
    return f"is a file of an old office program: {_SUPPORTED}"


def _kind_of_text(head: bytes, name: str) -> Format:
    text = decode(head, cut=len(head) == _HEAD)
    if text is None:
        raise Unreadable(f"is not a document that can be read: {_SUPPORTED}")
    suffix = PurePath(name).suffix.lower()
    start = text.lstrip()[:4096]
    if _HTML.search(start[:2048]) and start.startswith("<"):
        return "html"
    if start.startswith("<?xml") and "<html" not in start.lower():
        raise Unreadable(f"is an XML file: {_SUPPORTED}")
    tags = _TAG.findall(text)
    if start.startswith("<") and len(tags) >= 2 and any(closing for closing, *_rest in tags):  # noqa: PLR2004 - a pair
        return "html"
    if suffix in {".html", ".htm", ".xhtml"} and len(tags) >= 4:  # noqa: PLR2004 - two pairs: more than a chance
        return "html"
    signs = sum(1 for sign in _MARKDOWN if sign.search(text))
    if signs and suffix in _MARKDOWN_NAMES:
        return "markdown"
    return "markdown" if signs >= _MARKDOWN_ENOUGH else "text"

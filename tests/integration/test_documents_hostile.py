"""Files that mean harm, or are broken, end as a permanent failure that says why, within seconds (S03, S04)."""

from __future__ import annotations

import io
import os
import random
import resource
import tempfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from actors.study.reading import read_document
from pipeline.errors import InvalidInput, Permanent
from tests.support import papers

BOUND_S = 10.0


def zip_bomb() -> bytes:
    return papers.word("<w:p/>", extra={"word/media/image1.bin": b"\0" * 80_000_000})


def wide_zip_bomb() -> bytes:
    chunk = (os.urandom(500) + b"\0" * 99_500) * 10
    return papers.word("<w:p/>", extra={f"word/media/{at}.bin": chunk for at in range(240)})


def lying_zip() -> bytes:
    data = papers.word("<w:p/>", extra={"word/media/image1.bin": b"\0" * 3_000_000})
    # The directory claims ten bytes; the data goes on for three million.
    return data.replace((3_000_000).to_bytes(4, "little"), (10).to_bytes(4, "little"))


def nested_zip() -> bytes:
    inner = papers.zipped({"a.txt": b"0" * 1000})
    for _ in range(5):
        inner = papers.zipped({"inner.zip": inner})
    return inner


def nested_office_zip() -> bytes:
    return papers.word("<w:p/>", extra={"word/inner.docx": papers.word("<w:p/>")})


def many_entries() -> bytes:
    return papers.word("<w:p/>", extra={f"word/{at}.bin": b"" for at in range(20_000)})


def entity_bomb() -> bytes:
    entities = "".join(f'<!ENTITY l{at} "{f"&l{at - 1};" * 10 if at else "ha"}">' for at in range(12))
    return papers.word("<w:p><w:r><w:t>&l11;</w:t></w:r></w:p>", before=f"<!DOCTYPE w [{entities}]>")


def external_entity() -> bytes:
    doctype = '<!DOCTYPE w [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    return papers.word("<w:p><w:r><w:t>&x;</w:t></w:r></w:p>", before=doctype)


def deep_xml() -> bytes:
    return papers.word("<w:sdt><w:sdtContent>" * 100_000 + "</w:sdtContent></w:sdt>" * 100_000)


def climbing_zip() -> bytes:
    return papers.word("<w:p/>", extra={"../../etc/cron.d/x": b"x"})


def encrypted_pdf() -> bytes:
    encrypt = b"<< /Filter /Standard /V 2 /R 3 /Length 128 /P -4 /O <" + b"11" * 32 + b"> /U <" + b"22" * 32 + b"> >>"
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [] /Count 0 >>", encrypt]
    return papers.assemble(objects, f"/Encrypt 3 0 R /ID [<{'33' * 16}> <{'33' * 16}>]")


def encrypted_office() -> bytes:
    return b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 4096 + "EncryptedPackage".encode("utf-16-le") + b"\0" * 4096


def truncated_pdf() -> bytes:
    whole = papers.pdf([papers.paragraph(papers.PROSE)] * 20)
    return whole[: len(whole) // 2]


def truncated_docx() -> bytes:
    whole = papers.word("<w:p/>", extra={"word/media/a.bin": os.urandom(50_000)})
    return whole[: len(whole) // 2]


def huge_page() -> bytes:
    return papers.pdf([papers.paragraph(papers.PROSE)], page_size=(10_000_000, 10_000_000))


def page_tree_loop() -> bytes:
    kids = b"<< /Type /Pages /Kids [3 0 R 4 0 R] /Count 1000 >>"
    loop = b"<< /Type /Pages /Parent 2 0 R /Kids [2 0 R 4 0 R] /Count 500 >>"
    other = b"<< /Type /Pages /Parent 2 0 R /Kids [3 0 R 2 0 R] /Count 500 >>"
    return papers.assemble([b"<< /Type /Catalog /Pages 2 0 R >>", kids, loop, other])


def many_pages() -> bytes:
    page = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 100 100] >>"
    kids = b"<< /Type /Pages /Kids [" + b"3 0 R " * 100_000 + b"] /Count 100000 >>"
    return papers.assemble([b"<< /Type /Catalog /Pages 2 0 R >>", kids, page])


def flate_bomb() -> bytes:
    # One flushed block, repeated: 900 MB without compressing 900 MB.
    packer, block = zlib.compressobj(9), b"BT /F 10 Tf (A) Tj ET\n" * 50_000
    first = packer.compress(block) + packer.flush(zlib.Z_FULL_FLUSH)
    again = packer.compress(block) + packer.flush(zlib.Z_FULL_FLUSH)
    content = zlib.compress(first + again * 800, 9)
    stream = b"<< /Filter [/FlateDecode /FlateDecode] /Length %d >>\nstream\n" % len(content) + content + b"\nendstream"
    page = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents 4 0 R >>"
    pages = b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>"
    return papers.assemble([b"<< /Type /Catalog /Pages 2 0 R >>", pages, page, stream])


def endless_content() -> bytes:
    return papers.pdf([[(72, at, 0.02, "text", "word " * 1_000) for at in range(100, 220)]])


def huge_image() -> bytes:
    out = io.BytesIO()
    row = zlib.compress(b"\0" * 30_001 * 100, 1)
    out.write(b"\x89PNG\r\n\x1a\n")
    head = (30_000).to_bytes(4, "big") * 2 + b"\x08\x00\x00\x00\x00"
    for kind, data in ((b"IHDR", head), (b"IDAT", row), (b"IEND", b"")):
        out.write(len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big"))
    return out.getvalue()


def broken_image() -> bytes:
    return b"\x89PNG\r\n\x1a\n" + random.Random(1).randbytes(5_000)


def garbage() -> bytes:
    return random.Random(2).randbytes(200_000)


def pdf_garbage() -> bytes:
    return b"%PDF-1.7\n" + random.Random(3).randbytes(200_000)


def program() -> bytes:
    return Path("/bin/sh").read_bytes()


def deep_html() -> bytes:
    return b"<!doctype html><body>" + b"<div>" * 500_000


def deep_unknown_html() -> bytes:
    return b"<!doctype html><body>" + b"<x-y>" * 500_000


def much_text() -> bytes:
    return b"word " * 4_000_000


HOSTILE: dict[str, tuple[Callable[[], bytes], str, str]] = {
    "empty": (lambda: b"", "a.pdf", "is empty"),
    "blank": (lambda: b" \n\n\t ", "a.txt", "is empty"),
    "zip bomb": (zip_bomb, "a.docx", "decompression bomb"),
    "wide zip bomb": (wide_zip_bomb, "a.docx", "decompression bomb"),
    "lying zip": (lying_zip, "a.docx", "is damaged"),
    "nested zip": (nested_zip, "a.zip", "is a zip archive"),
    "nested office zip": (nested_office_zip, "a.docx", "archive inside an archive"),
    "many entries": (many_entries, "a.docx", "files inside"),
    "entity bomb": (entity_bomb, "a.docx", "declares XML entities"),
    "external entity": (external_entity, "a.docx", "declares XML entities"),
    "deep xml": (deep_xml, "a.docx", ""),
    "climbing zip": (climbing_zip, "a.docx", "leads outside"),
    "encrypted pdf": (encrypted_pdf, "a.pdf", "is encrypted: remove its password"),
    "encrypted docx": (encrypted_office, "a.docx", "is encrypted: remove its password"),
    "truncated pdf": (truncated_pdf, "a.pdf", "damaged or cut off"),
    "truncated docx": (truncated_docx, "a.docx", "is damaged"),
    "huge page": (huge_page, "a.pdf", "impossible size"),
    "page tree loop": (page_tree_loop, "a.pdf", ""),
    "100,000 pages": (many_pages, "a.pdf", "at most 5,000"),
    "1000:1 flate": (flate_bomb, "a.pdf", ""),
    "endless page": (endless_content, "a.pdf", "that is no page"),
    "30k x 30k image": (huge_image, "a.png", "30,000 x 30,000 pixels"),
    "broken image": (broken_image, "a.png", "is damaged"),
    "garbage": (garbage, "a.pdf", "not a document"),
    "garbage behind a PDF's head": (pdf_garbage, "a.pdf", "is damaged"),
    "program": (program, "a.docx", "is a program"),
    "deep html": (deep_html, "a.html", "nested too deeply"),
    "deep html of unknown elements": (deep_unknown_html, "a.html", ""),
    "20 MB of words": (much_text, "a.txt", "characters of text"),
}


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == [], "a private folder was left behind"


def _worker_kb() -> int:
    status = Path("/proc/self/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")))


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_file_is_refused_by_name_within_ten_seconds(case: str, tmp_path: Path, scratch: Path) -> None:
    """It is a permanent failure that names the file and the cause; the worker has not grown, nothing is left."""
    make, name, reason = HOSTILE[case]
    path = tmp_path / "upload"
    path.write_bytes(make())
    before = _worker_kb()
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = children.ru_utime + children.ru_stime
    with pytest.raises(InvalidInput) as caught:
        read_document(path, name=name)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    # Processor time, so that a busy machine does not fail the test; on a free one it is the time that passes.
    assert children.ru_utime + children.ru_stime - used < BOUND_S
    assert str(caught.value).startswith(f"{name} ")
    assert reason in str(caught.value)
    assert "Traceback" not in str(caught.value)
    assert isinstance(caught.value, Permanent)
    assert _worker_kb() - before < 20_000


def test_a_pdf_that_lies_about_its_pages_has_the_pages_that_are_there(tmp_path: Path, scratch: Path) -> None:
    """Two thousand million pages are claimed and one is there: no loop over what is claimed."""
    path = tmp_path / "upload"
    path.write_bytes(papers.pdf([papers.paragraph("One page.")], count=2_000_000_000))
    assert read_document(path, name="a.pdf").pages == 1

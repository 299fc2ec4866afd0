"""Documents are read in a child process: progress, limits, cancelling, many at once, OCR."""

from __future__ import annotations

import io
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from actors.study.material import ExtractedDocument
from actors.study.reading import Limits, read_document, supported
from pipeline.errors import InvalidInput, Timeout
from tests.support import papers

DEADLINE_S = 60


@pytest.fixture(autouse=True)
def nothing_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No private folder and no child outlives a test."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield
    assert list(folder.iterdir()) == []
    assert _children() == []


def _children() -> list[int]:
    found = []
    for status in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command, parent = status.read_bytes(), (status.parent / "stat").read_text().rsplit(")", 1)[1].split()[1]
        except OSError:
            continue
        if b"readers.child" in command and int(parent) == os.getpid():
            found.append(int(status.parent.name))
    return found


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """A PDF of sixty pages."""
    path = tmp_path / "book.pdf"
    path.write_bytes(papers.pdf(papers.paragraph(f"Page {at}. " + papers.PROSE * 6) for at in range(60)))
    return path


def _check(document: ExtractedDocument) -> None:
    text = document.text
    for part in (*document.blocks, *document.chunks):
        assert text[part.offset : part.offset + len(part.text)] == part.text
        assert 1 <= part.page <= document.pages


def test_a_document_comes_back_with_pages_offsets_chunks_and_progress(book: Path) -> None:
    """Stages come in order, parsing counts the pages, and every offset is exact."""
    told: list[tuple[str, int, int]] = []
    document = read_document(book, name="book.pdf", progress=lambda *report: told.append(report))
    _check(document)
    assert (document.format, document.pages, document.language, document.warnings) == ("pdf", 60, "en", ())
    assert len(document.id) == 64
    stages = [stage for stage, _, _ in told]
    assert stages == sorted(stages, key=["parsing", "ocr", "formatting"].index)
    assert ("parsing", 60, 60) in told
    assert told[-1] == ("formatting", 1, 1)


def test_the_content_decides_and_the_name_is_only_shown(book: Path) -> None:
    """A PDF called .docx is read as PDF; names that mean harm stay names."""
    name = "../../etc/\u202ecod.exe\n.docx"
    document = read_document(book, name=name)
    assert (document.format, document.name) == ("pdf", name)
    broken = book.with_name("broken")
    broken.write_bytes(b"%PDF-1.7 nothing")
    with pytest.raises(InvalidInput) as caught:
        read_document(broken, name=name)
    assert str(caught.value).startswith("\ufffdcod.exe\ufffd.docx is damaged")


@pytest.mark.parametrize("kind", ["missing", "folder", "pipe"])
def test_what_is_no_file_is_refused_at_once(kind: str, tmp_path: Path) -> None:
    """A pipe would never end."""
    path = tmp_path / "x.pdf"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    with pytest.raises(InvalidInput, match=r"^x\.pdf cannot be opened"):
        read_document(path, name="x.pdf")


def test_a_document_that_needs_more_memory_is_refused_and_the_worker_lives(tmp_path: Path) -> None:
    """Only the child meets the limit."""
    path = tmp_path / "big.txt"
    path.write_bytes(b"word " * 800_000)
    with pytest.raises(InvalidInput, match=r"^big\.txt .*60 MB of memory"):
        read_document(path, name="big.txt", limits=Limits(memory=60 * 1024**2))


def test_a_document_that_keeps_the_processor_busy_is_given_up(tmp_path: Path) -> None:
    """Without a finished page it has so much processor time and no more; that is final."""
    path = tmp_path / "slow.html"
    path.write_bytes(b"<!doctype html><body>" + b"<address>" * 500_000)
    with pytest.raises(InvalidInput, match="takes too long to read"):
        read_document(path, name="slow.html", limits=Limits(patience=timedelta(seconds=1)))


def test_a_child_that_says_nothing_is_ended_and_may_be_tried_again(book: Path) -> None:
    """Waiting without using the processor is the machine's fault, not the document's."""

    def stop(stage: str, done: int, total: int) -> None:
        for child in _children():
            os.kill(child, signal.SIGSTOP)

    began = time.monotonic()
    with pytest.raises(Timeout, match="was not read in time"):
        read_document(book, name="book.pdf", progress=stop, limits=Limits(silence=timedelta(seconds=1)))
    assert time.monotonic() - began < DEADLINE_S


def test_an_exception_in_the_caller_ends_the_child(book: Path) -> None:
    """Cancelling a run raises in the progress callback; the child does not read on."""

    class Stop(Exception):  # noqa: N818 - a signal
        pass

    def cancel(stage: str, done: int, total: int) -> None:
        raise Stop

    with pytest.raises(Stop):
        read_document(book, name="book.pdf", progress=cancel)
    assert _children() == []


def test_the_child_knows_none_of_the_workers_secrets(book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its environment has a path and a language, no key and no address."""
    monkeypatch.setenv("OPENROUTER_API_KEY", "sk-canary")
    seen: list[bytes] = []

    def look(stage: str, done: int, total: int) -> None:
        seen.extend(Path(f"/proc/{child}/environ").read_bytes() for child in _children())

    read_document(book, name="book.pdf", progress=look)
    assert seen
    assert not any(b"canary" in environment for environment in seen)


def test_a_child_dies_with_its_worker(tmp_path: Path) -> None:
    """A worker that is killed leaves no process that reads on, and no folder."""
    long = tmp_path / "long.pdf"
    page = papers.paragraph(papers.PROSE * 6)
    long.write_bytes(papers.pdf(page for _ in range(2_000)))
    program = (
        "import sys, os, signal, tempfile; from pathlib import Path; from actors.study.reading import read_document\n"
        "tempfile.tempdir = sys.argv[2]\n"
        "def die(*_):\n"
        "    print(next(p.name for p in Path('/proc').glob('[0-9]*') if os.path.exists(p / 'cmdline')"
        " and b'readers.child' in (p / 'cmdline').read_bytes()"
        " and (p / 'stat').read_text().rsplit(')', 1)[1].split()[1] == str(os.getpid())), flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "read_document(Path(sys.argv[1]), name='b.pdf', progress=die)\n"
    )
    scratch = tmp_path / "scratch"
    worker = subprocess.run(
        [sys.executable, "-c", program, str(long), str(scratch)],
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert worker.returncode == -signal.SIGKILL, worker.stderr
    child = Path("/proc", worker.stdout.strip())
    end = time.monotonic() + 5  # reading to the end takes far longer
    while (child.exists() and "Z" not in (child / "stat").read_text().split()[2]) or list(scratch.iterdir()):
        assert time.monotonic() < end, "the child lives on"
        time.sleep(0.02)


def test_twenty_documents_at_once_are_all_read_and_the_worker_stays_small(tmp_path: Path) -> None:
    """From many threads, good ones among bad ones; no document disturbs another."""
    good = papers.pdf(papers.paragraph(papers.PROSE * 4) for _ in range(10))
    for at in range(20):
        (tmp_path / f"{at}.pdf").write_bytes(good if at % 4 else good[: len(good) // 2])

    def read(at: int) -> int:
        try:
            return len(read_document(tmp_path / f"{at}.pdf", name=f"{at}.pdf").blocks)
        except InvalidInput:
            return 0

    read(1)
    before, threads = _resident_kb(), threading.active_count()
    with ThreadPoolExecutor(20) as pool:
        found = list(pool.map(read, range(20)))
    assert [bool(blocks) for blocks in found] == [bool(at % 4) for at in range(20)]
    assert len(set(found)) == 2
    assert _resident_kb() - before < 20_000
    assert threading.active_count() <= threads


def _resident_kb() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmRSS")))


def test_every_kind_says_what_it_needs() -> None:
    """Nothing is missing for what the project itself installs."""
    kinds = {kind.format: kind.missing for kind in supported()}
    assert all(kinds[kind] is None for kind in ("pdf", "docx", "pptx", "html", "markdown", "text"))
    assert (kinds["image"] is None) == bool(shutil.which("tesseract"))


# -- OCR ---------------------------------------------------------------------------------------------------------------

SCAN_TEXT = "The heart pumps blood through the body. It beats about seventy times a minute."


@pytest.fixture
def ocr() -> None:
    """For tests that need tesseract: skipped without it, failed without it where DRAMATURG_CI is 1."""
    if shutil.which("tesseract") is None:
        (pytest.fail if os.environ.get("DRAMATURG_CI") == "1" else pytest.skip)("tesseract is not installed")


def _picture(text: str = SCAN_TEXT):
    """Draw a page of text as a grey picture, with the renderer that reads them."""
    from pypdfium2 import PdfDocument

    lines = [(72.0, 90.0, 22.0, "bold", "Circulation"), *papers.paragraph(text, y=140, size=12, width=70)]
    document = PdfDocument(papers.pdf([lines]))
    return document[0].render(scale=200 / 72, grayscale=True).to_pil()


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_picture_of_text_is_recognized(kind: str, ocr: None, tmp_path: Path) -> None:
    """Its heading is found by its size."""
    path = tmp_path / "scan"
    _picture().save(path, kind)
    document = read_document(path, name="scan.dat")
    _check(document)
    assert (document.format, document.pages, document.ocr_pages) == ("image", 1, (1,))
    assert [(block.kind, block.text) for block in document.blocks] == [
        ("heading", "Circulation"),
        ("paragraph", SCAN_TEXT),
    ]


def test_scanned_pages_among_others_are_recognized(ocr: None, tmp_path: Path) -> None:
    """Pages with text are not; progress counts the scanned ones."""
    from pypdfium2 import PdfDocument

    picture = _picture()
    scanned = papers.pdf([[]], image=(picture.width, picture.height, picture.tobytes()))
    whole = PdfDocument(papers.pdf([papers.paragraph(papers.PROSE)]))
    whole.import_pages(PdfDocument(scanned))
    path = tmp_path / "mixed.pdf"
    whole.save(str(path))
    told: list[tuple[str, int, int]] = []
    document = read_document(path, name="mixed.pdf", progress=lambda *report: told.append(report))
    _check(document)
    assert document.ocr_pages == (2,)
    assert [block.text for block in document.blocks if block.page == 2] == ["Circulation", SCAN_TEXT]
    assert ("ocr", 1, 1) in told


def test_without_the_program_scans_say_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mixed document is read where it has text, with a warning."""
    from pypdfium2 import PdfDocument

    monkeypatch.setenv("PATH", "/nowhere")
    grey = (600, 800, b"\x80" * 480_000)
    scanned = papers.pdf([[], []], image=grey)
    path = tmp_path / "scan.pdf"
    path.write_bytes(scanned)
    with pytest.raises(InvalidInput, match=r"^scan\.pdf is a scan.*install the program tesseract"):
        read_document(path, name="scan.pdf")
    whole = PdfDocument(papers.pdf([papers.paragraph(papers.PROSE)]))
    whole.import_pages(PdfDocument(scanned))
    whole.save(str(path))
    document = read_document(path, name="scan.pdf")
    assert document.pages == 3
    assert document.ocr_pages == ()
    assert "pages 2, 3 are pictures and were not read: install the program tesseract" in document.warnings[0]
    out = io.BytesIO()
    _picture().save(out, "PNG")
    path.write_bytes(out.getvalue())
    with pytest.raises(InvalidInput, match="is a picture: install the program tesseract"):
        read_document(path, name="scan.png")


def test_a_picture_that_takes_for_ever_is_given_up(ocr: None, tmp_path: Path) -> None:
    """Noise keeps tesseract busy: a page has so much processor time and no more."""
    from PIL import Image

    path = tmp_path / "noise.png"
    Image.frombytes("L", (1700, 2200), os.urandom(1700 * 2200)).save(path)
    with pytest.raises(InvalidInput, match=r"noise\.png (takes too long|is a picture in which no text)"):
        read_document(path, name="noise.png", limits=Limits(ocr_patience=timedelta(seconds=1)))

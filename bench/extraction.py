"""``python -m bench.extraction``: reads documents in limited child processes and prints pages a second and memory."""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self

from actors.study.reading import read_document
from tests.support import papers

WORDS_A_PAGE = 480


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.extraction", description=__doc__)
    parser.add_argument("files", nargs="*", type=Path, help="documents of your own to read as well")
    parser.add_argument("--pages", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=3)
    chosen = parser.parse_args()
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}\n")
    print("| document | pages | seconds | pages/s | processor s | child RSS MB |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        book = Path(folder, f"{chosen.pages} pages.pdf")
        book.write_bytes(_book(chosen.pages))
        word = Path(folder, "60 chapters.docx")
        word.write_bytes(_word(60))
        for path in [book, word, *chosen.files]:
            _row(path, chosen.repeats)
        _together(book, 20)


def _row(path: Path, repeats: int) -> None:
    times, used, peak, pages = [], [], 0, 0
    for _ in range(repeats):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        began = time.perf_counter()
        with _Watch() as watch:
            pages = read_document(path, name=path.name, progress=watch.look).pages
        times.append(time.perf_counter() - began)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        used.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        peak = max(peak, watch.peak_kb)
    seconds = statistics.median(times)
    spent = statistics.median(used)
    print(f"| {path.name} | {pages} | {seconds:.2f} | {pages / seconds:.0f} | {spent:.2f} | {peak / 1024:.0f} |")


def _together(path: Path, documents: int) -> None:
    before, began = _resident_kb(os.getpid()), time.perf_counter()
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    with _Watch() as watch, ThreadPoolExecutor(documents) as pool:
        pages = sum(pool.map(lambda _: read_document(path, name=path.name).pages, range(documents)))
    seconds = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cores = (after.ru_utime + after.ru_stime - children.ru_utime - children.ru_stime) / seconds
    grown = (_resident_kb(os.getpid()) - before) / 1024
    print(
        f"\n{documents} documents of {pages // documents} pages at once: {seconds:.1f} s, "
        f"{pages / seconds:.0f} pages/s, {cores:.1f} cores busy in children;\n"
        f"at most {watch.most} children of {watch.peak_kb / 1024:.0f} MB; "
        f"the worker's peak grew by {grown:.0f} MB"
    )


class _Watch:
    """Samples the memory of the children while they run."""

    def __init__(self) -> None:
        self.peak_kb = 0
        self.most = 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._sample)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def look(self, *_: object) -> None:
        children = _children()
        self.most = max(self.most, len(children))
        self.peak_kb = max([self.peak_kb, *(_resident_kb(child) for child in children)])

    def _sample(self) -> None:
        while not self._done.wait(0.1):
            self.look()


def _children() -> list[int]:
    return [int(pid) for task in Path("/proc/self/task").iterdir() for pid in _read(task / "children").split()]


def _resident_kb(pid: int) -> int:
    lines = _read(Path(f"/proc/{pid}/status")).splitlines()
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM")), 0)


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:  # it ended meanwhile
        return ""


def _book(pages: int) -> bytes:
    words = (papers.PROSE * 400).split()
    drawn = []
    for at in range(pages):
        start = at * 37 % 5_000
        lines = papers.paragraph(" ".join(words[start : start + WORDS_A_PAGE]), y=110)
        heading = [(72.0, 80.0, 16.0, "bold", f"{at + 1} On cells")] if at % 5 == 0 else []
        drawn.append([(72.0, 40.0, 9.0, "text", "A book of cells"), *heading, *lines])
        drawn[-1].append((290.0, 810.0, 9.0, "text", str(at + 1)))
    return papers.pdf(drawn, title="Cells")


def _word(chapters: int) -> bytes:
    import io

    from docx import Document

    document: Any = Document()
    for chapter in range(chapters):
        document.add_heading(f"Chapter {chapter + 1}", 1)
        for _ in range(20):
            document.add_paragraph(papers.PROSE)
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


if __name__ == "__main__":
    main()

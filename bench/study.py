"""``python -m bench.study``: whole study packs through real worker processes, with the offline generator.

Two rows: one 200-page PDF alone, and 20 documents at once. The text is the demo document's, its sentences in another
order on every page, so that language and layout are real and the size is as asked for.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from datetime import timedelta
from pathlib import Path

from tests.support import papers
from tests.support.redis_server import RedisServer

ROOT = Path(__file__).parent.parent
TICKS = os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.study", description=__doc__)
    parser.add_argument("--pages", type=int, default=200)
    parser.add_argument("--documents", type=int, default=20)
    parser.add_argument("--processes", type=int, default=2)
    chosen = parser.parse_args()
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}\n")
    with tempfile.TemporaryDirectory() as folder, RedisServer() as server:
        os.environ |= {"REDIS_URL": server.url, "DRAMATURG_HOME": folder, "DRAMATURG_LOG_LEVEL": "error"}
        big = Path(folder, f"{chosen.pages} pages.pdf")
        big.write_bytes(book(chosen.pages, seed=0))
        small = []
        for number in range(chosen.documents):
            small.append(Path(folder, f"document {number + 1}.pdf"))
            small[-1].write_bytes(book(10, seed=number))
        workers = [
            subprocess.Popen([sys.executable, "-m", "pipeline.engine.worker", "--threads", "8"], cwd=ROOT)
            for _ in range(chosen.processes)
        ]
        try:
            study([small[0]], workers, show=False)  # imports, and the language of the first document
            print("| what | pages | extracted s | pack s | cores busy | worker MB before | worker MB peak |")
            print("|---|---|---|---|---|---|---|")
            study([big], workers)
            study(small, workers)
            study(small, workers)
        finally:
            for worker in workers:
                worker.terminate()
            for worker in workers:
                worker.wait(30)


def study(paths: list[Path], workers: list[subprocess.Popen[bytes]], *, show: bool = True) -> None:
    from actors.study.flows import StudyRequest
    from actors.study.flows import study as flow
    from actors.study.material import DocumentSource
    from pipeline.app import broker
    from pipeline.blobs import get_blobs
    from pipeline.inspector import Inspector

    sources = tuple(DocumentSource(blob=get_blobs().put(path), name=path.name) for path in paths)
    resident = [_status_kb(worker.pid, "VmRSS") for worker in workers]
    peak, done = list(resident), threading.Event()

    def watch() -> None:
        while not done.wait(0.1):
            peak[:] = [max(old, _status_kb(w.pid, "VmRSS")) for old, w in zip(peak, workers, strict=True)]

    watcher = threading.Thread(target=watch)
    watcher.start()
    busy, began = _busy(), time.perf_counter()
    handle = flow.send(StudyRequest(documents=sources))
    pack = handle.result(timedelta(minutes=10))
    seconds = time.perf_counter() - began
    cores = (_busy() - busy) / seconds
    done.set()
    watcher.join()
    assert pack.status == "complete", pack.problems
    inspector = Inspector(broker.store, broker.values)
    spans = [inspector.show(run.id) or {} for name, run in handle.runs.items() if name.startswith("document.extract")]
    extracted = max(span["finished_ms"] for span in spans) - min(span["started_ms"] for span in spans)
    if show:
        pages = sum(document.pages for document in pack.documents)
        before, after = (f"{max(kb) / 1024:.0f}" for kb in (resident, peak))
        what = paths[0].name if len(paths) == 1 else f"{len(paths)} documents"
        print(f"| {what} | {pages} | {extracted / 1000:.1f} | {seconds:.1f} | {cores:.1f} | {before} | {after} |")


def book(pages: int, seed: int) -> bytes:
    """Give a PDF of prose with headings, a running header and page numbers."""
    text = (ROOT / "examples" / "how-the-body-remembers.md").read_text()
    prose = [line for line in text.splitlines() if len(line) > 80 and not line.startswith(("#", "|", "-", ">"))]
    sentences = [s.strip() + "." for line in prose for s in line.replace("*", "").split(". ") if len(s.split()) > 5]
    dice = random.Random(seed)
    drawn = []
    for page in range(pages):
        dice.shuffle(sentences)
        lines = papers.paragraph(" ".join(sentences[:28]), y=110)
        heading = [(72.0, 80.0, 16.0, "bold", f"{page + 1} On immunity")] if page % 5 == 0 else []
        drawn.append([(72.0, 40.0, 9.0, "text", "A book of immunity"), *heading, *lines])
        drawn[-1].append((290.0, 810.0, 9.0, "text", str(page + 1)))
    return papers.pdf(drawn, title=f"Immunity {seed}")


def _busy() -> float:
    user, nice, system = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:4]
    return (int(user) + int(nice) + int(system)) / TICKS


def _status_kb(pid: int, field: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1])
    return 0


if __name__ == "__main__":
    main()

"""Runs the Python of the pages, each block by itself, in one process with a worker.

``python -m tests.support.page_runner`` needs a Redis in its environment. It prints
one line of JSON a block: where it stands, and what failed.
"""

from __future__ import annotations

import json
import sys
import traceback
from types import ModuleType
from typing import Any

import dramatiq

from pipeline import logs, schedule
from pipeline.declaration import DECLARED
from pipeline.llm import Providers, configure
from tests.support.pages import PAGES, Block, blocks


def run(block: Block, program: ModuleType) -> str:
    """Run a block and the tests that it declares; give what failed, or nothing."""
    before = block.told if block.mark == "before" else ""
    try:
        exec(compile(before, f"before {block}", "exec"), program.__dict__)
        # Lines are those of the page, in a traceback as well.
        exec(compile("\n" * block.line + block.text, str(block), "exec"), program.__dict__)
        for name, value in list(vars(program).items()):
            if name.startswith("test_") and callable(value):
                value()
    except Exception:  # noqa: BLE001 - whatever it is, it is told
        return traceback.format_exc()
    return ""


def main() -> None:
    """Run them all."""
    import pipeline.app

    logs.configure("critical")
    configure(Providers())
    worker = dramatiq.Worker(pipeline.app.broker, worker_threads=2, worker_timeout=100)
    worker.start()
    try:
        _run_all()
    finally:
        worker.stop()


def _run_all() -> None:
    program = ModuleType("page")
    for page in PAGES:
        declared, schedules, tables = dict(DECLARED), dict(schedule.SCHEDULES), _tables()
        for block in blocks(page):
            if block.language != "python" or block.mark == "not run":
                continue
            if block.mark != "goes on":
                program = ModuleType(f"page_{page.stem.replace('-', '_')}_{block.line}")
                sys.modules[program.__name__] = program
            print(json.dumps([str(block), run(block, program)]), flush=True)  # noqa: T201 - this is its answer
        _restore(DECLARED, declared)
        _restore(schedule.SCHEDULES, schedules)
        _forget_tables(tables)


def _tables() -> set[str]:
    from pipeline.tables import metadata

    return set(metadata.tables)


def _forget_tables(known: set[str]) -> None:
    from pipeline.tables import metadata

    for name in _tables() - known:
        metadata.remove(metadata.tables[name])


def _restore(there: dict[str, Any], before: dict[str, Any]) -> None:
    there.clear()
    there.update(before)


if __name__ == "__main__":
    main()

"""The page of examples/watch.py, in a real browser: its ``EventSource`` shows a text while it is written."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

from tests.chaos.stage import Stage
from tests.support.processes import ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Browser

TALE = "Every word of this comes over the wire as soon as it is written, and none of them comes twice."


def test_a_page_shows_the_text_as_it_is_written_although_its_worker_is_killed(here: Stage, browser: Browser) -> None:
    """Another worker begins anew, the page follows, and ends with every word once."""
    examples = {"PYTHONPATH": str(ROOT / "examples")}
    server = here.running.python(*("-m", "uvicorn", "--factory", "watch:app", "--port", "0"), env=here.env() | examples)
    workers = here.workers(2, modules=("watch",), env=examples, lease=1)
    server.wait_for_output("running on", timedelta(seconds=40))
    [address] = re.findall(r"running on (http://127.0.0.1:\d+)", server.output)
    page = browser.new_page()
    try:
        broken: list[str] = []
        page.on("pageerror", lambda error: broken.append(str(error)))
        page.goto(address)
        page.get_by_role("button").click()
        page.get_by_text("Every word of").wait_for(timeout=20_000)
        [run] = here.inspector.list_runs("running")
        next(worker for worker in workers if f":{worker.pid}:" in run["worker"]).kill()
        page.get_by_text(TALE).wait_for(timeout=30_000)
        page.wait_for_function("document.querySelector('progress').value === 100")
        assert page.locator("#text").inner_text().strip() == TALE
        assert not broken
    finally:
        page.close()

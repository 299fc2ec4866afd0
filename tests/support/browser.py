"""A real Chromium for the tests of pages, and a record of everything a page did that it should not."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from actors.study.material import StudyPack
from actors.study.pack import write_pack

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

# Chromium must not call home while it is watched.
ARGUMENTS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

WATCH = """
window.__broken = [];
addEventListener('securitypolicyviolation', (event) => __broken.push(`${event.violatedDirective} ${event.blockedURI}`));
"""


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser for some tests; without one they are skipped, or fail where ``DRAMATURG_CI`` is 1."""
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        told = "needs Chromium on the path (Debian, Ubuntu: apt-get install chromium)"
        if os.environ.get("DRAMATURG_CI") == "1":
            pytest.fail(told)
        pytest.skip(told)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


class Watched:
    """A page opened from disk, with its console, errors, dialogs, requests and policy violations written down."""

    def __init__(self, browser: Browser, file: Path, **context: object) -> None:
        self.console: list[str] = []
        self.errors: list[str] = []
        self.dialogs: list[str] = []
        self.requests: list[str] = []
        self._context = browser.new_context(**context)  # type: ignore[arg-type] # playwright's own options
        self._context.set_default_timeout(20_000)
        self._context.add_init_script(WATCH)
        self.page: Page = self._context.new_page()
        self.page.on("console", lambda message: self.console.append(f"{message.type}: {message.text}"))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("dialog", self._dismiss)
        self.address = file.as_uri()
        self.page.goto(self.address)

    def _dismiss(self, dialog: object) -> None:
        self.dialogs.append(dialog.message)  # type: ignore[attr-defined]
        dialog.dismiss()  # type: ignore[attr-defined]

    def assert_clean(self) -> None:
        """Nothing went wrong, nothing ran that was not ours, nothing was asked of a network."""
        assert not self.console
        assert not self.errors
        assert not self.dialogs
        assert self.page.evaluate("window.__broken") == []
        outside = [url for url in self.requests if url != self.address and not url.startswith("data:")]
        assert not outside

    def close(self) -> None:
        """Close the page and what it kept."""
        self._context.close()


Opener = Callable[..., Watched]


def page_of(pack: StudyPack, folder: Path) -> Path:
    """Write the pack below ``folder`` and return its page."""
    return write_pack(pack, folder / "pack") / "index.html"

"""One Chromium for the tests of the page, and the page of the sample pack in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from actors.study.pack import write_pack
from tests.support.browser import Opener, Watched, chromium
from tests.support.packs import sample_pack

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """One Chromium for the package; it ends with it, because no event loop may run beside it."""
    with chromium() as started:
        yield started


@pytest.fixture(scope="package")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of the sample pack."""
    return write_pack(sample_pack(), tmp_path_factory.mktemp("sample") / "pack") / "index.html"


@pytest.fixture
def opened(browser: Browser, sample: Path) -> Iterator[Opener]:
    """Open a page; when the test is over it must have stayed clean."""
    pages: list[Watched] = []

    def start(file: Path = sample, **context: object) -> Watched:
        pages.append(Watched(browser, file, **{"viewport": {"width": 1440, "height": 900}} | context))
        return pages[-1]

    yield start
    for page in pages:
        page.assert_clean()
        page.close()


@pytest.fixture
def page(opened: Opener) -> Page:
    """The sample pack's page, wide and light."""
    return opened().page

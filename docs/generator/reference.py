"""The pages of the reference: each is written from the code when the site is built, and is in nobody's hands."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from docs.generator import commands_page, python_page, settings_page, tables_page

#: Each page of the reference, by its name, and what writes it.
PAGES: dict[str, Callable[[], str]] = {
    "python": python_page.pipeline_page,
    "modules": python_page.modules_page,
    "settings": settings_page.page,
    "commands": commands_page.page,
    "events": tables_page.events_page,
    "failures": tables_page.failures_page,
    "metrics": tables_page.metrics_page,
}


def write(folder: Path) -> None:
    """Write every page that says something else than the file in ``folder``; remove files that are no page."""
    folder.mkdir(exist_ok=True)
    for path in folder.glob("*.md"):
        if path.stem not in PAGES:
            path.unlink()
    for name, page in PAGES.items():
        path, text = folder / f"{name}.md", page()
        if not path.exists() or path.read_text("utf-8") != text:
            path.write_text(text, "utf-8")

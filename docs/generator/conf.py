"""How the site is drawn from the folder that ``docs.generator`` lays out; nothing is fetched, now or by a reader."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from docs.generator import navigation

project = "Dramaturg"
copyright = "the authors of Dramaturg"  # noqa: A001 - the generator's own name for it
extensions = ["myst_parser", "sphinx.ext.autodoc"]
html_theme = "furo"
html_title = "Dramaturg"
html_copy_source = False
#: A link to a heading is the heading in small letters with dashes, as on code hosts.
myst_heading_anchors = 4
autodoc_member_order = "bysource"
autodoc_inherit_docstrings = False
toc_object_entries = False
#: Annotations are written as the code has them: two modules may each have a class of one name.
suppress_warnings = ["ref.python"]


def setup(app: Any) -> None:
    """Put the navigation under the front page."""

    def with_navigation(_app: Any, name: str, source: list[str]) -> None:
        if name == "index":
            source[0] += navigation.contents(Path(app.srcdir))

    app.connect("source-read", with_navigation)

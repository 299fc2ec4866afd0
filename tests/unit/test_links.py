"""Whatever a page leads to is there: pages, headings, settings, names in docstrings; and every page is led to."""

from __future__ import annotations

import ast
import importlib
import re
from functools import cache
from pathlib import Path

import pytest

from docs.generator import navigation, reference, settings_page
from pipeline.llm.providers import Providers
from pipeline.settings import Settings, variable
from tests.support.pages import DOCS, PAGES, ROOT, headings, links

#: Variables that are no settings: of the tests, of the supervisor, and the beginnings of names.
OTHER_VARIABLES = {"DRAMATURG_CI", "DRAMATURG_WORKER_SLOT"}

_CODE = [
    path for package in ("pipeline", "middleware", "actors", "schedules") for path in (ROOT / package).rglob("*.py")
]


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The reference as it is written now."""
    folder = tmp_path_factory.mktemp("site") / "reference"
    reference.write(folder)
    return folder


def test_every_link_leads_somewhere(generated: Path) -> None:
    """To a file that is there, and to a heading that it has; in the generated pages as well."""
    lost = []
    for page in [*PAGES, *generated.glob("*.md")]:
        for file, heading in links(page):
            there = DOCS if page.parent == generated else page.parent
            target = (there / "reference" / file if page.parent == generated else there / file).resolve()
            if target.parent == DOCS / "reference":
                target = generated / target.name
            if not (page if not file else target).exists():
                lost.append(f"{page.name}: {file}")
            elif heading and heading not in headings(page if not file else target):
                lost.append(f"{page.name}: {file}#{heading}")
    assert not lost, "\n".join(lost)


def test_every_page_is_in_the_navigation_once_and_every_entry_is_a_page() -> None:
    """A page that is not there cannot be found; the front page carries the navigation."""
    listed = [name for names in navigation.pages(DOCS).values() for name in names]
    assert len(listed) == len(set(listed))
    there = {path.relative_to(DOCS).with_suffix("").as_posix() for path in DOCS.rglob("*.md")}
    there |= {f"reference/{name}" for name in reference.PAGES}
    assert {*listed, "index"} == there


def test_every_page_says_what_it_is_about() -> None:
    """One title, which is the first line, marks aside; and something below it."""
    for page in DOCS.rglob("*.md"):
        text = re.sub(r"^```.*?^```$|<!--.*?-->\n*", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
        assert text.startswith("# "), page
        assert len(re.findall(r"^# ", text, re.MULTILINE)) == 1, page
        assert len(text.splitlines()) > 5, page


def test_every_variable_that_a_page_names_can_be_set() -> None:
    """By its whole name, or by the beginning of several as ``DRAMATURG_STATS_...``."""
    known = OTHER_VARIABLES | {variable(name) for name in Settings.model_fields}
    known |= {name.upper() for name in Providers.model_fields}
    known |= {one.prefix + name.upper() for one in settings_page.sections() for name in one.model_fields}
    wrong = [
        f"{page.name}: {name}"
        for page in PAGES
        for name in re.findall(r"\b(?:DRAMATURG_[A-Z0-9_]+|[A-Z]+_API_KEY)", page.read_text("utf-8"))
        if name not in known and not (name.endswith("_") and any(one.startswith(name) for one in known))
    ]
    assert not wrong, "\n".join(wrong)


def test_every_name_of_ours_in_a_docstring_is_there() -> None:
    """A module, or something in one, as ``pipeline.schedule``; a file, as ``lua/commit.lua``."""
    lost = set()
    for path in _CODE:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                said = ast.get_docstring(node) or ""
                for name in re.findall(r"``((?:pipeline|middleware|actors|schedules)(?:\.\w+)+)``", said):
                    if not found(name):
                        lost.add(f"{path.relative_to(ROOT)}: {name}")
                for file in re.findall(r"``((?:\w+/)*\w+\.(?:lua|py|md|toml))``", said):
                    if not any(one.as_posix().endswith(f"/{file}") for one in (path.parent / file, *_files())):
                        lost.add(f"{path.relative_to(ROOT)}: {file}")
    assert not lost, "\n".join(sorted(lost))


def found(name: str) -> bool:
    """Tell whether a dotted name is a module or something in one."""
    parts = name.split(".")
    for count in range(len(parts), 0, -1):
        try:
            there = importlib.import_module(".".join(parts[:count]))
        except ImportError:
            continue
        return all((there := getattr(there, part, None)) is not None for part in parts[count:])
    return False


@cache
def _files() -> tuple[Path, ...]:
    folders = [ROOT / name for name in ("pipeline", "middleware", "actors", "schedules", "docs", "examples")]
    return (*ROOT.glob("*.*"), *(path for folder in folders for path in folder.rglob("*.*")))

"""What the README and the guides show does what they say."""

from __future__ import annotations

import ast
import importlib
import re

from pipeline import errors
from tests.support.pages import PAGES, ROOT, texts

(SHOP,) = (text for text in texts(ROOT / "README.md", "python") if text.startswith("# shop.py\n"))


def test_the_readme_and_the_example_are_one_program() -> None:
    """But for what the example says in its docstrings."""
    assert bare(SHOP) == bare((ROOT / "examples" / "shop.py").read_text(encoding="utf-8"))


def test_python_in_the_pages_imports_what_there_is() -> None:
    """Every name it takes from the framework is there, in blocks that are not run too."""
    for node in (node for page in PAGES for text in texts(page, "python") for node in ast.walk(ast.parse(text))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "pipeline":
            module = importlib.import_module(node.module or "")
            assert [name.name for name in node.names if not hasattr(module, name.name)] == []


def test_the_guide_gives_every_failure_its_kind() -> None:
    """The table of what an actor may raise is the tree of errors, with nothing left out."""
    rows = re.findall(r"^\| (`.+?) \| (.+?) \| .+ \|$", (ROOT / "docs/actors.md").read_text("utf-8"), re.MULTILINE)
    told: dict[str, set[str]] = {}
    for raised, kinds in rows:
        for name in re.findall(r"`(\w+)[^`]*`", raised):
            told[name] = set(kinds.split(", "))
    ours = {
        name: cls for name, cls in vars(errors).items() if isinstance(cls, type) and issubclass(cls, errors.Failure)
    }
    raised_by_actors = ours.keys() - {"Failure", "Cancelled", "Interrupted", "Waiting", "Moved"}  # the framework's own
    assert told.keys() == raised_by_actors
    assert [name for name in raised_by_actors if ours[name].kind not in told[name]] == []


def bare(source: str) -> str:
    """Give a program without its docstrings and its layout."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            del node.body[0]
    return ast.dump(tree)

"""What the README and the guides show does what they say."""

from __future__ import annotations

import ast
import importlib
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from pipeline import errors
from tests.support.command_line import COMMAND, CommandLine
from tests.support.processes import ROOT, processes

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    page: Path
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line}"


def blocks(page: Path) -> Iterator[Block]:
    """Give the fenced blocks of a page in their order."""
    text = page.read_text(encoding="utf-8")
    for found in re.finditer(r"^```(\w*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE):
        yield Block(page, text.count("\n", 0, found.start()) + 1, found[1], found[2])


PYTHON = [block for page in PAGES for block in blocks(page) if block.language == "python"]
(SHOP,) = (block for block in PYTHON if block.text.startswith("# shop.py\n"))
(SESSION,) = (block for block in blocks(ROOT / "README.md") if "dramaturg worker shop" in block.text)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which somebody has just written shop.py."""
    folder = tmp_path_factory.mktemp("shop")
    (folder / "shop.py").write_text(SHOP.text, encoding="utf-8")
    return folder


def code_of(text: str) -> str:
    """Give what a module does: without comments, and without what it says about itself."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
    return ast.unparse(tree)


def test_the_example_is_the_one_in_the_readme() -> None:
    """What is shown there runs from the file beside it."""
    assert code_of((ROOT / "examples/shop.py").read_text(encoding="utf-8")) == code_of(SHOP.text)


def test_the_session_in_the_readme_goes_as_it_is_shown(place: Path, redis_url: str, home: Path) -> None:
    """The worker, the order that is packed, and the one that is refused with every mistake in it before it is a run."""
    env = {"DRAMATURG_HOME": str(home), "REDIS_URL": redis_url, "DRAMATURG_PROCESSES": "1", "DRAMATURG_THREADS": "2"}
    shown = re.findall(r"^\$ dramaturg (.+)\n((?:(?!\$ ).*\n)*)", SESSION.text, re.MULTILINE)
    (background, _), *rest = [(shlex.split(line), output) for line, output in shown]
    assert background == ["worker", "shop", "&"]
    assert len(rest) == 2
    dramaturg = CommandLine(place, env)
    with processes(home.parent, env) as started:
        worker = started.start([*COMMAND, *background[:-1]], cwd=place)
        packed, refused = rest
        assert dramaturg(*packed[0], "--timeout", "60").stdout == packed[1]
        answer = dramaturg(*refused[0], code=2)
        assert answer.stdout + answer.stderr == refused[1]
        assert [run["state"] for run in dramaturg("runs", "ls", "--json").json["runs"]] == ["completed"]
        worker.terminate()
        assert worker.wait(timedelta(seconds=30)) == 0


def test_the_readme_and_the_example_are_one_program() -> None:
    """But for what the example says in its docstrings."""
    assert bare(SHOP.text) == bare((ROOT / "examples" / "shop.py").read_text(encoding="utf-8"))


@pytest.mark.parametrize("block", PYTHON, ids=str)
def test_python_in_the_pages_is_python_and_imports_what_there_is(block: Block) -> None:
    """It parses, and every name it takes from the framework is a public one."""
    tree = ast.parse(block.text)
    for node in ast.walk(tree):
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

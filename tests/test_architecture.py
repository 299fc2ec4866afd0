"""The tree and its arrows: who may import whom, how long a file may be, what has to be said about it."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("pipeline", "middleware", "actors", "schedules")
FILES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))

#: What a file of a folder may not import; a file named here is the exception.
FORBIDDEN = [
    ("actors", {"dramatiq", "redis", "middleware", "schedules"}, set()),
    ("middleware", {"actors", "schedules", "redis", "sqlalchemy"}, set()),
    ("pipeline", {"actors", "middleware", "schedules"}, {"pipeline/app.py", "pipeline/cli"}),
    ("pipeline", {"redis"}, {"pipeline/engine"}),
    (
        "pipeline",
        {"sqlalchemy", "alembic"},
        {"pipeline/artifact", "pipeline/database", "pipeline/tables.py", "pipeline/migrations"},
    ),
    ("actors", {"alembic"}, set()),
    (
        "actors",
        {"sqlalchemy"},
        {"actors/growth/tables", "actors/growth/stores", "actors/upkeep/tables", "actors/upkeep/stores"},
    ),
]

#: Policies, errors and verdicts: the standard library, Pydantic and one another.
PURE = [
    "health",
    "limit",
    "breaker",
    "budget",
    "chain",
    "retry",
    "models",
    "priority",
    "errors",
    "verdict",
    "events",
    "classification",
    "classification_rules",
    "rule",
    "evidence",
    "retry_after",
    "duration",
    "calendar",
    "calendar_fields",
    "calendar_words",
    "misfire",
]

BANNED_NAMES = {"utils", "helpers", "common", "manager", "service", "base", "handler"}


def imports(path: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.lineno, node.module


@pytest.mark.parametrize(("folder", "banned", "allowed"), FORBIDDEN)
def test_imports_follow_the_arrows(folder: str, banned: set[str], allowed: set[str]) -> None:
    """No file imports what its folder may not."""
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in FILES
        if path.relative_to(ROOT).parts[0] == folder
        and not any(str(path.relative_to(ROOT)).startswith(place) for place in allowed)
        for line, name in imports(path)
        if name.split(".")[0] in banned
    ]
    assert not wrong, "\n".join(wrong)


def test_actors_use_public_names_of_the_framework_only() -> None:
    """Actors reach into no part of the framework that is not public."""
    public = {"pipeline", "pipeline.artifacts", "pipeline.blobs", "pipeline.errors", "pipeline.llm"}
    public |= {"pipeline.database", "pipeline.tables", "pipeline.sections", "pipeline.fetching", "pipeline.ended"}
    public |= {"pipeline.installation"}
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in FILES
        if path.relative_to(ROOT).parts[0] == "actors"
        for line, name in imports(path)
        if name.split(".")[0] == "pipeline" and name not in public
    ]
    assert not wrong, "\n".join(wrong)


def test_middleware_never_import_one_another() -> None:
    """Middleware meet in the delivery, not in one another."""
    wrong = [
        f"{path.name}:{line}"
        for path in (ROOT / "middleware").glob("*.py")
        if path.name != "__init__.py"
        for line, name in imports(path)
        if name.split(".")[0] == "middleware"
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("name", PURE)
def test_policies_are_pure(name: str) -> None:
    """A policy imports the standard library, Pydantic and other policies, and does no I/O."""
    allowed = set(sys.stdlib_module_names) - {"socket", "subprocess", "threading", "os", "pathlib"}
    wrong = [
        f"{name}.py:{line} imports {module}"
        for line, module in imports(ROOT / "pipeline" / f"{name}.py")
        if module.split(".")[0] not in allowed | {"pydantic"} and module not in {f"pipeline.{pure}" for pure in PURE}
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_hold_one_idea_and_say_which(path: Path) -> None:
    """A file is short, is not named after nothing, and says what it and its public names are."""
    text = path.read_text()
    assert len(text.splitlines()) <= 300
    assert path.stem not in BANNED_NAMES
    tree = ast.parse(text)
    assert ast.get_docstring(tree), "the module says nothing about itself"
    silent = [
        node.name
        for node in tree.body
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and not node.name.startswith("_")
        and not ast.get_docstring(node)
        and "overload" not in ast.unparse(node)[:40]
    ]
    assert not silent, f"nothing is said about {silent}"


def test_importing_opens_nothing_and_reads_no_environment() -> None:
    """Every module but the composition root can be imported with no environment, no network and no Redis."""
    code = """
import os, sys, importlib, pkgutil, socket
def refuse(*args, **kwargs): raise AssertionError("a socket was opened at import")
socket.socket.connect = refuse
import pipeline, middleware, actors, schedules
actors.declare()
for package in (pipeline, middleware, actors, schedules):
    for found in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if found.name.startswith(("pipeline.app", "pipeline.artifact", "pipeline.database", "pipeline.migrations")):
            continue
        if ".tables" in found.name or ".stores" in found.name:
            continue
        importlib.import_module(found.name)
heavy = {"pydantic_ai", "sqlalchemy", "alembic", "pypdfium2", "docx", "pptx", "selectolax"} & set(sys.modules)
assert not heavy, f"imported without use: {heavy}"
"""
    done = subprocess.run(  # noqa: PLW1510 - the code is looked at below
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        env={"PATH": "", "DRAMATURG_UNKNOWN": "1"},
    )
    assert done.returncode == 0, done.stderr


def test_every_lua_script_opens_with_its_signature() -> None:
    """A script says in its first line what goes in and what comes out, and calls nothing unbounded."""
    for path in (ROOT / "pipeline" / "engine" / "lua").glob("*.lua"):
        text = path.read_text()
        if not path.name.startswith("_"):
            assert text.startswith(f"-- {path.stem}(KEYS = ["), path.name
        assert "'KEYS'" not in text, path.name
        assert "'SCAN'" not in text, path.name


def test_whoever_only_sends_loads_no_log_no_settings_and_no_redis() -> None:
    """The public names come without what only workers and commands need: it would slow the start of every sender."""
    heavy = ("structlog", "rich", "redis", "pydantic_settings", "sqlalchemy", "httpx2", "periodiq")
    code = f"import sys, pipeline; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"

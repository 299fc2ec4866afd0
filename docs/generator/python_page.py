"""The pages of the Python interface: what ``pipeline`` exports, and the modules beside it that pages tell of."""

from __future__ import annotations

import ast
import importlib
import inspect
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pipeline
from docs.generator.markdown import page

#: Modules that are public beside ``pipeline`` itself.
MODULES = (
    "pipeline.testing",
    "pipeline.testing.simulated_api",
    "pipeline.llm",
    "pipeline.blobs",
    "pipeline.artifacts",
    "pipeline.inspector",
    "pipeline.reports",
    "pipeline.dead_letters",
    "pipeline.payload_change",
    "pipeline.text_view",
    "pipeline.event_stream",
    "pipeline.event_tokens",
    "pipeline.tracing",
    "pipeline.webhooks",
    "pipeline.fetching",
    "pipeline.database",
    "pipeline.tables",
)


def names(module: ModuleType) -> list[str]:
    """Give the public names of a module: those that it says, or those that it defines."""
    said = getattr(module, "__all__", None)
    found = list(said) if said is not None else [name for node in _top(module) for name in _defined(node)]
    return [name for name in found if not name.startswith("_")]


def pipeline_page() -> str:
    """Write every public name of ``pipeline``: values, functions, classes, failures."""
    return page("pipeline", "Every name here is imported from `pipeline`.", *_parts(pipeline))


def modules_page() -> str:
    """Write the public names of the modules beside it."""
    parts: list[str] = []
    for name in MODULES:
        module = importlib.import_module(name)
        said = inspect.getdoc(module) or ""
        parts += [f"## {name}", _rst(said.partition("\n\n")[0])]
        parts += [_entry(name, one, getattr(module, one)) for one in names(module)]
    return page("Modules beside pipeline", *parts)


def _top(module: ModuleType) -> list[ast.stmt]:
    return ast.parse(inspect.getsource(module)).body


def _defined(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        yield node.name
    elif isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        yield from (target.id for target in targets if isinstance(target, ast.Name))


def _parts(module: ModuleType) -> Iterator[str]:
    found: dict[str, list[str]] = {"Functions": [], "Classes": [], "Failures": [], "Values": []}
    for name in names(module):
        value = getattr(module, name)
        found[_part(value)].append(_entry(module.__name__, name, value))
    for part, entries in found.items():
        yield f"## {part}"
        yield from entries


def _part(value: Any) -> str:
    if isinstance(value, type):
        return "Failures" if issubclass(value, BaseException) else "Classes"
    return "Functions" if inspect.isroutine(value) else "Values"


def _entry(module: str, name: str, value: Any) -> str:
    if isinstance(value, type):
        kind = "autoexception" if issubclass(value, BaseException) else "autoclass"
        return _rst(f".. {kind}:: {module}.{name}\n   :members:\n   :show-inheritance:")
    if inspect.isroutine(value):
        return _rst(f".. autofunction:: {module}.{name}")
    ours = type(value).__module__.split(".")[0] in {"pipeline", "builtins"}  # a library's own words belong to its pages
    return _rst(f".. {'autodata' if ours else 'py:data'}:: {module}.{name}")


def _rst(text: str) -> str:
    return f"```{{eval-rst}}\n{text}\n```"

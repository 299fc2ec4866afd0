"""The drawings are of their sources, and the sources of the code."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import get_args

import pytest

from docs.generator.drawings import FOLDER, mark
from pipeline.engine import keys
from pipeline.events import FINAL, STATES
from pipeline.verdict import State
from tests.support.pages import DOCS, ROOT

SOURCES = sorted(FOLDER.glob("*.dot"))
LUA = ROOT / "pipeline" / "engine" / "lua"
LIBRARIES = ("dramatiq", "redis", "sqlalchemy")
PARTS = ("pipeline", "middleware", "actors", "schedules")


def source(name: str) -> str:
    """Give a source without what it says to its readers."""
    return re.sub(r"^//.*$", "", (FOLDER / f"{name}.dot").read_text("utf-8"), flags=re.MULTILINE)


def arrows(name: str) -> Iterator[tuple[str, str, str]]:
    """Give the two ends of each arrow, and its tooltip."""
    for chain, options in re.findall(r"(\w+(?: -> \w+)+)\s*(\[.*?\])?;", source(name)):
        ends = chain.split(" -> ")
        told = re.search(r'tooltip="([^"]*)"', options)
        yield from ((here, there, told[1] if told else "") for here, there in pairwise(ends))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_a_drawing_is_of_its_source_and_on_a_page(path: Path) -> None:
    """It was drawn after the source was last changed, fetches nothing, and somebody sees it."""
    picture = path.with_suffix(".svg").read_text("utf-8")
    assert mark(path) in picture, "python -m docs.generator.drawings"
    assert "<script" not in picture
    assert not re.search(r"(?:href|src)=\"http", picture)
    assert any(f"drawings/{path.stem}.svg)" in page.read_text("utf-8") for page in DOCS.glob("*.md"))


def test_the_states_are_those_of_a_run() -> None:
    """All of them; what a commit can do is what a verdict can say; nothing but a person leaves a final state."""
    drawn = list(arrows("states"))
    assert {end for here, there, _ in drawn for end in (here, there)} - {"sent"} == set(STATES)
    assert {there for here, there, by in drawn if here == "running" and by == "commit.lua"} == set(get_args(State))
    assert {(here, by) for here, _, by in drawn if here in FINAL} == {("dead", "retry_run.lua")}
    for here, there, by in drawn:
        assert puts(by, there), f"{by} does not put a run from {here} into {there}"


def test_the_arrows_of_the_tree_are_the_imports() -> None:
    """Those that exist, between these parts and the libraries that only some may use; no arrow is missing."""
    assert {(here, there) for here, there, _ in arrows("tree")} == set(imports())


def test_what_the_drawing_of_an_attempt_names_is_there() -> None:
    """Each box begins with a file or a folder."""
    named = re.findall(r'\[label="([\w/.]+)\\n', source("attempt"))
    assert len(named) == 13
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_the_keys_in_the_drawing_of_redis_are_spelled_so() -> None:
    """Each stands in the table of keys."""
    drawn = [re.sub(r"\\([<>])", r"\1", key) for key in re.findall(r"\{([^|{}]+?)\\l\|", source("redis"))]
    table = re.findall(r"^``(\S+)``", keys.__doc__ or "", re.MULTILINE)
    assert len(drawn) > 20
    assert [key for key in drawn if key not in table] == []


def puts(script: str, state: str) -> bool:
    """Tell whether a script writes a state into records, itself or by what is put before it."""
    text = (LUA / script).read_text("utf-8")
    if script == "commit.lua" and "'state', state" in text:
        return state in {*get_args(State), "queued"}  # whatever the verdict says
    lines = re.findall(r"^-- needs (.+)$", text, re.MULTILINE)
    parts = [(LUA / f"{name}.lua").read_text("utf-8") for line in lines for name in re.findall(r"_\w+", line)]
    return f"'state', '{state}'" in "".join([text, *parts]) or (state == "queued" and "line_up(" in text)


def imports() -> Iterator[tuple[str, str]]:
    """Give which part imports which, once for each import."""
    for folder in PARTS:
        for path in (ROOT / folder).rglob("*.py"):
            here = part(path.relative_to(ROOT).as_posix())
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                if isinstance(node, ast.ImportFrom) and node.module:
                    names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
                for name in names:
                    there = part(name.replace(".", "/"))
                    if there != here and there in {*PARTS, *LIBRARIES, "root", "engine"} and name != "pipeline":
                        yield here, there


def part(place: str) -> str:
    """Give the part of the tree that a file or a module belongs to."""
    if re.match(r"pipeline/(app|cli)\b", place):
        return "root"
    return "engine" if place.startswith("pipeline/engine") else place.split("/", maxsplit=1)[0]

"""The page of the command line: every command with its arguments, options and examples, and the exit codes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import typer
from typer.cli import get_docs_for_click
from typer.models import Context

from docs.generator.markdown import fence, table
from docs.generator.markdown import page as written
from pipeline.cli.program import program


def exits() -> dict[str, str]:
    """Give each exit code with what it says, as the program's own help has it."""
    return dict(re.findall(r"^ +(\d+)  (.+)$", typer.main.get_command(program).epilog or "", re.MULTILINE))


def commands(group: Any = None, name: str = "dramaturg") -> Iterator[tuple[str, Any]]:
    """Give every command and group with its full name, in the order of the help."""
    group = typer.main.get_command(program) if group is None else group
    yield name, group
    for word, inner in getattr(group, "commands", {}).items():
        yield from commands(inner, f"{name} {word}")


def page() -> str:
    """Write the page."""
    root = typer.main.get_command(program)
    text = get_docs_for_click(obj=root, ctx=Context(root, info_name="dramaturg"), name="dramaturg")
    for _, command in commands(root):
        if command.epilog:
            text = text.replace(command.epilog, fence(_plain(command.epilog), "text"))
    codes = table(["exit code", "says"], exits().items())
    # The library writes one title a command, the first of them for the page; ours is above it.
    return written("Commands", codes, re.sub(r"^(#+) `(.+)`$", _title, _plain(text), flags=re.MULTILINE))


def _title(found: re.Match[str]) -> str:
    return f"#{found.group(1)} {found.group(2)}"


def _plain(text: str) -> str:
    return re.sub(r"\[/?(?:bold|dim|italic)\]", "", text)

"""Pieces of Markdown that the pages of the reference are made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def page(title: str, *parts: str) -> str:
    """Put a page together, with a line that says that nobody writes it by hand."""
    head = [f"# {title}", "<!-- Written from the code when the site is built; edits are lost. -->"]
    return "\n\n".join([*head, *(part.strip("\n") for part in parts)]) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Draw a table; what would end a cell is escaped."""
    lines = [head, ["---"] * len(head), *([_cell(text) for text in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def code(text: str) -> str:
    """Give a word in code, or nothing for nothing."""
    return f"`{text}`" if text else ""


def fence(text: str, language: str) -> str:
    """Give a block of code, as it stands."""
    return f"```{language}\n{text.strip(chr(10))}\n```"


def _cell(text: str) -> str:
    return text.replace("\n", " ").replace("|", "\\|")

"""What is printed: results to stdout, everything else to stderr; text from outside never reaches the terminal raw."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

# Escape sequences whole, then what is left of control characters, and the marks that turn the direction of text.
_SEQUENCE = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[PX^_][^\x1b]*(?:\x1b\\)?|[ -/]*[0-~])"
)
_BLANK = re.compile(r"[\t\r\n\v\f\u2028\u2029]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

_ID_WIDTH = 25
_PIPE_WIDTH = 1000  # a pipe has no edge: nothing is cut, and a line is a row


def clean(text: object) -> str:
    """Give text as one line that a terminal only shows, and never obeys."""
    return _CONTROL.sub("", _BLANK.sub(" ", _SEQUENCE.sub("", str(text))))


@cache
def console() -> Console:
    """Give the console of results."""
    return _console(error=False)


@cache
def error_console() -> Console:
    """Give the console of everything that is not a result."""
    return _console(error=True)


def tell(text: str, style: str = "") -> None:
    """Print a line for people to stderr; its line ends are kept, nothing else in it is obeyed."""
    error_console().print(*_lines(text), sep="\n", style=style, soft_wrap=True)


def say(text: str, style: str = "") -> None:
    """Print a line that is a result to stdout; its line ends are kept, nothing else in it is obeyed."""
    console().print(*_lines(text), sep="\n", style=style, soft_wrap=True)


def print_json(value: Any) -> None:
    """Print a value as one line of JSON to stdout, at once."""
    import orjson

    line = orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS)
    sys.stdout.write(line.decode("utf-8") + "\n")
    sys.stdout.flush()


def print_table(headings: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str) -> None:
    """Print rows under headings to stdout; ``empty`` instead if there are none.

    A heading begins with ! over ids, with > over numbers, and with * over text that may take several lines.
    """
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        # What one copies, as ids, is never cut; what is long and last may take several lines.
        table.add_column(
            heading.lstrip("*>!"),
            justify="right" if heading.startswith(">") else "left",
            no_wrap=not heading.startswith("*"),
            min_width=_ID_WIDTH if heading.startswith("!") else None,
        )
    for row in rows:
        table.add_row(*(Text(clean(cell)) for cell in row))
    if table.row_count:
        console().print(table)
    else:
        say(empty)


def clock(at_ms: int | None) -> str:
    """Give a time of Redis as people here read it; a dash if there is none."""
    if at_ms is None:
        return "-"
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def ago(at_ms: int | None, now_ms: int) -> str:
    """Give how long ago a time of Redis was; a dash if there is none."""
    return "-" if at_ms is None else took(max(0, now_ms - at_ms) / 1000)


def took(seconds: float | None) -> str:
    """Give a duration as people read it; a dash if there is none."""
    if seconds is None:
        return "-"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:  # noqa: PLR2004 - a minute
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours:02} h"
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"


def _console(*, error: bool) -> Console:
    from rich.console import Console

    plain = Console(stderr=error, highlight=False, markup=False, emoji=False)
    if not plain.is_terminal:
        plain.width = _PIPE_WIDTH
    return plain


def _lines(text: str) -> list[Any]:
    from rich.text import Text

    return [Text(clean(line)) for line in text.splitlines()]

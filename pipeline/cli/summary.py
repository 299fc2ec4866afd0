"""What a study made, told to people and to programs."""

from __future__ import annotations

from collections import Counter
from typing import Any

from pipeline.cli.output import clean, console, say, took
from pipeline.cli.studying import Made


def as_json(made: Made) -> dict[str, Any]:
    """Give what ``study --json`` prints."""
    pack, making = made.pack, _makings(made)
    return {
        "status": pack.status,
        "title": pack.title,
        "out": None if made.folder is None else str(made.folder),
        "files": [] if made.folder is None else sorted(file.name for file in made.folder.iterdir()),
        "seconds": pack.seconds,
        "stages": pack.stages,
        **_counts(made),
        "dropped": dict(_dropped(made)),
        "models": sorted({one.generator for one in making}),
        "tokens_in": sum(one.tokens_in for one in making),
        "tokens_out": sum(one.tokens_out for one in making),
        "price": _price(made),
        "documents": [document.model_dump(mode="json") for document in pack.documents],
        "problems": list(pack.problems),
    }


def print_summary(made: Made) -> None:
    """Print what was made, what was not, and where it is."""
    from rich.table import Table
    from rich.text import Text

    pack = made.pack
    style = {"complete": "bold green", "partial": "bold yellow", "failed": "bold red"}[pack.status]
    console().print(
        Text(clean(pack.title) or "Study"), Text(f"{pack.status}, {took(pack.seconds)}", style=style), sep="  "
    )
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2))
    for what, count in _counts(made).items():
        table.add_row(f"  {what}", str(count))
    dropped = _dropped(made)
    if dropped:
        reasons = ", ".join(f"{clean(reason)} {count}" for reason, count in dropped.most_common())
        table.add_row("  left out", Text(f"{sum(dropped.values())} ({reasons})"))
    making = _makings(made)
    if making:
        table.add_row("  made by", Text(_cost(made)))
    console().print(table)
    for document in pack.documents:
        told = "" if document.status == "complete" and not document.problems else "; ".join(document.problems)
        style = {"complete": "", "partial": "yellow", "failed": "red"}[document.status]
        say(f"  {document.document}: {document.status}{': ' if told else ''}{told}", style)
    if made.folder is None:
        say("Nothing could be made, so nothing was written.", "red")
    else:
        say(f"Open {made.folder / 'index.html'}", "bold")


def _counts(made: Made) -> dict[str, int]:
    pack = made.pack
    return {
        "concepts": len(pack.graph.concepts) if pack.graph else 0,
        "relations": len(pack.graph.relations) if pack.graph else 0,
        "questions": len(pack.quiz.items) if pack.quiz else 0,
        "explanations": len(pack.explanations.items) if pack.explanations else 0,
    }


def _makings(made: Made) -> list[Any]:
    parts = (made.pack.graph, made.pack.quiz, made.pack.explanations)
    return [part.made for part in parts if part is not None]


def _dropped(made: Made) -> Counter[str]:
    total: Counter[str] = Counter()
    for making in _makings(made):
        total.update(making.dropped)
    return total


def _price(made: Made) -> float | None:
    prices = [one.price for one in _makings(made) if one.price is not None]
    return float(sum(prices)) if prices else None


def _cost(made: Made) -> str:
    making = _makings(made)
    told = ", ".join(sorted({clean(one.generator) for one in making}))
    tokens = sum(one.tokens_in + one.tokens_out for one in making)
    price = _price(made)
    if tokens:
        told += f", {tokens:,} tokens"
    return told if price is None else f"{told}, {price:.4f} US dollars"

"""Draws the pictures of the pages: ``python -m docs.generator.drawings`` makes an SVG of each ``docs/drawings/*.dot``.

The SVG are kept, so that nobody who builds the site needs Graphviz; each says which source it was made from.
"""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

FOLDER = Path(__file__).parent.parent / "drawings"


def mark(source: Path) -> str:
    """Give what stands in a picture that was made from this source, as it is now."""
    return f"<!-- {source.name} {hashlib.sha256(source.read_bytes()).hexdigest()} -->"


def draw(source: Path) -> None:
    """Draw one; raises ``CalledProcessError`` for a source that Graphviz does not read."""
    command = ["dot", "-Tsvg", str(source)]
    drawn = subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603 - our own files
    head, _, picture = drawn.partition("<svg")
    source.with_suffix(".svg").write_text(f"{head}{mark(source)}\n<svg{picture}", "utf-8")


if __name__ == "__main__":
    for drawing in sorted(FOLDER.glob("*.dot")):
        draw(drawing)

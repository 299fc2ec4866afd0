# ruff: noqa: INP001 - a program beside what it writes, not a part of a package
"""The boards of Grafana: ``python deploy/grafana/boards.py [FOLDER]`` writes them, beside itself unless told otherwise.

What is drawn is in ``overview.py`` and ``actor.py``; the JSON is checked in, and a test holds it to this program.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from actor import actor
from overview import overview


def write(folder: Path) -> None:
    """Write each board to a file of its name."""
    for made in (overview(), actor()):
        (folder / f"{made['uid']}.json").write_text(json.dumps(made, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)

"""What the jobs of every peer do, so that the peers differ in nothing but the queue."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from bench.marks import ENDED, MARKS, STARTED, mark

#: About 200 bytes as JSON, as in the comparisons of other queues.
BODY: dict[str, Any] = {
    "title": "Photosynthesis in C4 plants: a short introduction",
    "language": "en",
    "pages": [1, 2, 3, 5, 8, 13],
    "tags": ["biology", "plants", "exam"],
    "address": "blob:7d865e959b2466918c9863afca942d0f",
}

LOW_SECONDS = 0.01
HALF_SECONDS = 0.5


def noop(number: int) -> None:
    mark(number)


def low(number: int) -> None:
    mark(number)
    time.sleep(LOW_SECONDS)


def half(number: int) -> None:
    mark(number)
    time.sleep(HALF_SECONDS)
    mark(number, ENDED)


def victim(number: int) -> None:
    """Hang the first time, so that its worker can be killed, and return the second time."""
    flag = Path(f"{os.environ[MARKS]}.victim-{number}")
    first = not flag.exists()
    flag.touch()
    mark(number, STARTED)
    if first:
        time.sleep(3600)

"""What a command left running."""

from __future__ import annotations

import os
from pathlib import Path


def left_over(home: Path) -> list[str]:
    """Processes that have this home in their environment or their arguments."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            text = (folder / "environ").read_bytes() + (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if os.fsencode(home) in text and int(folder.name) != os.getpid():
            found.append(f"{folder.name}: {(folder / 'cmdline').read_bytes()!r}")
    return found

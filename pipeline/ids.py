"""Ids of runs and flows, and what names look like."""

from __future__ import annotations

import os
import re
import time

#: Names of actors, queues and nodes.
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9._-]{0,119}")


def new() -> str:
    """Give an id that is unique and sorts by time: 11 hexadecimal digits of Unix milliseconds, 14 of chance."""
    return f"{time.time_ns() // 1_000_000:011x}{os.urandom(7).hex()}"

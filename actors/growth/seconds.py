"""Seconds: how settings say a duration."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator


def _seconds(value: object) -> object:
    if isinstance(value, str) and value.strip().replace(".", "", 1).isdigit():
        return float(value)
    return value


#: A duration that is written as a number of seconds.
Seconds = Annotated[timedelta, BeforeValidator(_seconds)]

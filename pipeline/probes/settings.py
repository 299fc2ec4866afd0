"""Where probes listen, and what becomes of a port that somebody else has."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar, Literal

from pydantic import Field

from pipeline.sections import Section

#: The processes that have probes.
Process = Literal["worker", "scheduler", "web", "webhooks"]

#: Where each listens unless it is said. Worker process n has the port of its supervisor, and n + 1 more.
PORTS: Mapping[Process, int] = MappingProxyType({"worker": 9191, "scheduler": 9291, "web": 9391, "webhooks": 9491})


class ProbesSettings(Section):
    """Where a process answers ``/livez``, ``/readyz``, ``/startupz`` and ``/metrics``."""

    prefix: ClassVar[str] = "DRAMATURG_PROBES_"

    host: str = Field(default="127.0.0.1", min_length=1, description="the address that probes listen on")
    port: int | None = Field(
        default=None,
        ge=0,
        le=65_535,
        description="the port of the supervisor, and of each other process; 0: no probes; none: one for each kind",
    )

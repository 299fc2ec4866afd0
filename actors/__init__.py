"""Job types: one folder a domain."""

from __future__ import annotations

from importlib import import_module

#: The modules that declare actors.
ACTORS = (
    "actors.study.flows",
    "actors.study.courses",
    "actors.growth.leads",
    "actors.growth.webhook_events",
    "actors.growth.campaigns",
    "actors.upkeep.stats",
    "actors.upkeep.backups",
)


def declare() -> None:
    """Import every module that declares actors."""
    for module in ACTORS:
        import_module(module)

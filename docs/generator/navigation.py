"""The navigation: every page of the site, in the order in which a newcomer meets them."""

from __future__ import annotations

from pathlib import Path

from docs.generator import reference

#: Parts of the site and their pages, by their paths under ``docs/`` without ``.md``; ``*`` stands for all of a folder.
NAVIGATION: dict[str, tuple[str, ...]] = {
    "Begin": ("start", "actors", "testing", "study-pack", "lessons"),
    "Policies": (
        "policies",
        "policies/classification",
        "classification",
        "policies/retry",
        "policies/fallback",
        "policies/breakers",
        "policies/limits",
        "policies/fairness",
        "policies/budgets",
        "policies/idempotency",
        "policies/versions",
        "policies/pause",
        "policies/file",
        "cancel-and-timeout",
        "effects",
        "gates",
    ),
    "Flows and events": ("flows", "events", "reports", "dead-letters"),
    "Schedules": ("schedules", "stats"),
    "Integrations": ("integrations", "webhooks", "leads", "campaigns", "crm", "whatsapp", "fetching", "databases"),
    "Operate": (
        "deploy",
        "doctor",
        "health",
        "metrics",
        "alerts",
        "runbooks/*",
        "logs",
        "tracing",
        "backups",
        "rolling-deploys",
    ),
    "Scale": ("scaling", "performance"),
    "Reference": tuple(f"reference/{name}" for name in reference.PAGES),
    "Understand": ("architecture", "comparison", "glossary"),
}


def pages(folder: Path) -> dict[str, list[str]]:
    """Give the parts with the pages of each, stars replaced by what is in ``folder``."""
    found: dict[str, list[str]] = {}
    for part, entries in NAVIGATION.items():
        found[part] = []
        for entry in entries:
            spread = sorted(path.relative_to(folder).with_suffix("").as_posix() for path in folder.glob(f"{entry}.md"))
            found[part] += spread if "*" in entry else [entry]
    return found


def contents(folder: Path) -> str:
    """Write the navigation as the generator reads it, to stand at the end of the front page."""
    parts = [
        "\n".join(["```{toctree}", ":hidden:", ":titlesonly:", f":caption: {part}", "", *names, "```", ""])
        for part, names in pages(folder).items()
        if names
    ]
    return "\n".join(["", *parts])

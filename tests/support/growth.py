"""What tests of leads share: people, a database of their own, and the outside as it is simulated."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from actors.growth.lead import Lead
from pipeline import sections
from pipeline.database import Database, set_database


@contextmanager
def environment(values: Mapping[str, str]) -> Iterator[None]:
    """Set variables, have settings read anew, and take both back."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    sections.forget()
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
        sections.forget()


def database_in(folder: Path) -> Database:
    """Give an empty database that this process works with from now on."""
    database = Database(f"sqlite:///{folder / 'growth.db'}")
    set_database(database)
    return database


def person(number: int, at: datetime, **more: Any) -> Lead:
    """Give a lead that consented to everything when it came."""
    consent = {channel: {"at": at, "where": "the form"} for channel in ("email", "whatsapp")}
    told: dict[str, Any] = {
        "name": f"Person {number}",
        "email": f"person{number}@example.org",
        "phone": f"+4915112{number:06d}",
        "consent": consent,
    }
    return Lead.model_validate(told | more)

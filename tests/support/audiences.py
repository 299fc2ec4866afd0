"""An account at a simulated Mailchimp and our own database, both by one clock that stands still."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from actors.growth.campaign_plan import Change
from actors.growth.campaigns import Sync, Synced, plan, sync
from actors.growth.contacts import Contacts
from actors.growth.lead import Consent, Lead
from actors.growth.member_merge import MemberRow
from actors.growth.members import Members
from pipeline import sections
from pipeline.database import Database, set_database
from pipeline.testing import MemoryJournal, StillClock, run_inline
from pipeline.testing.mailchimp import SimulatedMailchimp

AUDIENCE = "abc123"

State = dict[str, tuple[str, dict[str, Any]]]


class World:
    """What a sync works on."""

    def __init__(self, mailchimp: SimulatedMailchimp, clock: StillClock) -> None:
        self.mailchimp = mailchimp
        self.clock = clock
        self.audience = mailchimp.audience(AUDIENCE, FNAME="text", LNAME="text")

    def journal(self) -> MemoryJournal:
        """The journal of a new run."""
        return MemoryJournal(clock=self.clock)

    def sync(self, journal: MemoryJournal | None = None) -> Synced:
        """Run a sync, or go on with one."""
        return run_inline(sync, Sync(list_id=AUDIENCE), journal=journal or self.journal()).result

    def plan(self) -> list[Change]:
        """What a sync would change."""
        return list(plan(AUDIENCE, self.clock.now()))

    def put(self, email: str, **fields: Any) -> None:
        """Change a member on our side."""
        Members().put(AUDIENCE, email, fields, self.clock.now())

    def consent(self, email: str, *, given: bool) -> None:
        """Let a person say yes or no to us."""
        if given:
            consent = Consent(at=self.clock.now(), where="form")
            Contacts().save(Lead(email=email, consent={"email": consent}), self.clock.now())
        else:
            Contacts().withdraw("email", email=email, why="stop", at=self.clock.now())

    def member(self, email: str) -> MemberRow:
        """A member as we have them."""
        row = Members().find(AUDIENCE, email)
        assert row is not None
        return row

    def there(self) -> State:
        """The audience as the platform has it: status and fields by address."""
        found = self.audience.members.values()
        return {one.email: (one.status, {k: v for k, v in one.merge_fields.items() if v != ""}) for one in found}

    def here(self) -> State:
        """The audience as we have it, of those who are there, by their names for the fields."""
        names = {one.ours: one.theirs for one in Members().mapping.fields}
        found = (Members().find(AUDIENCE, one.email) for one in self.audience.members.values())
        rows = [row for row in found if row is not None]
        return {row.email: (row.status, {names.get(k, k): v for k, v in row.fields.items()}) for row in rows}

    def later(self, **span: float) -> datetime:
        """Let time pass, ten minutes by default, and give the time."""
        self.clock.forward(timedelta(**(span or {"minutes": 10})))
        return self.clock.now()


@contextlib.contextmanager
def a_world(folder: Path, monkeypatch: pytest.MonkeyPatch, *, seed: int = 0, **settings: str) -> Iterator[World]:
    """An empty account and an empty database; ``settings`` are of ``DRAMATURG_CAMPAIGNS_``."""
    clock = StillClock()
    with SimulatedMailchimp(seed, clock=clock.now) as mailchimp:
        for name, value in mailchimp.environment.items():
            monkeypatch.setenv(name, value)
        for name, value in settings.items():
            monkeypatch.setenv(f"DRAMATURG_CAMPAIGNS_{name.upper()}", value)
        sections.forget()
        (folder / "campaigns.db").write_bytes(_empty_database())
        set_database(Database(f"sqlite:///{folder / 'campaigns.db'}"))
        try:
            yield World(mailchimp, clock)
        finally:
            sections.forget()


@cache
def _empty_database() -> bytes:
    """Give a migrated database: to migrate one for each test costs more than the tests."""
    with tempfile.TemporaryDirectory() as folder:
        made = Database(f"sqlite:///{folder}/empty.db")
        made.migrate()
        with made.begin() as connection:
            connection.exec_driver_sql("COMMIT")
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.exec_driver_sql("BEGIN")
        made.close()
        return (Path(folder) / "empty.db").read_bytes()

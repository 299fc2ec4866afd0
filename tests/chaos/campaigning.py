"""Scenarios of audiences: syncs whose workers are killed, and one that is large."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from actors.growth.campaigns import Sync, Synced, sync
from actors.growth.contacts import Contacts
from actors.growth.lead import Consent, Lead
from actors.growth.mailchimp_models import member_id
from actors.growth.member_merge import MemberRow
from actors.growth.members import Members
from pipeline import RunHandle
from pipeline.database import Database, set_database
from pipeline.testing.mailchimp import SimulatedMailchimp
from pipeline.testing.mailchimp_state import SimulatedMember
from tests.chaos.stage import Report, Stage
from tests.support.waiting import eventually

AUDIENCE = "abc123"
MODULE = ("actors.growth.campaigns",)


@contextmanager
def account(here: Stage, seed: int, **settings: str) -> Iterator[tuple[SimulatedMailchimp, dict[str, str]]]:
    """An account with an empty audience, our database of the stage, and what workers find in their environment."""
    home = here.folder / "home"
    home.mkdir(exist_ok=True)
    url = f"sqlite:///{home / 'campaigns.db'}"
    set_database(Database(url))
    more = {f"DRAMATURG_CAMPAIGNS_{name.upper()}": value for name, value in settings.items()}
    with SimulatedMailchimp(seed) as mailchimp:
        mailchimp.audience(AUDIENCE)
        yield mailchimp, {**mailchimp.environment, "DATABASE_URL": url, **more}


def killed(here: Stage, *, members: int, kills: int, seed: int, settled: timedelta) -> Report:
    """Workers die in the middle of syncs while both sides change; in the end both are the same, and nobody is twice.

    Never are more than ten calls open, and nobody who left is subscribed again.
    """
    report, dice = Report(), random.Random(seed)
    with account(here, seed, page="20", batch="4", direct="4", poll="0.1", overlap="1") as (mailchimp, env):
        emails = [f"m{number}@host.tld" for number in range(members)]
        for email in emails[: members // 2]:
            mailchimp.subscribe(AUDIENCE, email, FNAME="There")
        now = datetime.now(UTC)
        for email in emails[members // 3 :]:
            Contacts().save(Lead(email=email, consent={"email": Consent(at=now, where="form")}), now)
            Members().put(AUDIENCE, email, {"last_name": "Here"}, now)
        mailchimp.delay(timedelta(milliseconds=20))
        gone: set[str] = set()
        states: list[str | None] = []
        worker = here.worker(threads=16, env=env, modules=MODULE)
        for turn in range(kills):
            run = sync.send(Sync(list_id=AUDIENCE))
            _wait(here, mailchimp, run, dice.randrange(3, 25))
            worker.kill()
            _people(mailchimp, emails, gone, turn, dice)
            worker = here.worker(threads=16, env=env, modules=MODULE)
            states += here.settle([run.id], settled).values()
        mailchimp.delay(timedelta())
        for _ in range(2):
            run = sync.send(Sync(list_id=AUDIENCE))
            states += here.settle([run.id], settled).values()
        there, ours = _there(mailchimp), _here(emails)
        figures = run.result(settled)
    report.figures = {"members": len(there), "kills": kills, "calls": len(mailchimp.calls), "gone": len(gone)}
    report.figures |= {"open at once": mailchimp.most_at_once}
    report.expect(f"every sync completed: {states}", set(states) == {"completed"})
    differ = {email: (there.get(email), ours.get(email)) for email in emails if there.get(email) != ours.get(email)}
    report.expect(f"both sides are the same: {dict(list(differ.items())[:3])}", not differ)
    report.expect("everybody is there", len(there) == members)
    report.expect(f"the last sync had nothing to do: {figures}", (figures.changed, figures.told) == (0, 0))
    report.expect("never more than ten calls", mailchimp.most_at_once <= 10)
    report.expect("whoever left stayed away", all(there[email][0] == "unsubscribed" for email in gone))
    may = [email for email in gone if (one := Contacts().find(email=email)) and Contacts().may_message(one.id, "email")]
    report.expect(f"whoever left may not be written to: {may}", not may)
    return report


def large(here: Stage, *, members: int, ours: int, growth_mb: float, settled: timedelta) -> Report:
    """An audience of so many is read, and so many changes of ours are told, by a worker that stays small."""
    report = Report()
    with account(here, 0, poll="0.2") as (mailchimp, env):
        audience, now = mailchimp.audiences[AUDIENCE], datetime.now(UTC).replace(microsecond=0)

        def fill(first: int, last: int) -> None:
            for number in range(first, last):
                email = f"member-{number}@host.tld"
                at = now - timedelta(days=30) + timedelta(seconds=number // 7)
                made = SimulatedMember(email, "subscribed", at, {"FNAME": f"First {number}", "LNAME": "Last " * 10})
                audience.members[made.id] = made

        worker = here.worker(threads=2, env=env, modules=MODULE)
        fill(0, min(1000, members // 4))
        first = _sync(here, settled)
        before = _peak_mb(worker.pid)
        fill(0, members)
        for number in range(ours):
            Members().put(AUDIENCE, f"new-{number}@host.tld", {"first_name": f"New {number}"}, now)
        began = time.monotonic()
        second = _sync(here, settled)
        took = time.monotonic() - began
        third = _sync(here, settled)
        grown = _peak_mb(worker.pid) - before
        kept = Members().store.count(AUDIENCE)
        steps = [here.store.client.hlen(name) for name in here.store.client.scan_iter("*steps*")]
    report.figures = {"members": len(audience.members), "read": second.read, "told": second.told}
    report.figures |= {"seconds": round(took, 1), "grown_mb": round(grown, 1), "most steps": max(steps, default=0)}
    report.expect(f"the first sync read all: {first}", first.read >= min(1000, members // 4))
    report.expect(f"all were read: {second.read}", first.read + second.read >= members)
    report.expect(f"all were told: {second.told}", second.told == ours)
    report.expect(f"all are here: {kept}", kept == {"subscribed": members + ours})
    report.expect(f"nothing is left to do: {third}", (third.changed, third.told) == (0, 0))
    report.expect(f"the worker grew by {grown:.0f} MB", grown <= growth_mb)
    report.expect("never more than ten calls", mailchimp.most_at_once <= 10)
    return report


def _sync(here: Stage, settled: timedelta) -> Synced:
    run = sync.send(Sync(list_id=AUDIENCE))
    states = here.settle([run.id], settled)
    assert set(states.values()) == {"completed"}, here.inspector.show(run.id)
    return run.result(settled)


def _people(mailchimp: SimulatedMailchimp, emails: list[str], gone: set[str], turn: int, dice: random.Random) -> None:
    """Let people come, change and leave at the platform, and us change some of them."""
    there = _there(mailchimp)
    for email in dice.sample(emails, 6):
        if there.get(email, ("",))[0] == "subscribed" and dice.random() < 0.6:
            mailchimp.unsubscribe(AUDIENCE, email)
            gone.add(email)
        elif there.get(email, ("",))[0] == "subscribed":
            mailchimp.edit(AUDIENCE, email, FNAME=f"There {turn}")
    for email in dice.sample(emails, 6):
        Members().put(AUDIENCE, email, {"last_name": f"Here {turn}"}, datetime.now(UTC))


def _there(mailchimp: SimulatedMailchimp) -> dict[str, tuple[str, dict[str, Any]]]:
    with mailchimp.lock:
        found = list(mailchimp.audiences[AUDIENCE].members.values())
        return {one.email: (one.status, {k: v for k, v in one.merge_fields.items() if v != ""}) for one in found}


def _here(emails: list[str]) -> Mapping[str, tuple[str, dict[str, Any]]]:
    names = {one.ours: one.theirs for one in Members().mapping.fields}
    rows = Members().store.rows(AUDIENCE, [member_id(email) for email in emails])
    read = [MemberRow.model_validate(row) for row in rows.values()]
    return {row.email: (row.status, {names[name]: value for name, value in row.fields.items()}) for row in read}


def _wait(here: Stage, mailchimp: SimulatedMailchimp, run: RunHandle[Any], calls: int) -> None:
    """Wait until so many more calls came, or the run ended."""
    asked = len(mailchimp.calls)
    eventually(lambda: len(mailchimp.calls) >= asked + calls or _ended(here, run), timedelta(seconds=30))


def _ended(here: Stage, run: RunHandle[Any]) -> bool:
    return here.states([run.id])[run.id] in {"completed", "dead"}


def _peak_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0

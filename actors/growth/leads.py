"""``lead.created``: a person came in; they are kept once, and gone through a sequence with, over days."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict

from actors.growth import sequences
from actors.growth.contacts import Contact, Contacts
from actors.growth.lead import Lead
from actors.growth.leads_settings import LeadsSettings
from actors.growth.sequence import DECLARED, Done, Order, Sequence, SequenceStep
from actors.growth.sequence_actors import DOERS
from actors.growth.sequence_once import quiet_hours, sequence_rows
from pipeline import InvalidInput, Retry, Run, Snooze, actor

#: What new leads go through; more are declared the same way, in modules of their own.
WELCOME = sequences.WELCOME

_DAY = timedelta(days=1)

#: A run may sleep for as long as a sequence lasts.
_PATIENT = Retry(attempts=10, base=timedelta(seconds=10), cap=timedelta(minutes=10), patience=1000 * _DAY, waits=10_000)


class Followed(BaseModel):
    """What became of a lead: the person they are, and how each step ended.

    ``other_run`` is the run that goes, or went, through the sequence with them if it is not this one; ``stopped`` says
    that somebody ended it before its last step.
    """

    model_config = ConfigDict(frozen=True)

    contact: str
    sequence: str
    steps: tuple[Done, ...] = ()
    other_run: str = ""
    stopped: bool = False


@actor(name="lead.created", queue="growth", retry=_PATIENT)
def lead_created(lead: Lead, run: Run) -> Followed:
    """Keep a lead once, and go through its sequence: each step a run of its own, and a sleep till the next is due."""
    sequence = sequence_named(lead.sequence)
    contact = run.step(keep, lead, run.now)
    rows, where = sequence_rows(), (contact.id, sequence.name)
    there = rows.enrol(where, run.id, sequence.steps[0].name, run.now)
    if there["run_id"] != run.id:
        return Followed(contact=contact.id, sequence=sequence.name, other_run=there["run_id"])
    begun = rows.steps(where)
    since: datetime = there["began_at"]
    ended: list[Done] = []
    for step in sequence.steps:
        row = begun.get(step.name)
        if row is None or row["done_at"] is None:
            if not _is_due(contact, sequence, step, since, run):
                return Followed(contact=contact.id, sequence=sequence.name, steps=tuple(ended), stopped=True)
            row = _do(Order(contact=contact.id, sequence=sequence.name, step=step.name), step, run)
        since = max(since, row["done_at"])
        ended.append(Done(step=step.name, state=row["state"], reference=row["reference"], detail=row["detail"]))
        run.progress(step.name, 100 * len(ended) / len(sequence.steps), done=len(ended), total=len(sequence.steps))
    rows.complete(where, run.id, run.now)
    return Followed(contact=contact.id, sequence=sequence.name, steps=tuple(ended))


def keep(lead: Lead, now: datetime) -> Contact:
    """Keep the person, who may be known already."""
    return Contacts().save(lead, now)


def sequence_named(name: str) -> Sequence:
    """Give a declared sequence, that of the settings without a name; raises ``InvalidInput`` if there is none."""
    wanted = name or LeadsSettings.current().sequence
    found = DECLARED.get(wanted)
    if found is None:
        raise InvalidInput(f"there is no sequence {wanted!r}: there are {', '.join(DECLARED)}", field="sequence")
    return found


def _is_due(contact: Contact, sequence: Sequence, step: SequenceStep, since: datetime, run: Run) -> bool:
    """Sleep till a step is due; false if the person was stopped, or another run goes on with them."""
    at = since + step.after * (LeadsSettings.current().day / _DAY)
    if step.channel is not None:
        at += quiet_hours(contact, at)
    there = sequence_rows().plan((contact.id, sequence.name), run.id, step.name, at, run.now)
    if there is None:
        return False
    wait = there["next_at"] - run.now
    if wait > timedelta(0):
        raise Snooze(wait, f"{step.name} is due at {there['next_at']:%Y-%m-%d %H:%M} UTC")
    return True


def _do(order: Order, step: SequenceStep, run: Run) -> Mapping[str, Any]:
    """Have a step done by a run of its own, and give what is kept of it."""
    rows, key = sequence_rows(), (order.contact, order.sequence, order.step)
    [outcome] = run.gather(DOERS[step.does], [order], name=step.name)
    found = rows.steps(key[:2]).get(step.name)
    if found is None or found["done_at"] is None:
        why = outcome.message or outcome.reason or "its run is gone"
        rows.give_up(key, f"{outcome.state}: {why}"[:500], run.now)
        found = rows.steps(key[:2])[step.name]
    return found

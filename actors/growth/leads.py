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
from actors.growth.sequence_once import done_as, quiet_hours, sequence_rows, sleep
from pipeline import InvalidInput, Retry, Run, actor

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
    there, begun = rows.enrol(where, run.id, sequence.steps[0].name, run.now)
    followed = Followed(contact=contact.id, sequence=sequence.name)
    if there["run_id"] != run.id:
        return followed.model_copy(update={"other_run": there["run_id"]})
    if there["state"] == "stopped":
        return followed.model_copy(update={"stopped": True})
    since: datetime = there["began_at"]
    ended: list[Done] = []
    for step in sequence.steps:
        row = begun.get(step.name)
        if row is not None and row["done_at"] is not None:
            done = done_as(row)
        elif _is_due(contact, there, step, since, run):
            done = _do(contact, sequence, step, run)
        else:
            return followed.model_copy(update={"steps": tuple(ended), "stopped": True})
        since = max(since, done.at)
        ended.append(done)
        run.progress(step.name, 100 * len(ended) / len(sequence.steps), done=len(ended), total=len(sequence.steps))
    rows.complete(where, run.id, run.now)
    return followed.model_copy(update={"steps": tuple(ended)})


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


def _is_due(contact: Contact, there: Mapping[str, Any], step: SequenceStep, since: datetime, run: Run) -> bool:
    """Sleep till a step is due; false if the person was stopped, or another run goes on with them."""
    at = there["next_at"]
    if at is None or there["next_step"] != step.name:
        at = since + step.after * (LeadsSettings.current().day / _DAY)
        if step.channel is not None:
            at += quiet_hours(contact, at)
        if not sequence_rows().plan((contact.id, there["sequence"]), run.id, step.name, at, run.now):
            return False
    wait = at - run.now
    if wait > timedelta(0):
        raise sleep(wait, f"{step.name} is due at {at:%Y-%m-%d %H:%M} UTC")
    return True


def _do(contact: Contact, sequence: Sequence, step: SequenceStep, run: Run) -> Done:
    """Have a step done by a run of its own, and give how it ended."""
    to = contact.phone if step.channel == "whatsapp" else ""
    order = Order(contact=contact.id, sequence=sequence.name, step=step.name, to=to)
    [outcome] = run.gather(DOERS[step.does], [order], name=step.name)
    if outcome.value is not None:
        return outcome.value
    rows, key = sequence_rows(), (contact.id, sequence.name, step.name)
    why = outcome.message or outcome.reason or "its run is gone"
    begun = "failed" if step.channel is None else "uncertain"
    rows.give_up(key, f"{outcome.state}: {why}"[:500], run.now, begun=begun)
    return done_as(rows.steps(key[:2])[step.name])

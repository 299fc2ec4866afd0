"""Once: a step of a sequence is done at most once for a person, whatever dies, repeats itself or comes late.

Two things guard it together. A row in SQL says which run may do the step and how far it is, across runs and sequences
that are started again; ``run.effect`` says what became of each call, across the attempts of one run.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from actors.growth.contacts import Contact, Contacts
from actors.growth.lead import Channel
from actors.growth.leads_settings import LeadsSettings
from actors.growth.quiet_hours import QuietHours
from actors.growth.sequence import DECLARED, Done, Order, SequenceStep
from pipeline import InvalidInput, NeedsReview, Permanent, RateLimited, Run, Snooze, Unavailable
from pipeline.database import get_database

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from actors.growth.stores.sequences import SequenceRows

#: The checkpoint of a person's answer about a call that another run began.
_ANSWER = "answer:review"
_SHOWN = 500
_MS = timedelta(milliseconds=1)

#: How long a call of another run may still be on its way: before that nobody is asked about it.
_CALL = timedelta(minutes=1)
_LOOK_AGAIN = timedelta(seconds=5)


class _Withheld(Permanent):
    """The step must not be done, now or later; nothing was."""


@dataclass(frozen=True)
class Work:
    """What a step is done with: the person, the step, and the key it is known by outside."""

    order: Order
    contact: Contact
    step: SequenceStep

    @property
    def consent(self) -> Channel | None:
        """The channel that the person must have consented to, if any."""
        return "email" if self.step.does == "mailchimp.audience" else self.step.channel

    @property
    def lacks(self) -> str:
        """What is not known of the person that the step needs; empty if nothing."""
        known = self.contact.phone if self.consent == "whatsapp" else self.contact.email
        return "" if known else f"no {'phone number' if self.consent == 'whatsapp' else 'address'} is known"


def done_as(row: Mapping[str, Any]) -> Done:
    """Give how a step ended that is kept so."""
    told = {name: row[name] for name in ("step", "state", "reference", "detail")}
    return Done.model_validate({**told, "at": row["done_at"]})


def sequence_rows() -> SequenceRows:
    """Give the enrolments and steps of this process's database."""
    from actors.growth.stores.sequences import SequenceRows

    return SequenceRows(get_database())


def work_of(order: Order) -> Work:
    """Give what an order is about; raises ``InvalidInput`` for a sequence, a step or a person that is not there."""
    sequence = DECLARED.get(order.sequence)
    step = None if sequence is None else sequence.step(order.step)
    contact = Contacts().find(id=order.contact)
    if step is None:
        raise InvalidInput(f"there is no step {order.step!r} in a sequence {order.sequence!r}", field="step")
    if contact is None:
        raise InvalidInput(f"there is no person {order.contact!r}", field="contact")
    return Work(order, contact, step)


def quiet_hours(contact: Contact, at: datetime) -> timedelta:
    """Give how long a message to a person has to wait that would go out ``at``, by the clock on their wall."""
    settings = LeadsSettings.current()
    return QuietHours(settings.quiet_from, settings.quiet_to).wait(at, contact.timezone or settings.timezone)


def sleep(wait: timedelta, why: str) -> Snooze:
    """Give what to raise to wait: in whole milliseconds, as the engine counts, and none too few."""
    return Snooze(timedelta(milliseconds=math.ceil(wait / _MS)), why)


def _let_sleep(work: Work, run: Run) -> None:
    if work.step.channel is not None and (wait := quiet_hours(work.contact, run.now)):
        raise sleep(wait, "quiet hours where the person is")


def once(
    work: Work,
    run: Run,
    call: Callable[[], str],
    *,
    shown: str,
    idempotent: bool = False,
    lookup: Callable[[], str | None] | None = None,
) -> Done:
    """Do a step by ``call``, which gives the other side's id, unless it was done; ``shown`` tells a person what it is.

    Before a message, quiet hours are waited out and consent is looked at: at the last moment, after every wait. What
    may have happened is not done again: it is looked up, or put up for review; only what is ``idempotent`` is repeated.
    """
    order, rows = work.order, sequence_rows()
    key = (order.contact, order.sequence, order.step)
    row = rows.claim(key, run.id, again=idempotent)
    if row["state"] not in {"claimed", "calling"}:
        return done_as(row)
    if row["run_id"] != run.id:
        done = _begun_elsewhere(run, order, row, shown, lookup)
        if done is not None:
            return _end(rows, key, row["run_id"], done)
        rows.hand_over(key, row["run_id"], run.id)

    def call_once(what: str) -> str:
        del what  # for whoever reviews it
        _let_sleep(work, run)
        try:
            why = work.lacks or rows.begin(key, run.id, work.consent, run.now)
        except Unavailable as error:  # nobody was called yet, and nobody has to wonder
            raise Snooze(_LOOK_AGAIN, f"the database is away: {error}") from error
        if why:
            raise _Withheld(why)
        try:
            return call()
        except (Permanent, RateLimited):
            rows.unbegin(key, run.id)  # it was refused: nobody has to wonder
            raise

    def look_up(idempotency_key: str) -> str | None:
        del idempotency_key  # that of this run: other runs may have done it
        return lookup() if lookup is not None else None

    try:
        reference = run.effect(
            call_once, shown, key=str(order), idempotent=idempotent, lookup=None if lookup is None else look_up
        )
    except _Withheld as error:
        return _end(rows, key, run.id, Done(step=order.step, state="withheld", detail=str(error), at=run.now))
    return _end(rows, key, run.id, Done(step=order.step, state="done", reference=reference or "", at=run.now))


def _end(rows: SequenceRows, key: tuple[str, str, str], holder: str, done: Done) -> Done:
    rows.end(key, holder, done.state, done.at, reference=done.reference[:191], detail=done.detail[:_SHOWN])
    return done


def _begun_elsewhere(
    run: Run, order: Order, row: Mapping[str, Any], shown: str, lookup: Callable[[], str | None] | None
) -> Done | None:
    """Give what became of the call that another run began; none if it did not happen."""
    if row["began_at"] is not None and run.now - row["began_at"] < _CALL:
        raise Snooze(_LOOK_AGAIN, f"run {row['run_id']} is doing it")
    if lookup is not None:
        found = lookup()
        return None if found is None else Done(step=order.step, state="done", reference=found, at=run.now)
    kept = run.recall(_ANSWER)
    if kept is None:
        item = {
            "kind": "effect",
            "name": str(order),
            "answer": _ANSWER,
            "function": "call_once",
            "call": 1,
            "why": f"run {row['run_id']} began it at {row['began_at']}, and did not say what came of it",
            "arguments": shown,
            "schema": {"type": "string"},
        }
        raise NeedsReview(f"uncertain_effect: {order}", item=item)
    answer = json.loads(kept)
    if answer["says"] != "done":
        return None
    reference = str(answer.get("value") or "")
    return Done(step=order.step, state="done", reference=reference, detail="by a person's word", at=run.now)

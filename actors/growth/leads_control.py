"""People in sequences, from outside: looked at, stopped, skipped ahead, resumed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from actors.growth.contacts import CHANNELS, Answer, Contact, Contacts, Delivery, person
from actors.growth.lead import Channel, Lead
from actors.growth.leads import lead_created, sequence_named
from actors.growth.sequence import DECLARED
from actors.growth.sequence_once import sequence_rows
from pipeline import InvalidInput, RunHandle


class Standing(BaseModel):
    """Where a person is in a sequence: ``active``, ``stopped`` or ``completed``, and what comes next when."""

    model_config = ConfigDict(frozen=True)

    contact: str
    who: str
    sequence: str
    state: str
    run: str
    began_at: datetime
    next_step: str
    next_at: datetime | None
    why: str = ""


class StepShown(BaseModel):
    """A step of a person: how far it is, the other side's id, and what became of the message."""

    model_config = ConfigDict(frozen=True)

    sequence: str
    step: str
    does: str
    state: str
    at: datetime | None = None
    reference: str = ""
    detail: str = ""
    deliveries: tuple[Delivery, ...] = ()


class PersonShown(BaseModel):
    """Everything that is known of a person."""

    model_config = ConfigDict(frozen=True)

    contact: Contact
    may_message: dict[Channel, bool]
    answers: tuple[Answer, ...]
    standings: tuple[Standing, ...]
    steps: tuple[StepShown, ...]


class Leads:
    """The people of this process's database; ``cancel`` stops a run, ``send`` starts one for a lead.

    A person is meant by id, address, phone number or external id; all methods raise ``InvalidInput`` for nobody.
    """

    def __init__(
        self,
        *,
        cancel: Callable[[str], object] | None = None,
        send: Callable[[Lead], object] | None = None,
        now: Callable[[], datetime] | None = None,
    ) -> None:
        self._cancel = cancel or (lambda run_id: RunHandle(run_id, lead_created, lead_created.broker).cancel())
        self._send = send or lead_created.send
        self._now = now or (lambda: datetime.now(UTC))

    def standings(self, state: str = "", limit: int = 50) -> list[Standing]:
        """Give who is in sequences, those whose next step is nearest first."""
        return [_standing(row) for row in sequence_rows().enrolments(state=state, limit=limit)]

    def show(self, who: str) -> PersonShown:
        """Give everything that is known of a person."""
        contacts = Contacts()
        contact = person(who, contacts)
        standings = self._of(contact)
        return PersonShown(
            contact=contact,
            may_message={channel: contacts.may_message(contact.id, channel) for channel in CHANNELS},
            answers=tuple(contacts.history(contact.id)),
            standings=tuple(standings),
            steps=tuple(step for standing in standings for step in _steps(standing, contacts)),
        )

    def stop(self, who: str, *, why: str = "", sequence: str = "") -> list[Standing]:
        """End the sequences of a person, or one of them: nothing more is done, a waiting run ends at once."""
        contact = person(who, Contacts())
        for one in self._going(contact, sequence, "active"):
            sequence_rows().set_state((contact.id, one.sequence), "stopped", self._now(), why=why[:255], next_at=None)
            if one.run:
                self._cancel(one.run)
        return self._of(contact)

    def skip(self, who: str, *, to: str = "", sequence: str = "") -> list[Standing]:
        """Do a person's next step now; with ``to`` another one, and leave out those before it that were not begun."""
        contact = person(who, Contacts())
        for one in self._going(contact, sequence, "active"):
            where = (contact.id, one.sequence)
            begun = sequence_rows().steps(where)
            left = [
                step.name
                for step in sequence_named(one.sequence).steps
                if step.name not in begun or begun[step.name]["done_at"] is None
            ]
            target = to or (left[0] if left else "")
            if target not in left:
                raise InvalidInput(
                    f"{one.who} has no step {target!r} before them in {one.sequence}: {left}", field="to"
                )
            self._halt(one)
            for step in left[: left.index(target)]:
                sequence_rows().skip((*where, step), self._now())
            self._go_on(contact, one, next_step=target, next_at=self._now())
        return self._of(contact)

    def resume(self, who: str, *, sequence: str = "") -> list[Standing]:
        """Go on with a person who was stopped, or whose run is gone; what was done is not done again."""
        contact = person(who, Contacts())
        for one in self._going(contact, sequence, "active", "stopped"):
            self._halt(one)
            self._go_on(contact, one, why="")
        return self._of(contact)

    def _halt(self, one: Standing) -> None:
        if one.run:
            self._cancel(one.run)  # before it is let go: it must not take itself up again

    def _go_on(self, contact: Contact, one: Standing, **more: Any) -> None:
        sequence_rows().set_state((contact.id, one.sequence), "active", self._now(), run_id="", **more)
        told = contact.model_dump(include={"email", "phone", "external_id", "name", "timezone", "locale"})
        self._send(Lead.model_validate({**told, "sequence": one.sequence}))

    def _of(self, contact: Contact) -> list[Standing]:
        return [_standing(row) for row in sequence_rows().enrolments(contact_id=contact.id)]

    def _going(self, contact: Contact, sequence: str, *states: str) -> list[Standing]:
        found = [one for one in self._of(contact) if one.state in states and sequence in {"", one.sequence}]
        if not found:
            told = f" {sequence}" if sequence else ""
            raise InvalidInput(
                f"{contact.email or contact.phone} is in no sequence{told} that is {' or '.join(states)}"
            )
        return found


def _standing(row: Mapping[str, Any]) -> Standing:
    told = {name: row[name] for name in ("sequence", "state", "began_at", "next_step", "next_at", "why")}
    who = row["email"] or row["phone"] or row["contact_id"]
    return Standing.model_validate({**told, "contact": row["contact_id"], "who": who, "run": row["run_id"]})


def _steps(standing: Standing, contacts: Contacts) -> list[StepShown]:
    begun = sequence_rows().steps((standing.contact, standing.sequence))
    declared = DECLARED.get(standing.sequence)
    does = {} if declared is None else {step.name: str(step.does) for step in declared.steps}
    told = contacts.deliveries(*(row["reference"] for row in begun.values() if row["reference"]))
    shown = []
    for name in [*does, *(step for step in begun if step not in does)]:
        row: Mapping[str, Any] = begun.get(name, {})
        reference = row.get("reference", "")
        shown.append(
            StepShown(
                sequence=standing.sequence,
                step=name,
                does=does.get(name, ""),
                state=row.get("state", "to come"),
                at=row.get("done_at")
                or row.get("began_at")
                or (standing.next_at if name == standing.next_step else None),
                reference=reference,
                detail=row.get("detail", ""),
                deliveries=tuple(one for one in told if one.message_id == reference),
            )
        )
    return shown

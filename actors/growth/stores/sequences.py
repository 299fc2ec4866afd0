"""Where people are in their sequences, in SQL: it says who may do which step, and that a step is done but once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from actors.growth.stores.contacts import allowed, begin_to_write
from actors.growth.tables.contacts import contacts, enrolments, sequence_steps
from pipeline.database import Conflict, Database

#: States of a step that nobody is about to do: ``claimed`` and ``calling`` are the others.
ENDED = ("done", "withheld", "skipped", "failed", "uncertain")

Row = Mapping[str, Any]
#: A person and a sequence; and a step of it.
Where = tuple[str, str]
Key = tuple[str, str, str]


# What is asked again and again is put together once.
_PERSON: sa.BindParameter[str] = sa.bindparam("person")
_SEQUENCE: sa.BindParameter[str] = sa.bindparam("of")
_STEP: sa.BindParameter[str] = sa.bindparam("at_step")
_ENROLMENT = sa.select(enrolments).where(enrolments.c.contact_id == _PERSON, enrolments.c.sequence == _SEQUENCE)
_STEPS = sa.select(sequence_steps).where(sequence_steps.c.contact_id == _PERSON, sequence_steps.c.sequence == _SEQUENCE)
_ONE_STEP = _STEPS.where(sequence_steps.c.step == _STEP)


class SequenceRows:
    """Reads and writes enrolments and steps; whatever decides something is one statement that says of whom."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def enrol(self, where: Where, run_id: str, first: str, now: datetime) -> tuple[Row, dict[str, Row]]:
        """Put a person into a sequence once, and give where they are, and their steps that were begun.

        A run takes over where no other one goes on.
        """
        added = {"run_id": run_id, "state": "active", "began_at": now, "next_step": first, "next_at": None, "why": ""}
        row = {"contact_id": where[0], "sequence": where[1], **added, "updated_at": now}
        while True:
            with self._database.begin() as connection:
                there = _there(connection, where)
                if there is not None and (there["run_id"] or there["state"] != "active"):
                    return there, _steps(connection, where)
            try:
                with self._database.begin() as connection:
                    if there is None:
                        connection.execute(sa.insert(enrolments).values(**row))
                        return row, {}
                    orphan = _enrolment(where).where(enrolments.c.run_id == "", enrolments.c.state == "active")
                    connection.execute(orphan.values(run_id=run_id, updated_at=now))
            except (sa.exc.IntegrityError, Conflict):
                continue  # another run was quicker

    def enrolment(self, where: Where) -> Row | None:
        """Give where a person is in a sequence; none if they are not in it."""
        with self._database.begin() as connection:
            return _there(connection, where)

    def enrolments(self, *, contact_id: str = "", state: str = "", limit: int = 50) -> list[Row]:
        """Give who is in sequences, those whose next step is nearest first."""
        wanted = sa.select(enrolments, contacts.c.email, contacts.c.phone).join(contacts)
        wanted = wanted.order_by(enrolments.c.next_at.is_(None), enrolments.c.next_at, enrolments.c.contact_id)
        wanted = wanted.limit(limit)
        if contact_id:
            wanted = wanted.where(enrolments.c.contact_id == contact_id)
        if state:
            wanted = wanted.where(enrolments.c.state == state)
        with self._database.begin() as connection:
            return [dict(row) for row in connection.execute(wanted).mappings()]

    def plan(self, where: Where, run_id: str, step: str, at: datetime, now: datetime) -> bool:
        """Note which step comes next, and when; false if the run has no say any more."""
        mine = _enrolment(where).where(enrolments.c.run_id == run_id, enrolments.c.state == "active")
        with self._database.begin() as connection:
            noted = connection.execute(mine.values(next_step=step, next_at=at, updated_at=now))
            return bool(noted.rowcount)

    def complete(self, where: Where, run_id: str, now: datetime) -> None:
        """Note that a run has gone through a sequence to its end, if it is still the one that does."""
        mine = _enrolment(where).where(enrolments.c.run_id == run_id, enrolments.c.state == "active")
        with self._database.begin() as connection:
            connection.execute(mine.values(state="completed", next_step="", next_at=None, updated_at=now))

    def set_state(self, where: Where, state: str, now: datetime, **more: Any) -> str | None:
        """Set the state of an enrolment, and more of it; gives the run that goes through it, none if there is none."""
        with self._database.begin() as connection:
            begin_to_write(connection)
            run_id = connection.execute(sa.select(enrolments.c.run_id).where(*_at(where))).scalar_one_or_none()
            changed = {"state": state, "updated_at": now, **more}
            connection.execute(_enrolment(where).values(**changed))
        return run_id

    def steps(self, where: Where) -> dict[str, Row]:
        """Give the steps of a person that were begun, by name."""
        with self._database.begin() as connection:
            return _steps(connection, where)

    def claim(self, key: Key, run_id: str, *, again: bool) -> Row:
        """Say that a run is to do a step, and give the step: it is the run's unless another has begun or ended it.

        What another run claimed and did not begin is taken from it; with ``again`` also what it did begin.
        """
        taken = ("claimed", "calling") if again else ("claimed",)
        while True:
            try:
                with self._database.begin() as connection:
                    begin_to_write(connection)
                    there = _one(connection, key)
                    if there is None:
                        return _add(connection, key, run_id, "claimed")
                    state = there["state"]
                    mine = there["run_id"] == run_id
                    if state not in {*taken, "failed", "uncertain"} or (mine and state in taken):
                        return there
                    if state not in taken and not mine:
                        return there
                    same = sequence_steps.c.run_id == there["run_id"], sequence_steps.c.state == state
                    changed = {"run_id": run_id, "state": "claimed", "done_at": None}
                    if connection.execute(_step(key).where(*same).values(**changed)).rowcount:
                        return {**there, **changed}
            except (sa.exc.IntegrityError, Conflict):
                continue  # another run was quicker

    def hand_over(self, key: Key, before: str, run_id: str) -> None:
        """Give a step to another run, after a person said that nothing was done."""
        with self._database.begin() as connection:
            lost = _step(key).where(sequence_steps.c.run_id == before, sequence_steps.c.state == "calling")
            connection.execute(lost.values(run_id=run_id, state="claimed"))

    def begin(self, key: Key, run_id: str, channel: str | None, now: datetime) -> str:
        """Note that the other side is about to be called; gives why it must not be, empty if it may.

        Consent is looked at in the same transaction. A step that is not this run's any more is a reason, too.
        """
        mine = sequence_steps.c.state.in_(("claimed", "calling"))
        with self._database.begin() as connection:
            begun = connection.execute(
                _step(key).where(mine, sequence_steps.c.run_id == run_id).values(state="calling", began_at=now)
            )
            if not begun.rowcount:
                return "another run does this step"
            why = self._why_not(connection, key[:2], channel)
            if why:
                connection.execute(_step(key).values(state="claimed", began_at=None))
        return why

    def unbegin(self, key: Key, run_id: str) -> None:
        """Note that the other side refused a call, and did nothing."""
        with self._database.begin() as connection:
            begun = _step(key).where(sequence_steps.c.run_id == run_id, sequence_steps.c.state == "calling")
            connection.execute(begun.values(state="claimed"))

    def end(self, key: Key, run_id: str, state: str, now: datetime, **more: str) -> None:
        """Note how a step ended, if it is still this run's."""
        with self._database.begin() as connection:
            mine = _step(key).where(sequence_steps.c.run_id == run_id)
            connection.execute(mine.values(state=state, done_at=now, **more))

    def give_up(self, key: Key, detail: str, now: datetime, *, begun: str) -> None:
        """Note that the run of a step ended without it: it failed, or is as ``begun`` says if a call was made."""
        with self._database.begin() as connection:
            for before, state in (("calling", begun), ("claimed", "failed")):
                lost = _step(key).where(sequence_steps.c.state == before)
                connection.execute(lost.values(state=state, done_at=now, detail=detail))
            if _one(connection, key) is None:
                _add(connection, key, "", "failed", done_at=now, detail=detail)

    def skip(self, key: Key, now: datetime) -> None:
        """Leave a step out that was not begun."""
        with self._database.begin() as connection:
            unbegun = _step(key).where(sequence_steps.c.state == "claimed")
            connection.execute(unbegun.values(state="skipped", done_at=now, run_id=""))
            if _one(connection, key) is None:
                _add(connection, key, "", "skipped", done_at=now)

    @staticmethod
    def _why_not(connection: sa.Connection, where: Where, channel: str | None) -> str:
        state = connection.execute(sa.select(enrolments.c.state).where(*_at(where))).scalar_one_or_none()
        if state == "stopped":
            return "the person was stopped"
        if channel is not None and not allowed(connection, where[0], channel):
            return f"no consent for {channel}"
        return ""


def _enrolment(where: Where) -> sa.Update:
    return sa.update(enrolments).where(*_at(where))


def _at(where: Where) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    return enrolments.c.contact_id == where[0], enrolments.c.sequence == where[1]


def _step(key: Key) -> sa.Update:
    contact_id, sequence, step = key
    return sa.update(sequence_steps).where(
        sequence_steps.c.contact_id == contact_id,
        sequence_steps.c.sequence == sequence,
        sequence_steps.c.step == step,
    )


def _named(where: Where) -> dict[str, str]:
    return {"person": where[0], "of": where[1]}


def _there(connection: sa.Connection, where: Where) -> Row | None:
    found = connection.execute(_ENROLMENT, _named(where)).mappings().one_or_none()
    return None if found is None else dict(found)


def _steps(connection: sa.Connection, where: Where) -> dict[str, Row]:
    return {row["step"]: dict(row) for row in connection.execute(_STEPS, _named(where)).mappings()}


def _one(connection: sa.Connection, key: Key) -> Row | None:
    found = connection.execute(_ONE_STEP, {**_named(key[:2]), "at_step": key[2]}).mappings().one_or_none()
    return None if found is None else dict(found)


def _add(connection: sa.Connection, key: Key, run_id: str, state: str, **more: Any) -> Row:
    names = zip(("contact_id", "sequence", "step"), key, strict=True)
    nothing = {"began_at": None, "done_at": None, "reference": "", "detail": ""}
    row = {**dict(names), "run_id": run_id, "state": state, **nothing, **more}
    connection.execute(sa.insert(sequence_steps).values(**row))
    return row

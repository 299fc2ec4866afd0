"""Members: the people of an audience as we keep them, whether or not the platform has them yet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from actors.growth.campaigns_settings import CampaignsSettings
from actors.growth.field_mapping import FieldMapping, Value
from actors.growth.mailchimp_models import member_id
from actors.growth.member_merge import MemberRow, change, task_of
from pipeline import InvalidInput
from pipeline.database import Database, get_database

if TYPE_CHECKING:
    from actors.growth.stores.campaigns import MemberRows, Place


class Members:
    """The members in a database, by default this process's; what is changed here is told the platform by a sync."""

    def __init__(self, database: Database | None = None, mapping: FieldMapping | None = None) -> None:
        self._database = database
        self._mapping = mapping

    @property
    def database(self) -> Database | None:
        """The database, if it is not this process's."""
        return self._database

    @property
    def mapping(self) -> FieldMapping:
        """The fields that are shared with the platform."""
        return self._mapping or CampaignsSettings.current().mapping

    def find(self, list_id: str, email: str) -> MemberRow | None:
        """Give a member by their address; none if nobody is known by it."""
        found = self.store.rows(list_id, [member_id(email)])
        return next((read(row) for row in found.values()), None)

    def put(self, list_id: str, email: str, fields: Mapping[str, Value], at: datetime) -> None:
        """Add a member, who has to have consented, or change fields of one; raises ``InvalidInput`` for a value."""
        key = member_id(email)
        new = MemberRow(list_id=list_id, id=key, email=email.strip())

        def changed(there: Mapping[str, MemberRow]) -> list[MemberRow]:
            try:
                return [change(there.get(key, new), dict(fields), at, self.mapping)]
            except ValueError as error:
                raise InvalidInput(f"a field of {email}: {error}", field="fields") from None

        self.change(list_id, [key], changed)

    def withdraw(self, list_id: str, email: str, at: datetime) -> None:
        """Take a member's consent back: they are unsubscribed by the next sync, and never added again."""
        key = member_id(email)
        new = MemberRow(list_id=list_id, id=key, email=email.strip())

        def changed(there: Mapping[str, MemberRow]) -> list[MemberRow]:
            row = there.get(key, new)
            return [row.model_copy(update={"withdrawn_at": row.withdrawn_at or at})]

        self.change(list_id, [key], changed)

    def change(
        self,
        list_id: str,
        ids: Sequence[str],
        change: Callable[[Mapping[str, MemberRow]], Iterable[MemberRow]],
        *,
        name: str = "",
        place: Place | None = None,
        now: datetime | None = None,
    ) -> None:
        """Write what ``change`` makes of members, and the place that reading has come to, at once or not at all."""

        def changed(there: Mapping[str, Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
            before = {key: read(row) for key, row in there.items()}
            for row in change(before):
                if row != before.get(row.id):
                    yield self._columns(row)

        self.store.change(list_id, ids, changed, name=name, place=place, now=now)

    def take_back(self, list_id: str) -> int:
        """Mark the members who took consent back as contacts, and those who gave it again; gives how many."""
        number = 0
        for found in self.store.answers(list_id):
            ends = {one.id: None if one.given else one.at for one in found}

            def changed(
                there: Mapping[str, MemberRow], ends: Mapping[str, datetime | None] = ends
            ) -> Iterator[MemberRow]:
                return (row.model_copy(update={"withdrawn_at": ends[key]}) for key, row in there.items())

            self.change(list_id, list(ends), changed)
            number += len(ends)
        return number

    @property
    def store(self) -> MemberRows:
        """Where the rows are."""
        from actors.growth.stores.campaigns import MemberRows

        return MemberRows(self._database or get_database())

    def _columns(self, row: MemberRow) -> dict[str, Any]:
        times = {name: at.isoformat() for name, at in row.changed.items()}
        return {**row.model_dump(), "changed": times, "tags": list(row.tags), "task": task_of(row, self.mapping)}


def read(row: Mapping[str, Any]) -> MemberRow:
    """Give a member as it is in a row of the table."""
    return MemberRow.model_validate(row)

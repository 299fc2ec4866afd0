"""Campaigns and their results in SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from actors.growth.tables.campaigns import campaigns
from pipeline.database import Database

#: Of these nothing changes any more, but their results for a while.
_ENDED = ("sent", "canceled", "canceling", "archived", "removed")


class CampaignRows:
    """Reads and writes campaigns."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, campaign_id: str) -> Mapping[str, Any] | None:
        """Give a campaign; none if it is not known."""
        with self._database.begin() as connection:
            row = connection.execute(sa.select(campaigns).where(campaigns.c.id == campaign_id)).mappings().one_or_none()
        return None if row is None else dict(row)

    def write(self, row: Mapping[str, Any]) -> None:
        """Write a campaign with all its columns."""
        with self._database.begin() as connection:
            key = campaigns.c.id == row["id"]
            if connection.execute(sa.update(campaigns).where(key).values(**row)).rowcount == 0:
                there = connection.execute(sa.select(campaigns.c.id).where(key)).first()
                if there is None:  # a server may count only what differed
                    connection.execute(sa.insert(campaigns).values(**row))

    def open(self, list_id: str, since: datetime) -> list[str]:
        """Give the campaigns that may change still: those not sent, and those sent later than ``since``."""
        with self._database.begin() as connection:
            query = sa.select(campaigns.c.id).where(
                campaigns.c.list_id == list_id,
                campaigns.c.status.not_in(_ENDED) | ((campaigns.c.status == "sent") & (campaigns.c.sent_at > since)),
            )
            return list(connection.scalars(query.order_by(campaigns.c.created_at, campaigns.c.id)))

    def newest(self, list_id: str) -> datetime | None:
        """Say when the newest campaign that is known was begun."""
        with self._database.begin() as connection:
            query = sa.select(campaigns.c.created_at).where(campaigns.c.list_id == list_id)
            return connection.scalars(query.order_by(campaigns.c.created_at.desc()).limit(1)).one_or_none()

    def all(self, list_id: str, limit: int) -> Sequence[Mapping[str, Any]]:
        """Give campaigns, the newest first."""
        with self._database.begin() as connection:
            query = sa.select(campaigns).where(campaigns.c.list_id == list_id)
            query = query.order_by(campaigns.c.created_at.desc(), campaigns.c.id).limit(limit)
            return [dict(row) for row in connection.execute(query).mappings()]

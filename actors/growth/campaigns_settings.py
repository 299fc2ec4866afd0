"""Settings of the exchange with the platform: which fields are shared, and how large its pieces are."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

from pydantic import Field as Described

from actors.growth.field_mapping import MAILCHIMP, Field, FieldMapping
from actors.growth.mailchimp import MOST_MEMBERS, MOST_OPERATIONS
from pipeline.sections import Section


class CampaignsSettings(Section):
    """``DRAMATURG_CAMPAIGNS_...``: ``FIELDS`` is JSON, a list of ``{"ours", "theirs", "kind", "rule"}``."""

    prefix: ClassVar[str] = "DRAMATURG_CAMPAIGNS_"

    fields: tuple[Field, ...] = MAILCHIMP.fields
    #: Members of a page that is read.
    page: int = Described(default=500, ge=2, le=MOST_MEMBERS)
    #: Members of a batch that is sent.
    batch: int = Described(default=500, ge=1, le=MOST_OPERATIONS)
    #: Up to so many are sent one by one, without waiting for a batch.
    direct: int = Described(default=10, ge=0, le=100)
    #: Whether those who are added are asked by the platform to confirm it first.
    double_opt_in: bool = False
    #: How long a batch is left alone between two looks at it.
    poll: timedelta = Described(default=timedelta(seconds=10), gt=timedelta(0))
    #: How far back each exchange begins before the end of the last: clocks of a platform differ.
    overlap: timedelta = Described(default=timedelta(minutes=1), ge=timedelta(0))
    #: For how long after it was sent a campaign's results are read again.
    results_for: timedelta = Described(default=timedelta(days=30), ge=timedelta(0))

    @property
    def mapping(self) -> FieldMapping:
        """The shared fields."""
        return FieldMapping(fields=self.fields)

"""Settings of the exchange with the platform: which fields are shared, and how large its pieces are."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

from pydantic import Field as Described

from actors.growth.field_mapping import MAILCHIMP, Field, FieldMapping
from actors.growth.mailchimp import MOST_MEMBERS, MOST_OPERATIONS
from actors.growth.seconds import Seconds
from pipeline.sections import Section


class CampaignsSettings(Section):
    """Settings of syncs, as ``DRAMATURG_CAMPAIGNS_...``."""

    prefix: ClassVar[str] = "DRAMATURG_CAMPAIGNS_"

    fields: tuple[Field, ...] = Described(
        default=MAILCHIMP.fields, description="the shared fields, as JSON: a list of ours, theirs, kind, rule"
    )
    page: int = Described(default=500, ge=2, le=MOST_MEMBERS, description="members of a page that is read")
    batch: int = Described(default=500, ge=1, le=MOST_OPERATIONS, description="members of a batch that is sent")
    direct: int = Described(default=10, ge=0, le=100, description="up to so many are sent one by one, in no batch")
    double_opt_in: bool = Described(default=False, description="whoever is added is asked to confirm it first")
    poll: Seconds = Described(
        default=timedelta(seconds=10), gt=timedelta(0), description="how long a batch is left alone, in seconds"
    )
    overlap: Seconds = Described(
        default=timedelta(minutes=1), ge=timedelta(0), description="how far back a sync begins, in seconds"
    )
    results_for: Seconds = Described(
        default=timedelta(days=30), ge=timedelta(0), description="how long results are read after a sending, in seconds"
    )

    @property
    def mapping(self) -> FieldMapping:
        """The shared fields."""
        return FieldMapping(fields=self.fields)

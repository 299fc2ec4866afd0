"""What can be set about leads: their sequence, their quiet hours, what is taken for granted of whoever says nothing."""

from __future__ import annotations

from datetime import time, timedelta
from typing import Annotated, ClassVar

from pydantic import AfterValidator, BeforeValidator, Field

from actors.growth.zones import zone_named
from pipeline.sections import Section


def _seconds(value: object) -> object:
    return float(value) if isinstance(value, str) and value.replace(".", "", 1).isdigit() else value


def _region(value: str) -> str:
    if value and not (len(value) == 2 and value.isascii() and value.isalpha()):  # noqa: PLR2004 - ISO 3166's own length
        raise ValueError("is no country in two letters, as in DE")
    return value.upper()


class LeadsSettings(Section):
    """Settings of leads, as ``DRAMATURG_LEADS_...``."""

    prefix: ClassVar[str] = "DRAMATURG_LEADS_"

    sequence: str = Field(default="welcome", description="the sequence of leads that name none")
    region: Annotated[str, AfterValidator(_region)] = Field(
        default="", description="the country of phone numbers that name none, in two letters"
    )
    timezone: Annotated[str, AfterValidator(zone_named)] = Field(
        default="UTC", description="the time zone of whoever tells none, and whose phone does not say it"
    )
    quiet_from: time = Field(default=time(20), description="when quiet hours begin, in the person's own zone")
    quiet_to: time = Field(default=time(9), description="when they end; the same time as they begin: there are none")
    day: Annotated[timedelta, BeforeValidator(_seconds), Field(gt=timedelta(0), le=timedelta(days=1))] = Field(
        default=timedelta(days=1), description="how long a day of a sequence lasts: seconds, to try one out"
    )

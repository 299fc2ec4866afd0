"""A CRM as this project sees it: contacts known by their address, and what happened with them, each noted once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Annotated, Protocol

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_validator

from actors.growth.crm_settings import CrmSettings
from pipeline import Breaker, Limit
from pipeline.errors import Permanent

#: What every actor that calls the CRM names: HubSpot answers 100 calls in ten seconds on every plan, and one note may
#: take a few. Change it by the policy file for a larger plan or another CRM.
LIMIT = Limit("crm", rate=40, per=timedelta(seconds=10), burst=10, concurrency=8)

#: Stands before every actor that calls the CRM.
BREAKER = Breaker("crm", minimum=10)

#: What identifies this project's notes there; as long as the keys of effects are.
Key = Annotated[str, Field(min_length=1, max_length=255)]


class CrmValue(BaseModel):
    """A frozen value; unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class CrmContact(CrmValue):
    """A person to be known in the CRM by an e-mail address; what is empty is not changed there."""

    email: str = Field(min_length=3, max_length=254)
    name: str = Field(default="", max_length=255)
    phone: str = Field(default="", max_length=32, description="in E.164")
    company: str = Field(default="", max_length=255)
    extra: Mapping[str, str] = Field(default_factory=dict, description="further fields, by the CRM's own names")

    @field_validator("email")
    @classmethod
    def _in_lower_case(cls, email: str) -> str:
        if email.count("@") != 1 or not email.isprintable() or " " in email:
            raise ValueError("this is no e-mail address")
        return email.lower()


class CrmActivity(CrmValue):
    """Something that happened with a contact, as a person will read it; plain text."""

    at: AwareDatetime
    kind: str = Field(default="note", max_length=50, description="in a word: note, email, whatsapp, ...")
    title: str = Field(default="", max_length=255)
    text: str = Field(
        default="", max_length=12_000, description="as long as a note of HubSpot may be when it is escaped"
    )


class CrmRecord(CrmValue):
    """A contact as the CRM has it; what else it says is left out."""

    model_config = ConfigDict(extra="ignore")

    id: str
    email: str
    changed_at: AwareDatetime
    name: str = ""
    phone: str = ""
    company: str = ""


class Changes(CrmValue):
    """A page of changed contacts, oldest change first; no cursor on the last one."""

    contacts: tuple[CrmRecord, ...]
    cursor: str | None = None


class Upserted(CrmValue):
    """What became of many contacts: the id of each that was taken, and why each other was not, by address."""

    ids: Mapping[str, str]
    refused: Mapping[str, str] = Field(default_factory=dict)


class Crm(Protocol):
    """A CRM. Each method raises the failures of the pipeline (``RateLimited``, ``AuthFailed``, ``InvalidInput``...)."""

    def upsert_contact(self, contact: CrmContact) -> str:
        """Create the contact of an address, or change it, and give its id; idempotent by nature."""

    def upsert_contacts(self, contacts: Sequence[CrmContact]) -> Upserted:
        """Do so for many; one that is refused spoils no other. Idempotent by nature."""

    def add_activity(self, contact_id: str, activity: CrmActivity, key: str) -> str:
        """Note an activity under a key, in one call, and give its id.

        Whether a call without an answer was done, ``find_activity`` tells: it is the lookup of the effect.
        """

    def find_activity(self, contact_id: str, key: str) -> str | None:
        """Give the id of the activity that was noted under a key; none if there certainly is none."""

    def contacts_changed(self, since: datetime, cursor: str | None = None, limit: int = 100) -> Changes:
        """Give a page of the contacts that changed since then; some may come twice, none is left out."""


def utc_now() -> datetime:
    """Give the time."""
    return datetime.now(UTC)


def crm(now: Callable[[], datetime] = utc_now) -> Crm:
    """Give the CRM that the settings name; raises ``Permanent`` if they name none."""
    return _client(CrmSettings.current(), now)


@lru_cache(maxsize=8)
def _client(settings: CrmSettings, now: Callable[[], datetime]) -> Crm:
    from actors.growth.crm_http import HttpCrm
    from actors.growth.hubspot import HubSpot

    if settings.kind == "hubspot":
        return HubSpot(settings, now=now)
    if settings.kind == "http":
        return HttpCrm(settings)
    raise Permanent("no CRM is set up: DRAMATURG_CRM_KIND names one, hubspot or http")

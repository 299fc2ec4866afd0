"""What is sent to Mailchimp and what comes back, as far as it is used."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

#: How a member stands; ``archived`` is removed from the audience by its owner.
Status = Literal["subscribed", "unsubscribed", "cleaned", "pending", "transactional", "archived"]

#: Statuses in which nobody may be written to any more.
GONE: frozenset[Status] = frozenset({"unsubscribed", "cleaned", "archived"})


def member_id(email: str) -> str:
    """Give the id of a member: the MD5 of the address in lower case."""
    return hashlib.md5(email.strip().lower().encode(), usedforsecurity=False).hexdigest()


class _Read(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    @field_validator("*", mode="before")
    @classmethod
    def _nothing(cls, value: Any, info: Any) -> Any:
        # It says "" where it means none.
        kind = cls.model_fields[info.field_name]
        return kind.get_default(call_default_factory=True) if value in ("", None) and not kind.is_required() else value


class Member(BaseModel):
    """A member as it is to be; who is there already keeps the status they have."""

    model_config = ConfigDict(frozen=True)

    email: str
    merge_fields: dict[str, Any] = Field(default_factory=dict)
    #: The status of somebody who is not in the audience yet.
    status_if_new: Literal["subscribed", "pending", "transactional"] = "subscribed"


class Tag(_Read):
    """A tag of a member."""

    name: str


class MemberState(_Read):
    """A member as Mailchimp has it."""

    id: str
    email_address: str
    status: Status
    merge_fields: dict[str, Any] = Field(default_factory=dict)
    tags: tuple[Tag, ...] = ()
    last_changed: datetime


class MemberPage(_Read):
    """Some of the members, and how many there are in all."""

    members: tuple[MemberState, ...]
    total_items: int


class Recipients(_Read):
    """Whom a campaign goes to."""

    list_id: str = ""


class CampaignTexts(_Read):
    """What a campaign is called."""

    title: str = ""
    subject_line: str = ""


class CampaignState(_Read):
    """A campaign as Mailchimp has it; ``save`` is the status of a draft."""

    id: str
    status: str
    create_time: datetime
    send_time: datetime | None = None
    emails_sent: int = 0
    recipients: Recipients = Field(default_factory=Recipients)
    settings: CampaignTexts = Field(default_factory=CampaignTexts)


class CampaignPage(_Read):
    """Some of the campaigns, and how many there are in all."""

    campaigns: tuple[CampaignState, ...]
    total_items: int


class Bounces(_Read):
    """What could not be delivered."""

    hard_bounces: int = 0
    soft_bounces: int = 0
    syntax_errors: int = 0


class Opens(_Read):
    """How often a campaign was opened."""

    opens_total: int = 0
    unique_opens: int = 0


class Clicks(_Read):
    """How often a link of a campaign was followed."""

    clicks_total: int = 0
    unique_subscriber_clicks: int = 0


class Report(_Read):
    """The results of a campaign that was sent."""

    id: str
    emails_sent: int = 0
    unsubscribed: int = 0
    abuse_reports: int = 0
    bounces: Bounces = Field(default_factory=Bounces)
    opens: Opens = Field(default_factory=Opens)
    clicks: Clicks = Field(default_factory=Clicks)


class Operation(BaseModel):
    """One call of a batch; ``operation_id`` comes back with its result."""

    model_config = ConfigDict(frozen=True)

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: str
    operation_id: str
    body: str | None = None


class Batch(_Read):
    """How far a batch is; its results are at ``response_body_url`` once it is finished."""

    id: str
    status: Literal["pending", "preprocessing", "started", "finalizing", "finished"]
    total_operations: int = 0
    finished_operations: int = 0
    errored_operations: int = 0
    response_body_url: str = ""


class OperationResult(_Read):
    """What one call of a batch answered; ``response`` is the body as text."""

    operation_id: str = ""
    status_code: int
    response: str = ""


class Webhook(_Read):
    """Where Mailchimp tells what happened in an audience."""

    id: str
    url: str
    events: dict[str, bool] = Field(default_factory=dict)
    sources: dict[str, bool] = Field(default_factory=dict)

"""A lead: what a form, a shop or a colleague says about a person; checked, and in one spelling."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from actors.growth.zones import zone_named

#: Where a person can be written to.
Channel = Literal["email", "whatsapp"]

_LOCAL = re.compile(r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_LOCALE = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8})*")
_TAGS = 50
#: As long as an index of every database takes.
_LONGEST_ADDRESS = 191

Text = Annotated[str, Field(max_length=255)]


class Consent(BaseModel):
    """What a person answered when asked whether to be written to, when, and where."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    at: AwareDatetime
    where: Annotated[str, Field(min_length=1, max_length=255)]
    given: bool = True


class Lead(BaseModel):
    """A person who came in; an address or a phone number is needed.

    The address is kept in lower case, the phone number in E.164: ``region`` (or that of the locale, or
    ``DRAMATURG_LEADS_REGION``) is the country of one without. Without a time zone it is that of the phone number, where
    it has but one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    name: Text = ""
    email: str = ""
    region: Annotated[str, Field(pattern=r"^(?:[A-Za-z]{2})?$")] = ""
    locale: str = ""
    phone: Annotated[str, Field(max_length=64)] = ""
    timezone: Annotated[str, Field(validate_default=True)] = ""
    source: Text = ""
    tags: Annotated[tuple[Annotated[str, Field(min_length=1, max_length=100)], ...], Field(max_length=_TAGS)] = ()
    consent: dict[Channel, Consent] = Field(default_factory=dict)
    external_id: Text = ""
    sequence: Annotated[str, Field(max_length=64)] = ""

    @field_validator("email")
    @classmethod
    def _spelled(cls, value: str) -> str:
        return address(value) if value else ""

    @field_validator("locale")
    @classmethod
    def _language(cls, value: str) -> str:
        if value and not _LOCALE.fullmatch(value):
            raise ValueError("is no locale, as in de or pt-BR")
        return value.replace("_", "-")

    @field_validator("phone")
    @classmethod
    def _dialled(cls, value: str, info: ValidationInfo) -> str:
        return e164(value, _region(info)) if value else ""

    @field_validator("timezone")
    @classmethod
    def _zoned(cls, value: str, info: ValidationInfo) -> str:
        return zone_named(value) if value else zone_of(info.data.get("phone", ""))

    @model_validator(mode="after")
    def _reachable(self) -> Lead:
        if not (self.email or self.phone):
            raise ValueError("email or phone is needed")
        return self


def address(text: str) -> str:
    """Give an email address in lower case, its domain in ASCII; raises ``ValueError`` for what is none."""
    local, at, domain = text.lower().rpartition("@")
    try:
        domain = domain.encode("idna").decode()
    except UnicodeError:
        raise ValueError("is no email address: its domain is none") from None
    labels = domain.split(".")
    if not at or len(local) > 64 or not _LOCAL.fullmatch(local):  # noqa: PLR2004 - RFC 5321, 4.5.3.1.1
        raise ValueError("is no email address: what stands before the @ is not letters, digits and single dots")
    if len(labels) < 2 or not all(map(_LABEL.fullmatch, labels)) or labels[-1].isdigit():  # noqa: PLR2004 - a name and a domain
        raise ValueError("is no email address: its domain is none")
    if len(local) + 1 + len(domain) > _LONGEST_ADDRESS:
        raise ValueError(f"is longer than {_LONGEST_ADDRESS} characters")
    return f"{local}@{domain}"


def e164(text: str, region: str = "") -> str:
    """Give a phone number in E.164; raises ``ValueError`` for what is none, or is none in that country."""
    import phonenumbers

    try:
        number = phonenumbers.parse(text, region.upper() or None)
    except phonenumbers.NumberParseException as error:
        if error.error_type == phonenumbers.NumberParseException.INVALID_COUNTRY_CODE and not text.startswith("+"):
            raise ValueError("needs its country: begin with + and the country's code, or give a region") from None
        raise ValueError("is no phone number") from None
    if not phonenumbers.is_valid_number(number):
        raise ValueError("is no phone number that can be dialled" + (f" in {region.upper()}" if region else ""))
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def zone_of(phone: str) -> str:
    """Give the time zone of a phone number in E.164 if its area has but one; empty otherwise."""
    if not phone:
        return ""
    import phonenumbers
    from phonenumbers.timezone import time_zones_for_number

    zones = time_zones_for_number(phonenumbers.parse(phone))
    if len(zones) != 1:
        return ""
    try:
        return zone_named(zones[0])
    except ValueError:  # Etc/Unknown
        return ""


def _region(info: ValidationInfo) -> str:
    from actors.growth.leads_settings import LeadsSettings

    given: str = info.data.get("region", "")
    _, _, after = info.data.get("locale", "").rpartition("-")
    told = after if len(after) == 2 and after.isalpha() else ""  # noqa: PLR2004 - ISO 3166's own length
    return given or told or LeadsSettings.current().region

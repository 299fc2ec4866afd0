"""Which CRM there is and how it is reached: the settings ``DRAMATURG_CRM_...``."""

from __future__ import annotations

from typing import ClassVar, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr, field_validator, model_validator

from pipeline.sections import Section

_HUBSPOT = "https://api.hubapi.com"


class CrmSettings(Section):
    """A CRM: its kind, where it is, and the token of the application that this project is there."""

    prefix: ClassVar[str] = "DRAMATURG_CRM_"

    kind: Literal["hubspot", "http", "none"] = "none"
    token: SecretStr | None = None
    url: str = Field(
        default="", description="of the CRM; HubSpot's own if none is said", pattern=r"^(https?://[^\s@?#]+)?$"
    )
    version: str = Field(
        default="2026-03", description="of HubSpot's interface, by its date", pattern=r"^[0-9A-Za-z.-]+$"
    )
    timezone: str = Field(default="UTC", description="of the HubSpot account: its daily limit ends at midnight there")
    key_property: str = Field(
        default="dramaturg_key",
        description="of HubSpot's notes, a text: which note is whose",
        pattern=r"^[a-z][a-z0-9_]*$",
    )

    @field_validator("timezone")
    @classmethod
    def _known(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ValueError, OSError):  # ZoneInfoNotFoundError is a KeyError
            raise ValueError("is no time zone, as in Europe/Paris") from None
        except KeyError:
            raise ValueError("is no time zone, as in Europe/Paris") from None
        return name

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.kind == "hubspot" and self.token is None:
            raise ValueError("kind hubspot needs a token")
        if self.kind == "http" and not self.url:
            raise ValueError("kind http needs a url")
        return self

    @property
    def base_url(self) -> str:
        """Where the CRM is."""
        return self.url.rstrip("/") or _HUBSPOT

    @property
    def authorization(self) -> dict[str, str]:
        """The header that says who asks."""
        return {} if self.token is None else {"Authorization": f"Bearer {self.token.get_secret_value()}"}

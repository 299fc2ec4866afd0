"""Settings of Mailchimp: keys, the audience, and where its interfaces are."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import ClassVar

from pydantic import Field, SecretStr, model_validator

from actors.growth.seconds import Seconds
from pipeline.sections import Section

_KEY = re.compile(r"[^-\s]+-([a-z]{2,4}\d{1,4})")


class MailchimpSettings(Section):
    """``DRAMATURG_MAILCHIMP_...``: the key ends in the data centre it belongs to, as in ``...-us6``."""

    prefix: ClassVar[str] = "DRAMATURG_MAILCHIMP_"

    api_key: SecretStr | None = Field(default=None, description="of the marketing interface")
    url: str = Field(default="", description="where the marketing interface is, if not where the key says")
    list_id: str = Field(default="", description="the audience that is meant where none is named")
    transactional_key: SecretStr | None = Field(default=None, description="of the interface for single messages")
    transactional_url: str = Field(default="https://mandrillapp.com/api/1.0", description="where that one is")
    timeout: Seconds = Field(
        default=timedelta(seconds=30), gt=timedelta(0), description="how long a call may take, in seconds"
    )

    @model_validator(mode="after")
    def _data_centre(self) -> MailchimpSettings:
        key = self.api_key
        if key is not None and not self.url and not _KEY.fullmatch(key.get_secret_value()):
            raise ValueError("a key ends in its data centre, as in ...-us6; without one say DRAMATURG_MAILCHIMP_URL")
        return self

    @property
    def base_url(self) -> str:
        """Where the marketing interface is; empty while there is no key that says it."""
        if self.url or self.api_key is None:
            return self.url
        found = _KEY.fullmatch(self.api_key.get_secret_value())
        return f"https://{found.group(1)}.api.mailchimp.com/3.0" if found else ""

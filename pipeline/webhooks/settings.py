"""The sources of webhooks that the settings name: where there is a secret, there is an address."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field, SecretStr

from pipeline.environment import SettingsError
from pipeline.sections import Section
from pipeline.webhooks.readers import mailchimp_event, mandrill_events, standard_event, whatsapp_events
from pipeline.webhooks.signatures import HubSignature, MandrillSignature, PathSecret, StandardWebhooks
from pipeline.webhooks.sources import Greeting, Source, no_greeting

#: Meta's bodies have up to 3 MB, Mailchimp Transactional's up to a thousand events.
_MANY = 3 * 1024 * 1024

_LONGEST_CHALLENGE = 500


class WebhooksSettings(Section):
    """The secrets of those who send webhooks; while one is changed, the former holds as the old one."""

    prefix: ClassVar[str] = "DRAMATURG_WEBHOOKS_"

    whatsapp_secret: SecretStr | None = Field(default=None, description="the secret of the app at Meta: it signs")
    whatsapp_old_secret: SecretStr | None = None
    whatsapp_token: SecretStr | None = Field(default=None, description="what Meta is told to ask with: Verify token")
    mailchimp_secret: SecretStr | None = Field(default=None, description="the end of the address given to Mailchimp")
    mailchimp_old_secret: SecretStr | None = None
    mandrill_key: SecretStr | None = Field(
        default=None, description="the key of the webhook at Mailchimp Transactional"
    )
    mandrill_old_key: SecretStr | None = None
    mandrill_url: str = Field(default="", description="the address as written at Mailchimp Transactional: it is signed")
    leads_secret: SecretStr | None = Field(
        default=None, description="signs leads: whsec_ and 24 bytes or more in base64"
    )
    leads_old_secret: SecretStr | None = None


def sources_of(settings: WebhooksSettings) -> list[Source]:
    """Give a source for each secret that is set; raises ``SettingsError`` that names every secret that does not do."""
    mistakes: list[str] = []
    sources: list[Source] = []
    for make in (_whatsapp, _mailchimp, _mandrill, _leads):
        try:
            source = make(settings)
        except ValueError as error:
            mistakes.append(f"{settings.prefix}{make.__name__[1:].upper()}_{error}")
        else:
            sources += [source] if source is not None else []
    if mistakes:
        raise SettingsError(mistakes)
    return sources


def _whatsapp(settings: WebhooksSettings) -> Source | None:
    secrets = _pair("SECRET", settings.whatsapp_secret, settings.whatsapp_old_secret)
    if not secrets:
        return None
    greet = challenge(settings.whatsapp_token.get_secret_value() if settings.whatsapp_token else "")
    return Source("whatsapp", HubSignature(*secrets), "whatsapp.event", whatsapp_events, greet=greet, largest=_MANY)


def _mailchimp(settings: WebhooksSettings) -> Source | None:
    secrets = _pair("SECRET", settings.mailchimp_secret, settings.mailchimp_old_secret)
    if not secrets:
        return None
    return Source("mailchimp", PathSecret(*secrets), "mailchimp.event", mailchimp_event, greet=no_greeting)


def _mandrill(settings: WebhooksSettings) -> Source | None:
    secrets = _pair("KEY", settings.mandrill_key, settings.mandrill_old_key)
    if not secrets:
        return None
    if not settings.mandrill_url:
        raise ValueError("URL: it is signed with the rest, and is not set")
    scheme = MandrillSignature(*secrets, url=settings.mandrill_url)
    return Source("mandrill", scheme, "mandrill.event", mandrill_events, greet=no_greeting, largest=_MANY)


def _leads(settings: WebhooksSettings) -> Source | None:
    secrets = _pair("SECRET", settings.leads_secret, settings.leads_old_secret)
    return Source("leads", StandardWebhooks(*secrets), "lead.created", standard_event) if secrets else None


def _pair(name: str, new: SecretStr | None, old: SecretStr | None) -> tuple[str, ...]:
    if new is None and old is not None:
        raise ValueError(f"{name}: is not set, only the old one is")
    return tuple(secret.get_secret_value() for secret in (new, old) if secret is not None)


def challenge(token: str) -> Greeting:
    """Answer Meta's question whether the address is ours: gives the challenge back to who knows the token."""

    def greet(query: Mapping[str, str]) -> str | None:
        known = bool(token) and hmac.compare_digest(query.get("hub.verify_token", "").encode(), token.encode())
        asked = query.get("hub.challenge", "")
        if not known or query.get("hub.mode") != "subscribe" or len(asked) > _LONGEST_CHALLENGE:
            return None
        return asked

    return greet

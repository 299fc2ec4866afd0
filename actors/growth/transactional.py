"""The transactional interface of Mailchimp (Mandrill): one message to one person, by a template."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from actors.growth.mailchimp_errors import problem_of
from actors.growth.mailchimp_settings import MailchimpSettings
from actors.growth.wire import Reply, Wire
from pipeline import AuthFailed, Breaker, InvalidInput, Limit, Permanent, Transient
from pipeline.errors import Failure, PipelineError, RateLimited

if TYPE_CHECKING:
    from pydantic import SecretStr

#: Stand before every actor that sends a message.
LIMIT = Limit("mailchimp-transactional", concurrency=10)
BREAKER = Breaker("mailchimp-transactional", minimum=10)


class Sending(BaseModel):
    """What became of a message at once; ``reason`` says why it was rejected (``hard-bounce``, ``unsub``, ...)."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str = Field(alias="_id")
    email: str
    status: Literal["sent", "queued", "scheduled", "rejected", "invalid"]
    reason: str | None = Field(default=None, alias="reject_reason")

    @property
    def accepted(self) -> bool:
        """Whether it goes out, or went."""
        return self.status in {"sent", "queued", "scheduled"}


class Transactional:
    """Sends messages. A send cannot be looked up at once nor repeated: wrap it in ``run.effect`` without a lookup."""

    def __init__(self, key: SecretStr, base_url: str, *, timeout: timedelta = timedelta(seconds=30)) -> None:
        self._key = key
        self._wire = Wire("Mailchimp Transactional", base_url, timeout=timeout, explain=explain)

    def send_template(
        self,
        template: str,
        to: str,
        *,
        variables: Mapping[str, Any] | None = None,
        subject: str = "",
        metadata: Mapping[str, str] | None = None,
    ) -> Sending:
        """Send a message by the template's name to one address; the answer says if it was accepted.

        Raises ``InvalidInput`` for an unknown template, ``AuthFailed`` for the key, ``Transient`` for an answer that
        says nothing about the message: it may have been sent.
        """
        message: dict[str, Any] = {
            "to": [{"email": to, "type": "to"}],
            "global_merge_vars": [{"name": name, "content": value} for name, value in (variables or {}).items()],
            "metadata": dict(metadata or {}),
        }
        if subject:
            message["subject"] = subject
        said = {"template_name": template, "template_content": [], "message": message}
        answer = self._call("/messages/send-template", said).json()
        if not isinstance(answer, list) or not answer:
            raise Transient("Mailchimp Transactional answered without saying what became of the message")
        return Sending.model_validate(answer[0])

    def ping(self) -> None:
        """Ask whether the key is good; raises what a call with it would."""
        self._call("/users/ping2", {})

    def close(self) -> None:
        """Close the connections of this process."""
        self._wire.close()

    def _call(self, path: str, said: dict[str, Any]) -> Reply:
        return self._wire.call("POST", path, json={"key": self._key.get_secret_value(), **said})


def transactional(settings: MailchimpSettings | None = None) -> Transactional:
    """Give the account of the settings; raises ``AuthFailed`` if they name none."""
    return _client(settings or MailchimpSettings.current())


@cache
def _client(settings: MailchimpSettings) -> Transactional:
    if settings.transactional_key is None:
        raise AuthFailed("messages need a key: set DRAMATURG_MAILCHIMP_TRANSACTIONAL_KEY")
    return Transactional(settings.transactional_key, settings.transactional_url, timeout=settings.timeout)


def explain(reply: Reply) -> PipelineError | None:
    """Give the failure that an error's name stands for: its status, mostly 500, says nothing."""
    problem = problem_of(reply) or {}
    name = str(problem.get("name", ""))
    told = _named(name, f"Mailchimp Transactional: {name}: {problem.get('message', '')}")
    if told is None and reply.status == 429:  # noqa: PLR2004 - HTTP's own number
        told = RateLimited("Mailchimp Transactional asks for fewer messages")
    if told is not None:
        told.status, told.code = reply.status, name
    return told


def _named(name: str, said: str) -> Failure | None:
    if name == "Invalid_Key":
        return AuthFailed(said)
    if name in {"Unknown_Template", "Invalid_Template"}:
        return InvalidInput(said, field="template")
    if name == "ValidationError":
        return InvalidInput(said)
    if name == "PaymentRequired":
        failure = Permanent(said)
        failure.why = "quota"
        return failure
    if name in {"Unknown_Subaccount", "Unknown_Sender", "Unknown_Message"}:
        return Permanent(said)
    return None

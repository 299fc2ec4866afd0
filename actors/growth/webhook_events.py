"""What is done about webhooks: who says stop is written to no more, and what became of messages is noted."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from actors.growth.stop_words import is_stop
from pipeline import InvalidInput, actor

if TYPE_CHECKING:
    from actors.growth.contacts import Contacts

#: What became of an event: consent was taken back; noted; no news, or nobody here is meant; nothing is to be done.
Done = Literal["withdrawn", "noted", "no_news", "nothing"]

#: The person stopped marketing messages at WhatsApp (error 131050).
_STOPPED_THERE = 131050

M = TypeVar("M", bound="_Told")


def _unix(value: object) -> object:
    """Give a time in Unix seconds, a number or its digits, as a date."""
    digits = str(value) if isinstance(value, int | str) else ""
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 11):  # noqa: PLR2004 - the year 5000
        raise ValueError("is no time in seconds since 1970")
    return datetime.fromtimestamp(int(digits), UTC)


def _mailchimp_time(value: str) -> datetime:
    try:
        return datetime.strptime(value, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        raise ValueError("is no time as 2026-01-31 09:30:00") from None


def _is_time(value: str) -> str:
    _mailchimp_time(value)
    return value


Unix = Annotated[datetime, BeforeValidator(_unix)]
Id = Annotated[str, Field(min_length=1, max_length=191)]
Phone = Annotated[str, Field(pattern=r"^\+?[0-9]{5,20}$")]


class _Told(BaseModel):
    """What others say: more may come along, and is left alone."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)


class WhatsAppEvent(_Told):
    """One event of a WhatsApp webhook, as it came, and the account and number it is about."""

    kind: Literal["message", "status", "error", "other"]
    account: str = ""
    number: str = ""
    field: str = ""
    told: dict[str, Any]
    contact: dict[str, Any] | None = None


class _Text(_Told):
    body: str = ""


class _Button(_Told):
    text: str = ""
    title: str = ""


class _Interactive(_Told):
    button_reply: _Button | None = None


class WhatsAppMessage(_Told):
    """A message that somebody wrote to us; a person without a phone number here has none in it."""

    id: Id
    sender: Phone | None = Field(default=None, alias="from")
    at: Unix = Field(alias="timestamp")
    text: _Text | None = None
    button: _Button | None = None
    interactive: _Interactive | None = None

    @property
    def words(self) -> str:
        """What was written, or what stands on the button that was pressed."""
        if self.text is not None:
            return self.text.body
        pressed = self.button or (self.interactive.button_reply if self.interactive else None)
        return "" if pressed is None else pressed.text or pressed.title


class _Error(_Told):
    code: int
    title: str = ""


class WhatsAppStatus(_Told):
    """What became of a message of ours: sent, delivered, read, failed with its errors."""

    id: Id
    status: Annotated[str, Field(min_length=1, max_length=32)]
    at: Unix = Field(alias="timestamp")
    recipient: Phone | None = Field(default=None, alias="recipient_id")
    errors: tuple[_Error, ...] = ()


class WhatsAppPreference(_Told):
    """What somebody set at WhatsApp itself: that marketing messages are to stop, or may come again."""

    wa_id: Phone
    value: str = ""
    at: Unix = Field(alias="timestamp")


class MailchimpEvent(_Told):
    """One event of an audience at Mailchimp; its time is UTC, and stays as it came."""

    type: str
    fired_at: Annotated[str, AfterValidator(_is_time)]
    data: dict[str, Any] = Field(default_factory=dict)

    @property
    def at(self) -> datetime:
        """When it happened."""
        return _mailchimp_time(self.fired_at)


class MandrillEvent(_Told):
    """One event of a message, or of the deny list, at Mailchimp Transactional."""

    event: str = ""
    type: str = ""
    id: Annotated[str, Field(max_length=191)] = Field(default="", alias="_id")
    ts: Annotated[int, Field(ge=0, lt=10**11)]
    msg: dict[str, Any] = Field(default_factory=dict)

    @property
    def at(self) -> datetime:
        """When it happened."""
        return datetime.fromtimestamp(self.ts, UTC)


class UnreadableWebhook(BaseModel):
    """What was signed rightly and cannot be read: why, and where the original is kept."""

    source: str
    why: str
    original: str
    size: int


@actor(name="whatsapp.event", queue="growth")
def whatsapp_event(event: WhatsAppEvent) -> Done:
    """Take back consent from who says stop, and note what became of a message."""
    if event.kind == "message":
        message = _read(WhatsAppMessage, event.told)
        if message.sender is None or not is_stop(message.words):
            return "nothing"
        return _silence_phone(message.sender, "wrote to stop", message.at)
    if event.kind == "status":
        return _note_status(_read(WhatsAppStatus, event.told))
    if event.field == "user_preferences":
        value = event.told.get("value")
        told = value.get("user_preferences", []) if isinstance(value, dict) else []
        found = [_prefer(_read(WhatsAppPreference, preference)) for preference in told]
        return "withdrawn" if "withdrawn" in found else found[-1] if found else "nothing"
    return "nothing"


@actor(name="mailchimp.event", queue="growth")
def mailchimp_event(event: MailchimpEvent) -> Done:
    """Take back consent to mail when an address was unsubscribed, found dead, or given up for another one."""
    field = {"unsubscribe": "email", "cleaned": "email", "upemail": "old_email"}.get(event.type)
    if field is None:
        return "nothing"
    reason = event.data.get("reason")
    why = f"{event.type} at Mailchimp" + (f" ({reason})" if isinstance(reason, str) and reason else "")
    return _silence_mail(_text(event.data, field), why, event.at)


@actor(name="mandrill.event", queue="growth")
def mandrill_event(event: MandrillEvent) -> Done:
    """Note what became of a mail; take back consent when it bounced for good, was unwanted, or was unsubscribed."""
    if not event.event:
        return "nothing"  # the deny list changed: what led to that is told by events of its own
    if event.id:
        _contacts().note_delivery(event.id, event.event, event.at)
    if event.event in {"hard_bounce", "spam", "unsub"}:
        return _silence_mail(_text(event.msg, "email"), f"{event.event} at Mailchimp Transactional", event.at)
    return "noted" if event.id else "nothing"


@actor(name="webhook.unreadable", queue="growth")
def unreadable(webhook: UnreadableWebhook) -> None:
    """Stand among the dead letters for what could not be read; its original is in the blob store."""
    raise InvalidInput(
        f"A webhook of {webhook.source} cannot be read: {webhook.why} Its {webhook.size} bytes are kept as the blob"
        f" {webhook.original}.",
        field="webhook",
    )


def spellings(number: str) -> list[str]:
    """Give a WhatsApp number in E.164, and as it is dialled where WhatsApp keeps an older spelling."""
    digits = number.lstrip("+")
    found = [f"+{digits}"]
    if digits.startswith("521") and len(digits) == 13:  # noqa: PLR2004 - Mexico: mobiles lost their 1 in 2019
        found.append(f"+52{digits[3:]}")
    if digits.startswith("55") and len(digits) == 12:  # noqa: PLR2004 - Brazil: mobiles got a 9 before the number
        found.append(f"+{digits[:4]}9{digits[4:]}")
    return found


def _note_status(status: WhatsAppStatus) -> Done:
    _contacts().note_delivery(status.id, status.status, status.at)
    if status.recipient is not None and any(error.code == _STOPPED_THERE for error in status.errors):
        return _silence_phone(status.recipient, "stopped marketing messages at WhatsApp", status.at)
    return "noted"


def _prefer(preference: WhatsAppPreference) -> Done:
    if preference.value != "stop":
        return "nothing"  # who lets messages come again has not told us so
    return _silence_phone(preference.wa_id, "stopped marketing messages at WhatsApp", preference.at)


def _silence_phone(number: str, why: str, at: datetime) -> Done:
    # All spellings, and not the first that fits: two people may be known by them.
    taken = [_contacts().withdraw("whatsapp", phone=phone, why=why, at=at) for phone in spellings(number)]
    return "withdrawn" if any(taken) else "no_news"


def _silence_mail(email: str, why: str, at: datetime) -> Done:
    return "withdrawn" if _contacts().withdraw("email", email=email, why=why, at=at) else "no_news"


def _contacts() -> Contacts:
    from actors.growth.contacts import Contacts

    return Contacts()


def _text(told: dict[str, Any], name: str) -> str:
    value = told.get(name)
    if not isinstance(value, str) or not value:
        raise InvalidInput(f"{name} is no text", field=name)
    return value


def _read(shape: type[M], told: object) -> M:
    try:
        return shape.model_validate(told)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "told"
        raise InvalidInput(f"{shape.__name__}: {field}: {first['msg']}", field=field) from None

"""What steps of sequences do: an actor for each side that is called, behind its limit and its breaker."""

from __future__ import annotations

from datetime import timedelta
from functools import lru_cache

from actors.growth import crm, mailchimp, transactional, whatsapp
from actors.growth.sequence import DECLARED, Does, Done, Order
from actors.growth.sequence_once import Work, once, sequence_rows, work_of
from pipeline import Actor, InvalidInput, Permanent, Retry, Run, actor

_DAY = timedelta(days=1)

#: The language of templates for people who told none.
_LANGUAGE = "en"

#: A message may wait for the end of quiet hours, and for a limit that lasts a day, more than once.
_PATIENT = Retry(attempts=8, base=timedelta(seconds=10), cap=timedelta(minutes=30), patience=30 * _DAY, waits=10_000)


@actor(name="crm.contact", queue="growth", retry=_PATIENT, limits=[crm.LIMIT], breaker=crm.BREAKER)
def upsert_in_crm(order: Order, run: Run) -> Done:
    """Have a person known in the CRM."""
    work = work_of(order)
    return once(work, run, lambda: _in_crm(work), shown=f"CRM contact {work.contact.email}", idempotent=True)


@actor(name="crm.activity", queue="growth", retry=_PATIENT, limits=[crm.LIMIT], breaker=crm.BREAKER)
def note_in_crm(order: Order, run: Run) -> Done:
    """Note in the CRM what happened with a person, once."""
    work = work_of(order)
    key = str(order)

    def note() -> str:
        activity = crm.CrmActivity(at=run.now, title=work.step.text, text=work.step.text)
        return crm.crm().add_activity(_known_in_crm(work), activity, key)

    def find() -> str | None:
        return crm.crm().find_activity(_known_in_crm(work), key)

    return once(work, run, note, shown=f"CRM activity of {work.contact.email}", lookup=find)


@actor(
    name="mailchimp.audience",
    queue="growth",
    retry=_PATIENT,
    limits=[mailchimp.LIMIT],
    breaker=mailchimp.BREAKER,
)
def add_to_audience(order: Order, run: Run) -> Done:
    """Put a person who wants mail into the audience, with the step's tags."""
    work = work_of(order)
    return once(work, run, lambda: _subscribe(work), shown=f"audience {work.contact.email}", idempotent=True)


@actor(
    name="email.message",
    queue="growth",
    retry=_PATIENT,
    limits=[transactional.LIMIT],
    breaker=transactional.BREAKER,
)
def send_email(order: Order, run: Run) -> Done:
    """Send a template by email, once."""
    work = work_of(order)
    shown = f"{work.step.template} to {work.contact.email}"
    return once(work, run, lambda: _mail(work), shown=shown)


@actor(
    name="whatsapp.message",
    queue="growth",
    retry=_PATIENT,
    limits=[whatsapp.THROUGHPUT, whatsapp.PAIR],
    breaker=whatsapp.BREAKER,
)
def send_whatsapp(order: Order, run: Run) -> Done:
    """Send a template by WhatsApp, once."""
    work = work_of(order)
    shown = f"{work.step.template} to {work.contact.phone}"
    return once(work, run, lambda: _write(work), shown=shown)


def _known_in_crm(work: Work) -> str:
    """Give the CRM's id of a person, by an earlier step of the sequence if one asked for it."""
    steps = sequence_rows().steps((work.order.contact, work.order.sequence))
    earlier = [one.name for one in DECLARED[work.order.sequence].steps if one.does == "crm.contact"]
    known = [steps[name]["reference"] for name in earlier if name in steps and steps[name]["state"] == "done"]
    return known[0] if known and known[0] else _in_crm(work)


def _in_crm(work: Work) -> str:
    """Give the CRM's id of a person, who is known there from then on."""
    person = work.contact
    return crm.crm().upsert_contact(crm.CrmContact(email=person.email, name=person.name, phone=person.phone))


def _subscribe(work: Work) -> str:
    from actors.growth.mailchimp_models import Member
    from actors.growth.mailchimp_settings import MailchimpSettings

    audience = MailchimpSettings.current().list_id
    if not audience:
        raise InvalidInput("there is no audience: set DRAMATURG_MAILCHIMP_LIST_ID", field="list_id")
    first, _, last = work.contact.name.partition(" ")
    member = mailchimp.mailchimp().upsert_member(
        audience, Member(email=work.contact.email, merge_fields={"FNAME": first, "LNAME": last})
    )
    if work.step.tags:
        mailchimp.mailchimp().tag(audience, work.contact.email, work.step.tags)
    return member.id


def _mail(work: Work) -> str:
    sent = transactional.transactional().send_template(
        work.step.template,
        work.contact.email,
        variables=_fields(work),
        subject=work.step.text,
        metadata={"step": str(work.order)},
    )
    if not sent.accepted:
        raise Permanent(f"{sent.status}: {sent.reason or 'no reason given'}")
    return sent.id


def _write(work: Work) -> str:
    language = work.step.language or work.contact.locale or _LANGUAGE
    # A template with an empty parameter is refused.
    parameters = [value or "-" for value in _fields(work).values()]
    return _number(whatsapp.WhatsAppSettings.current()).send_template(
        work.contact.phone, work.step.template, language, parameters
    )


@lru_cache(maxsize=4)
def _number(settings: whatsapp.WhatsAppSettings) -> whatsapp.WhatsApp:
    return whatsapp.WhatsApp(settings)


def _fields(work: Work) -> dict[str, str]:
    return {name: str(getattr(work.contact, name)) for name in work.step.parameters}


#: The actor of each thing that a step may do.
DOERS: dict[Does, Actor[Order, Done]] = {
    "crm.contact": upsert_in_crm,
    "crm.activity": note_in_crm,
    "mailchimp.audience": add_to_audience,
    "whatsapp.message": send_whatsapp,
    "email.message": send_email,
}

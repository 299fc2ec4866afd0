"""What steps of sequences do: an actor for each side that is called, behind its limit and its breaker."""

from __future__ import annotations

from datetime import timedelta

from actors.growth import mailchimp, transactional
from actors.growth.sequence import Does, Done, Order
from actors.growth.sequence_once import Work, once, work_of
from pipeline import Actor, InvalidInput, Permanent, Retry, Run, actor

_DAY = timedelta(days=1)

#: A message may wait for the end of quiet hours, and for a limit that lasts a day, more than once.
_PATIENT = Retry(attempts=8, base=timedelta(seconds=10), cap=timedelta(minutes=30), patience=30 * _DAY, waits=10_000)


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


def _fields(work: Work) -> dict[str, str]:
    return {name: str(getattr(work.contact, name)) for name in work.step.parameters}


#: The actor of each thing that a step may do.
DOERS: dict[Does, Actor[Order, Done]] = {
    "mailchimp.audience": add_to_audience,
    "email.message": send_email,
}

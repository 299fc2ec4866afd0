"""What tests of leads share: people, a database of their own, and the outside as it is simulated."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from actors.growth.lead import Lead
from actors.growth.leads_control import Leads
from actors.growth.sequence_actors import _number
from pipeline import sections
from pipeline.actor import bound
from pipeline.database import Database, set_database
from pipeline.testing import Simulation, StillClock
from pipeline.testing.crm import SimulatedCrm
from pipeline.testing.mailchimp import SimulatedMailchimp
from pipeline.testing.whatsapp import SimulatedWhatsApp

#: The audience and the templates there are.
AUDIENCE = "people"
TEMPLATES = ("welcome-follow-up-1", "welcome-follow-up-2", "drip-mail", "drip-last")


@dataclass
class Outside:
    """A day's world: the three systems that leads touch, by one clock, and a simulation."""

    clock: StillClock
    mailchimp: SimulatedMailchimp
    whatsapp: SimulatedWhatsApp
    crm: SimulatedCrm
    here: Simulation

    @property
    def leads(self) -> Leads:
        """People from outside, as the commands act on them, in this simulation."""
        from actors.growth.leads import lead_created

        return Leads(cancel=self.here.cancel, send=lambda lead: self.here.send(lead_created, lead), now=self.clock.now)

    def sent(self) -> list[tuple[str, str, datetime]]:
        """Every message that was accepted: to whom, by which template, when; in their order."""
        mails = [(one.to, one.template, one.at) for one in self.mailchimp.mandrill.sent]
        chats = [(f"+{one.to.lstrip('+')}", one.content["name"], one.at) for one in self.whatsapp.messages.values()]
        return sorted([*mails, *chats], key=lambda row: row[2])


@contextmanager
def outside(
    folder: Path, start: datetime, *, url: str = "", seed: int = 0, deaths: float = 0.0, **settings: str
) -> Iterator[Outside]:
    """Set up the systems, an empty database, and the settings that name them."""
    clock = StillClock(start)
    with ExitStack() as stack:
        mailchimp = stack.enter_context(SimulatedMailchimp(seed, clock=clock.now))
        whatsapp = stack.enter_context(SimulatedWhatsApp(seed, clock=clock.now))
        crm = stack.enter_context(SimulatedCrm(seed, clock=clock.now))
        prepare(mailchimp, whatsapp)
        named = {f"DRAMATURG_LEADS_{name.upper()}": value for name, value in settings.items()}
        stack.enter_context(environment({**addresses(mailchimp, whatsapp, crm), **named}))
        database = Database(url or f"sqlite:///{folder / 'growth.db'}")
        set_database(database)
        stack.callback(database.close)
        before = list(bound)
        bound.clear()  # nothing here may reach a broker
        stack.callback(lambda: bound.__setitem__(slice(None), before))
        yield Outside(clock, mailchimp, whatsapp, crm, Simulation(clock, seed=seed, deaths=deaths))


def prepare(mailchimp: SimulatedMailchimp, whatsapp: SimulatedWhatsApp) -> None:
    """Make the audience and have the templates approved."""
    mailchimp.audience(AUDIENCE)
    mailchimp.mandrill.templates |= set(TEMPLATES)
    whatsapp.template("welcome_hello", "en", parameters=1)
    for name in ("drip_chat_1", "drip_chat_2"):
        whatsapp.template(name, "en", parameters=1)


def addresses(mailchimp: SimulatedMailchimp, whatsapp: SimulatedWhatsApp, crm: SimulatedCrm) -> dict[str, str]:
    """Give the settings of a process that is to call these systems."""
    return {
        **mailchimp.environment,
        "DRAMATURG_MAILCHIMP_LIST_ID": AUDIENCE,
        "DRAMATURG_WHATSAPP_TOKEN": whatsapp.token,
        "DRAMATURG_WHATSAPP_NUMBER_ID": whatsapp.number_id,
        "DRAMATURG_WHATSAPP_URL": whatsapp.url,
        "DRAMATURG_CRM_KIND": "http",
        "DRAMATURG_CRM_URL": crm.url,
        "DRAMATURG_CRM_TOKEN": crm.token,
    }


@contextmanager
def environment(values: Mapping[str, str]) -> Iterator[None]:
    """Set variables, have settings read anew, and take both back."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    sections.forget()
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
        sections.forget()
        _number.cache_clear()


def person(number: int, at: datetime, **more: Any) -> Lead:
    """Give a lead that consented to everything when it came, from Berlin by its phone number."""
    consent = {channel: {"at": at, "where": "the form"} for channel in ("email", "whatsapp")}
    told: dict[str, Any] = {
        "name": f"Person {number}",
        "email": f"person{number}@example.org",
        "phone": f"+4915112{number:06d}",
        "consent": consent,
    }
    return Lead.model_validate(told | more)


@contextmanager
def in_memory() -> Iterator[Path]:
    """A folder in memory where there is one: a day of writing is not to wait for a disk."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(prefix="dt-day-", dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)

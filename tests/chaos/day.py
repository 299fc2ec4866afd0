"""DAY: leads, campaigns and schedules for a day by a still clock; in the end every system is as it has to be."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from actors.growth.campaign_results import Campaigns
from actors.growth.campaigns import Sync, sync
from actors.growth.lead import Lead
from actors.growth.leads import lead_created
from actors.growth.members import Members
from actors.growth.sequence import DECLARED, Sequence, SequenceStep
from actors.growth.webhook_events import MailchimpEvent, WhatsAppEvent, mailchimp_event, whatsapp_event
from pipeline import Run, actor, every
from pipeline.schedule import SCHEDULES
from tests.chaos.stage import Report
from tests.support.growth import AUDIENCE, Outside, in_memory, outside, person

H = timedelta(hours=1)
MINUTE = timedelta(minutes=1)

#: The day on which Europe puts its clocks forward.
START = datetime(2026, 3, 29, tzinfo=UTC)
END = START + 24 * H
LISTS = ("news", "offers")
ZONES = ("Europe/Berlin", "Europe/London", "America/New_York", "America/Sao_Paulo", "Asia/Kolkata", "Asia/Tokyo")

#: Messages, and how long after the one before each is due.
MESSAGES = {"drip_chat_1": 0 * H, "drip-mail": 2 * H, "drip_chat_2": 3 * H}

TICKS: list[datetime] = []


@actor(name="day.tick")
def tick(run: Run) -> None:
    """Write down when it ran."""
    TICKS.append(run.now)


@dataclass(frozen=True)
class Plan:
    """What is to become of one lead: when they come, what they are sent when, and whether they have enough."""

    number: int
    came: datetime
    zone: str
    due: dict[str, datetime]
    lead: Lead
    leaves: str = ""
    left: datetime = END

    @property
    def sent(self) -> list[tuple[str, str]]:
        """Which messages have to have come by the end of the day, to which address or number."""
        return [
            (self.lead.email if name == "drip-mail" else self.lead.phone, name)
            for name, at in self.due.items()
            if at < END and not (at > self.left and self.leaves == ("email" if name == "drip-mail" else "whatsapp"))
        ]


def day(*, seed: int, leads: int, members: int, deaths: float = 0.003) -> Report:
    """Play the day, with odd failures, lost answers, limits and dying workers, and compare all of it."""
    report, dice = Report(), random.Random(seed)
    plans = [_plan(number, dice) for number in range(leads)]
    began = time.monotonic()
    with (
        in_memory() as folder,
        _declared(),
        outside(folder, START, seed=seed, deaths=deaths, sequence="day") as world,
    ):
        here = world.here
        for api in (world.mailchimp, world.whatsapp, world.crm):
            api.flaky(0.02, lost=0.02)
        events = _listen(world)
        for plan in plans:
            _live(world, plan, again=dice.random() < 0.1)
        expected = _audiences(world, members)
        here.schedule(*(every("20 */4 * * *", sync, Sync(list_id=name), name=f"day.sync.{name}") for name in LISTS))
        here.schedule(every("30 2 * * *", tick, timezone="Europe/Berlin", name="day.tick"))
        for step in range(5, 24 * 60, 5):
            here.at(START + step * MINUTE, lambda: _deliver(world, events))
        reviewed = 0
        for half in range(1, 49):
            here.run(START + half * 30 * MINUTE)
            reviewed += _review(world)
        took = time.monotonic() - began
        report.figures |= {
            "leads": leads,
            "runs": len(here.runs),
            "attempts": sum(r.starts for r in here.runs.values()),
        }
        report.figures |= {"messages": len(world.sent()), "reviewed": reviewed, "workers died": here.died}
        report.figures |= {"calls": sum(len(api.calls) for api in (world.mailchimp, world.whatsapp, world.crm))}
        report.figures |= {"took_s": round(took, 1)}
        _compare_messages(report, world, plans)
        _compare_people(report, world, plans)
        _compare_campaigns(report, world, expected)
        report.expect(f"the clock's schedule fires once in the gap: {TICKS}", TICKS == [START + H])
        dead = [(run.actor.actor_name, run.reason) for run in here.runs.values() if run.state == "dead"]
        report.expect(f"no run is dead: {dead}", not dead)
    return report


def _plan(number: int, dice: random.Random) -> Plan:
    """Draw a lead whose messages are due well away from the evening and from midnight: what is late stays so."""
    while True:
        zone = ZONES[number % len(ZONES)]
        came = START + dice.randrange(0, 21 * 60) * MINUTE + timedelta(seconds=dice.randrange(60))
        at, due = came, {}
        for name, after in MESSAGES.items():
            at = _awake(at + after, zone)
            due[name] = at
        evening = any(17 <= when.astimezone(ZoneInfo(zone)).hour < 20 for when in due.values())
        if not evening and not any(END - 2.5 * H < when < END + H for when in due.values()):
            break
    leaves = dice.choice(["", "", "", "", "", "", "email", "whatsapp"])
    left = due["drip_chat_1"] + 1.4 * H
    lead = person(number, came, timezone=zone)
    return Plan(number, came, zone, due, lead, leaves if left < END - H else "", left)


def _awake(at: datetime, zone: str) -> datetime:
    """Give the first minute from then on at which it is day there: by looking at the clock again and again."""
    while not 9 <= at.astimezone(ZoneInfo(zone)).hour < 20:
        at = (at + MINUTE).replace(second=0, microsecond=0)
    return at


def _live(world: Outside, plan: Plan, *, again: bool) -> None:
    """Have a person send the form, some of them twice, and say later that they have had enough."""
    here, lead = world.here, plan.lead
    here.at(plan.came, lambda: here.send(lead_created, lead))
    if again:
        here.at(plan.came + 7 * MINUTE, lambda: here.send(lead_created, lead))
    if plan.leaves == "email":
        here.at(plan.left, lambda: world.mailchimp.unsubscribe(AUDIENCE, lead.email))
    if plan.leaves == "whatsapp":
        here.at(plan.left, lambda: world.whatsapp.write(lead.phone, "STOP"))


def _listen(world: Outside) -> list[MailchimpEvent]:
    events: list[MailchimpEvent] = []

    def changed(kind: str, list_id: str, member: dict[str, object]) -> None:
        if kind == "unsubscribe" and list_id == AUDIENCE:
            told = {"type": kind, "fired_at": f"{world.clock.now():%Y-%m-%d %H:%M:%S}"}
            events.append(MailchimpEvent.model_validate({**told, "data": {"email": member["email_address"]}}))

    world.mailchimp.on_change.append(changed)
    return events


def _deliver(world: Outside, events: list[MailchimpEvent]) -> None:
    """Bring what the others have to tell: all of what people said twice, and some of what became of messages."""
    for event in events * 2:
        world.here.send(mailchimp_event, event)
    for number, (kind, told) in enumerate(world.whatsapp.hooks.waiting):
        heard = WhatsAppEvent(kind="message" if kind == "messages" else "status", told=told)
        for _ in range(2 if kind == "messages" or number % 10 == 0 else 1):
            world.here.send(whatsapp_event, heard)
    events.clear()
    world.whatsapp.hooks.waiting.clear()


def _review(world: Outside) -> int:
    """Be the person: look whether the other side has the message, and say so."""
    asked = world.here.reviews
    there = {(to, template): None for to, template, _ in world.sent()} if asked else {}
    for run in asked:
        assert run.review is not None
        template, _, to = run.review["arguments"].strip("'").partition(" to ")
        world.here.answer(run.id, "done" if (to, template) in there else "undone", "found")
    return len(asked)


def _audiences(world: Outside, members: int) -> dict[str, dict[str, tuple[str, dict[str, str]]]]:
    """Have members on both sides who change during the day, and give how each audience is to be in the end."""
    expected: dict[str, dict[str, tuple[str, dict[str, str]]]] = {}
    for name in LISTS:
        world.mailchimp.audience(name, FNAME="text", LNAME="text")
        campaign = world.mailchimp.campaigns.draft(name, f"Spring {name}", "It is spring")
        world.here.at(START + 9 * H, partial(world.mailchimp.campaigns.send, campaign, members))
        expected[name] = {}
        for number in range(members):
            address = f"{name}{number}@host.tld"
            if number % 2:
                world.mailchimp.subscribe(name, address, FNAME=f"A{number}")
                change = partial(_change_here, world, name, address)
            else:
                Members().put(name, address, {"first_name": f"A{number}"}, START)
                change = partial(world.mailchimp.edit, name, address, LNAME="Theirs")
            fields = {"FNAME": f"A{number}"}
            if number % 3 == 0:
                world.here.at(START + 6 * H + number * timedelta(seconds=7), change)
                fields["LNAME"] = "Ours" if number % 2 else "Theirs"
            if number % 10 == 9:
                world.here.at(START + 13 * H, partial(world.mailchimp.unsubscribe, name, address))
            expected[name][address] = ("unsubscribed" if number % 10 == 9 else "subscribed", fields)
    return expected


def _change_here(world: Outside, name: str, address: str) -> None:
    Members().put(name, address, {"last_name": "Ours"}, world.clock.now())


def _compare_messages(report: Report, world: Outside, plans: list[Plan]) -> None:
    sent = Counter((to, template) for to, template, _ in world.sent())
    wanted = Counter(one for plan in plans for one in plan.sent)
    report.expect(f"missing messages: {list((wanted - sent).items())[:5]}", not wanted - sent)
    report.expect(f"messages too many: {list((sent - wanted).items())[:5]}", not sent - wanted)
    zones = {name: plan.zone for plan in plans for name in (plan.lead.email, plan.lead.phone)}
    nightly = [(to, at) for to, _, at in world.sent() if not 9 <= at.astimezone(ZoneInfo(zones[to])).hour < 20]
    report.expect(f"nothing comes at night: {nightly[:5]}", not nightly)
    late = [
        (to, template)
        for to, template, at in world.sent()
        for plan in plans
        if plan.leaves and at > plan.left + 5 * MINUTE
        if to == (plan.lead.email if plan.leaves == "email" else plan.lead.phone)
    ]
    report.expect(f"nothing comes to who has left: {late[:5]}", not late)
    report.figures |= {
        "doubled": sum(count > 1 for count in sent.values()),
        "at night": len(nightly),
        "to who left": len(late),
    }


def _compare_people(report: Report, world: Outside, plans: list[Plan]) -> None:
    people = {plan.lead.email: plan for plan in plans}
    crm = {one["email"]: one["name"] for one in world.crm.contacts.values()}
    report.expect("the CRM knows everybody once", crm == {at: plan.lead.name for at, plan in people.items()})
    noted = Counter(world.crm.contacts[one["contact"]]["email"] for one in world.crm.activities.values())
    report.expect("with one activity each", noted == Counter(list(people)))
    members = {one.email: (one.status, one.tags) for one in world.mailchimp.audiences[AUDIENCE].members.values()}
    wanted = {at: ("unsubscribed" if plan.leaves == "email" else "subscribed", ["lead"]) for at, plan in people.items()}
    wrong = {at: members.get(at) for at, state in wanted.items() if members.get(at) != state}
    report.expect(f"the audience is as people want it: {list(wrong.items())[:5]}", members == wanted)
    through = {one.who for one in world.leads.standings("completed", limit=10_000)}
    done = {at for at, plan in people.items() if all(when < END for when in plan.due.values())}
    report.expect(f"who is through is through: {list(through ^ done)[:5]}", through == done)
    report.figures |= {"through": len(through)}


def _compare_campaigns(
    report: Report, world: Outside, expected: dict[str, dict[str, tuple[str, dict[str, str]]]]
) -> None:
    names = {one.theirs: one.ours for one in Members().mapping.fields}
    for name in LISTS:
        there = {
            one.email: (one.status, {field: value for field, value in one.merge_fields.items() if value != ""})
            for one in world.mailchimp.audiences[name].members.values()
        }
        wrong = {at: there.get(at) for at, state in expected[name].items() if there.get(at) != state}
        report.expect(f"{name} is there as it is to be: {list(wrong.items())[:3]}", there == expected[name])
        for address, (status, fields) in expected[name].items():
            row = Members().find(name, address)
            ours = None if row is None else (row.status, row.fields)
            wanted = (status, {names[field]: value for field, value in fields.items()})
            report.expect(f"{address} is here as it is to be: {ours}", ours == wanted)
        [campaign] = Campaigns().all(name)
        report.expect(f"the campaign of {name} is known as sent: {campaign}", campaign.status == "sent")
    report.figures |= {"members": sum(len(one) for one in expected.values())}


@contextmanager
def _declared() -> Iterator[None]:
    chat, mail, again = MESSAGES
    Sequence(
        "day",
        SequenceStep("crm", does="crm.contact"),
        SequenceStep("noted", does="crm.activity", text="A new lead."),
        SequenceStep("audience", does="mailchimp.audience", tags=("lead",)),
        SequenceStep("hello", channel="whatsapp", template=chat),
        SequenceStep("mail", after=MESSAGES[mail], channel="email", template=mail),
        SequenceStep("again", after=MESSAGES[again], channel="whatsapp", template=again),
    )
    before = dict(SCHEDULES)
    TICKS.clear()
    try:
        yield
    finally:
        DECLARED.pop("day")
        SCHEDULES.clear()
        SCHEDULES.update(before)

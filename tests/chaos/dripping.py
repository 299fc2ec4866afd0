"""R29: a drip of messages to many people, with workers killed, answers lost, and people who have had enough."""

from __future__ import annotations

import math
import random
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from actors.growth.contacts import Contacts
from actors.growth.leads import lead_created
from pipeline import Send
from pipeline.database import Database, set_database
from pipeline.errors import PipelineError
from pipeline.events import FINAL
from pipeline.review import Reviews
from pipeline.testing.crm import SimulatedCrm
from pipeline.testing.mailchimp import SimulatedMailchimp
from pipeline.testing.whatsapp import SimulatedWhatsApp
from tests.actors import dripping
from tests.chaos.stage import Report, Stage
from tests.support.growth import addresses, environment, person, prepare
from tests.support.processes import Process

_STARTING = timedelta(seconds=6)


@dataclass
class Town:
    """People in six zones, by whose clocks it is evening, night, morning or day while the scenario plays."""

    begun: datetime
    #: When the first zone falls asleep and the fourth wakes up, after the start.
    falls: timedelta
    wakes: timedelta
    #: How long what was let go may be on its way: what comes later than that was sent although it must not be.
    on_its_way: timedelta
    #: When consent was taken back, by address.
    gone: dict[str, datetime] = field(default_factory=dict)

    @property
    def hours(self) -> dict[str, str]:
        """The quiet hours, as settings."""
        begin, end = self.begun + self.falls, self.begun + timedelta(hours=3) + self.wakes
        return {
            "DRAMATURG_LEADS_QUIET_FROM": f"{begin:%H:%M:%S}",
            "DRAMATURG_LEADS_QUIET_TO": f"{end:%H:%M:%S}",
        }

    @staticmethod
    def zone(number: int) -> str:
        """Where a person is: hours east of Greenwich, which these names count the other way."""
        return ("Etc/GMT", "Etc/GMT-1", "Etc/GMT-2", "Etc/GMT-3", "Etc/GMT+1", "Etc/GMT+2")[number % 6]

    def asleep(self, number: int, at: datetime) -> bool:
        """Tell whether somebody was asleep at a time, and when the message was let go, too."""
        where = number % 6
        if where == 0:
            return at > self.begun + self.falls + self.on_its_way
        return where in {1, 2} or (where == 3 and at < self.begun + self.wakes)

    def awake_throughout(self, number: int) -> bool:
        """Tell whether all messages can come to somebody while the scenario plays."""
        return number % 6 in {3, 4, 5}


def drip(
    here: Stage,
    *,
    seed: int,
    contacts: int,
    workers: int,
    every: timedelta,
    storm: timedelta,
    settled: timedelta,
    day: timedelta,
    lost: float = 0.03,
    odd: float = 0.02,
    threads: int = 4,
    on_its_way: timedelta = timedelta(seconds=1),
) -> Report:
    """Send a drip to all of them, and see that no message came twice, after consent was taken back, or at night."""
    report, dice = Report(), random.Random(seed)
    # Workers are there within a few seconds; the hours are counted from then.
    second = timedelta(seconds=1)  # the hours are settings, in whole seconds
    begun = datetime.now(UTC).replace(microsecond=0) + _STARTING
    town = Town(
        begun, falls=storm // (2 * second) * second, wakes=storm // (3 * second) * second, on_its_way=on_its_way
    )
    with _providers(seed, odd, lost) as (mailchimp, whatsapp, crm):
        env = {
            **addresses(mailchimp, whatsapp, crm),
            **town.hours,
            "DRAMATURG_LEADS_DAY": str(day.total_seconds()),
            "DRAMATURG_LEADS_SEQUENCE": "drip",
            "DATABASE_URL": f"sqlite:///{Path(here.folder) / 'growth.db'}",
        }
        with environment(env):
            set_database(Database(env["DATABASE_URL"]))
            crew = _Crew(here, env, workers, threads, dice)
            time.sleep(max(0.0, (town.begun - datetime.now(UTC)).total_seconds()))
            people = [person(number, town.begun, timezone=town.zone(number)) for number in range(contacts)]
            runs = here.accept(lead_created.send_many([Send(payload=one) for one in people]))
            again = here.accept(lead_created.send_many([Send(payload=one) for one in people[::10]]))
            reviewer = _Reviewer(here, mailchimp, whatsapp)
            leavers = dice.sample(range(contacts), max(3, contacts // 8))
            began = time.monotonic()
            while (now := time.monotonic() - began) < storm.total_seconds() + settled.total_seconds():
                states = list(here.states(runs).values())
                _leave(town, leavers, min(1.0, now / storm.total_seconds()))
                if now < storm.total_seconds():
                    crew.kill_one_every(every)
                elif all(state in FINAL for n, state in enumerate(states) if town.awake_throughout(n)):
                    break
                crew.keep_alive(runs)
                reviewer.answer()
                time.sleep(0.2)
            _judge(report, here, town, runs, again, _received(mailchimp, whatsapp))
    report.figures |= {"kills": crew.kills, "reviewed": reviewer.answered, "took_s": round(time.monotonic() - began)}
    report.expect(f"workers were killed: {crew.kills}", crew.kills)
    report.expect(f"what is uncertain is asked about: {reviewer.answered}", reviewer.answered)
    return report


def _judge(
    report: Report,
    here: Stage,
    town: Town,
    runs: list[str],
    again: list[str],
    received: list[tuple[str, str, datetime]],
) -> None:
    numbers: dict[str, int] = {}
    for number in range(len(runs)):
        numbers |= {f"person{number}@example.org": number, f"+4915112{number:06d}": number}
    each = Counter((numbers[to], step) for to, step, _ in received)
    doubled = {key: count for key, count in each.items() if count > 1}
    left = {numbers[address]: at for address, at in town.gone.items()}
    late = [(to, at) for to, _, at in received if numbers[to] in left and at > left[numbers[to]] + town.on_its_way]
    nightly = [(to, at) for to, _, at in received if town.asleep(numbers[to], at)]
    states = here.states(runs)
    unfinished = {
        run: states[run] for n, run in enumerate(runs) if town.awake_throughout(n) and states[run] != "completed"
    }
    lost = []
    for number, run in enumerate(runs):
        if not town.awake_throughout(number) or number in left or run in unfinished:
            continue
        shown = here.inspector.show(run)
        ended = {} if shown is None else {step["step"]: step["state"] for step in shown["result"]["steps"]}
        lost += [(number, step) for step, state in ended.items() if state == "done" and not each[number, step]]
        lost += [(number, step) for step, state in ended.items() if state not in {"done", "uncertain"}]
    report.figures |= {"contacts": len(runs), "messages": len(received), "unsubscribed": len(left)}
    report.figures |= {"doubled": len(doubled), "after unsubscribe": len(late), "in quiet hours": len(nightly)}
    report.figures |= {"finished": sum(state == "completed" for state in states.values()), "lost": len(lost)}
    report.expect(f"no message comes twice: {doubled}", not doubled)
    report.expect(f"nothing comes after consent was taken back: {late}", not late)
    report.expect(f"nothing comes at night: {nightly[:5]}", not nightly)
    report.expect(f"all go through it whose day it is: {unfinished}", not unfinished)
    report.expect(f"nothing is lost: {lost}", not lost)
    others = [here.inspector.result(run) for run in again]
    report.expect("a form that comes again starts nothing", all(b'"steps":[]' in one for one in others if one))


def _received(mailchimp: SimulatedMailchimp, whatsapp: SimulatedWhatsApp) -> list[tuple[str, str, datetime]]:
    with mailchimp.lock, whatsapp.lock:
        mails = [(one.to, dripping.STEPS[one.template], one.at) for one in mailchimp.mandrill.sent]
        chats = [
            (f"+{one.to.lstrip('+')}", dripping.STEPS[one.content["name"]], one.at)
            for one in whatsapp.messages.values()
        ]
    return [*mails, *chats]


def _leave(town: Town, leavers: list[int], part: float) -> None:
    """Have people take back their consent, evenly over the storm."""
    for number in leavers[: math.ceil(len(leavers) * part)]:
        address = f"person{number}@example.org"
        if address not in town.gone and Contacts().withdraw("all", email=address, why="enough", at=datetime.now(UTC)):
            town.gone[address] = datetime.now(UTC)


class _Crew:
    """Workers, killed at random; who dies is replaced."""

    def __init__(self, here: Stage, env: dict[str, str], count: int, threads: int, dice: random.Random) -> None:
        self._here, self._env, self._threads, self._dice = here, env, threads, dice
        self._workers: list[Process] = [self._start(ready=number == count - 1) for number in range(count)]
        self._last = time.monotonic()
        self.kills = 0

    def kill_one_every(self, every: timedelta) -> None:
        """Kill one of them if it is time."""
        if time.monotonic() - self._last > every.total_seconds():
            self._last = time.monotonic()
            ready = [worker for worker in self._workers if worker.alive and "worker_ready" in worker.output]
            if ready:
                self._dice.choice(ready).kill()
                self.kills += 1

    def keep_alive(self, runs: list[str]) -> None:
        """Replace the dead, and queue runs again that a storm stopped by chance."""
        for place, worker in enumerate(self._workers):
            if not worker.alive:
                self._workers[place] = self._start()
        for run in [run for run, state in self._here.states(runs).items() if state == "dead"]:
            if self._here.inspector.retry(run) == 1:
                self._here.final.pop(run, None)

    def _start(self, *, ready: bool = False) -> Process:
        return self._here.worker(
            threads=self._threads, lease=1, modules=(dripping.__name__,), env=self._env, ready=ready
        )


class _Reviewer:
    """The person who looks at the other side, and says what it says; a little later than at once."""

    def __init__(self, here: Stage, mailchimp: SimulatedMailchimp, whatsapp: SimulatedWhatsApp) -> None:
        self._reviews = Reviews(here.store, here.broker.values)
        self._outside = mailchimp, whatsapp
        self.answered = 0

    def answer(self) -> None:
        """Answer what is asked."""
        asked = self._reviews.list(limit=20)
        received = {(to, step) for to, step, _ in _received(*self._outside)} if asked else set()
        for review in asked:
            step = review.name.rpartition(":")[2]
            contact = Contacts().find(id=review.name.partition(":")[0])
            assert contact is not None
            there = {(contact.email, step), (contact.phone, step)} & received
            try:
                if there:
                    self._reviews.done(review.run, "found")
                else:
                    self._reviews.undone(review.run)
            except PipelineError:
                continue  # it was cancelled, or asked anew, meanwhile
            self.answered += 1


@contextmanager
def _providers(
    seed: int, odd: float, lost: float
) -> Iterator[tuple[SimulatedMailchimp, SimulatedWhatsApp, SimulatedCrm]]:
    with ExitStack() as stack:
        mailchimp = stack.enter_context(SimulatedMailchimp(seed))
        whatsapp = stack.enter_context(SimulatedWhatsApp(seed))
        crm = stack.enter_context(SimulatedCrm(seed))
        prepare(mailchimp, whatsapp)
        for one in (mailchimp, whatsapp):
            one.flaky(odd, lost=lost)
        yield mailchimp, whatsapp, crm

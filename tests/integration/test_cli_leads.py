"""``dramaturg leads``: who is where, what was sent to them, and stopping them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from actors.growth.contacts import Contacts
from actors.growth.leads import lead_created
from tests.support.command_line import CommandHere, CommandLine
from tests.support.growth import Outside, outside, person

START = datetime(2026, 6, 5, 13, tzinfo=UTC)
ANN = "person1@example.org"


@pytest.fixture
def world(home: Path) -> Iterator[Outside]:
    """One person a day into the welcome sequence, in the database of the commands."""
    home.mkdir()
    with outside(home, START, url=f"sqlite:///{home / 'dramaturg.db'}") as made:
        made.here.send(lead_created, person(1, START))
        made.here.run(timedelta(days=1))
        yield made


@pytest.fixture
def env(home: Path, redis_url: str) -> dict[str, str]:
    """What every command finds in its environment."""
    return {"DRAMATURG_HOME": str(home), "REDIS_URL": redis_url, "COLUMNS": "200"}


def test_people_are_listed_shown_and_stopped(world: Outside, env: dict[str, str]) -> None:
    """By address or number; what is not known is a mistake of the caller, and says what may be given."""
    dramaturg = CommandHere(env)
    [row] = dramaturg("leads", "ls", "--json").json["leads"]
    assert (row["who"], row["state"], row["next_step"]) == (ANN, "active", "follow-up-1")
    assert ANN in dramaturg("leads", "ls", "--state", "active").stdout
    assert "nobody" in dramaturg("leads", "ls", "--state", "stopped").stdout
    [message] = world.whatsapp.messages
    Contacts().note_delivery(message, "read", START)
    shown = dramaturg("leads", "show", "+4915112000001", "--json").json
    states = {step["step"]: step["state"] for step in shown["steps"]}
    assert (states["hello"], states["follow-up-1"]) == ("done", "to come")
    told = dramaturg("leads", "show", ANN).stdout
    assert all(part in told for part in ("Europe/Berlin", "whatsapp.message", "read", message, "the form"))
    assert "Nobody is known" in dramaturg("leads", "show", "bob@example.org", code=2).stderr
    assert "stopped" in dramaturg("leads", "stop", ANN, "--why", "asked by phone").stdout
    assert "asked by phone" in dramaturg("leads", "ls", "--state", "stopped").stdout
    dramaturg("leads", "stop", ANN, code=2)


def test_a_person_is_resumed_by_a_run_of_their_own(
    world: Outside, env: dict[str, str], home: Path, redis_url: str
) -> None:
    """It is queued for the workers, with what is known of the person."""
    dramaturg = CommandLine(home, env)
    [row] = dramaturg("leads", "resume", ANN, "--json").json["leads"]
    assert (row["state"], row["run"]) == ("active", "")
    [run] = CommandHere(env)("runs", "ls", "--actor", "lead.created", "--json").json["runs"]
    assert run["state"] == "queued"
    assert world.leads.standings()[0].run == ""

"""``campaigns``: a plan is told and nothing is written, a sync does it, and results are listed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from actors.growth.members import Members
from pipeline import sections
from pipeline.testing.mailchimp import SimulatedMailchimp
from tests.chaos.campaigning import AUDIENCE, MODULE, account
from tests.chaos.stage import Stage
from tests.support.command_line import CommandHere, CommandLine

HOSTILE = "\x1b[31mRed\x1b[0m"


@pytest.fixture(autouse=True)
def own_settings() -> Iterator[None]:
    """Read the settings of each test anew, and none of it afterwards."""
    sections.forget()
    yield
    sections.forget()


def _prepare(mailchimp: SimulatedMailchimp) -> str:
    """Add a member on each side, and a campaign that was sent; gives its id."""
    mailchimp.subscribe(AUDIENCE, "there@host.tld", FNAME=HOSTILE)
    Members().put(AUDIENCE, "here@host.tld", {"first_name": "Here"}, datetime.now(UTC))
    spring = mailchimp.campaigns.draft(AUDIENCE, "Spring")
    mailchimp.campaigns.send(spring, 7)
    spring.opens = 5
    return spring.id


def test_a_plan_a_sync_and_its_results(here: Stage, tmp_path: Path) -> None:
    """What the dry run tells is what the sync does; then there is nothing left to tell."""
    with account(here, 0) as (mailchimp, env):
        spring = _prepare(mailchimp)
        env |= {"DRAMATURG_MAILCHIMP_LIST_ID": AUDIENCE}
        command = CommandHere(here.env(**env))
        keys = set(here.store.client.scan_iter("*"))
        planned = command("campaigns", "sync", "--dry-run", "--json").lines
        assert [(one["side"], one["what"], one["kind"]) for one in planned] == [
            ("here", "member", "add"),
            ("there", "member", "add"),
            ("here", "campaign", "add"),
        ]
        assert planned[1]["values"] == {"FNAME": ["", "Here"]}
        told = command("campaigns", "sync", "--dry-run")
        assert "there add         member here@host.tld  FNAME: - -> Here" in told.stdout
        assert "\x1b" not in told.stdout
        assert "3 changes; nothing was written." in told.stderr
        assert set(here.store.client.scan_iter("*")) == keys
        assert all(call.method == "GET" for call in mailchimp.calls)
        here.worker(threads=2, env=env, modules=MODULE)
        done = CommandLine(tmp_path, here.env(**env))("campaigns", "sync", "--json").json
        assert (done["read"], done["changed"], done["told"], done["campaigns"], done["failed"]) == (1, 1, 1, 1, 0)
        assert "the same already" in command("campaigns", "sync", AUDIENCE, "--dry-run").stderr
        listed = command("campaigns", "ls", "--json").json
        assert listed["members"] == {"subscribed": 2}
        assert [(one["id"], one["emails_sent"], one["opens"]) for one in listed["campaigns"]] == [(spring, 7, 5)]
        assert "opens: 5" in command("campaigns", "show", spring).stdout
        assert "There is no campaign nothing" in command("campaigns", "show", "nothing", code=1).stderr


def test_a_plan_makes_no_database_and_needs_an_audience(tmp_path: Path) -> None:
    """Where there is no database an empty one is meant; a setting that is missing is named."""
    with SimulatedMailchimp() as mailchimp:
        mailchimp.audience(AUDIENCE)
        mailchimp.subscribe(AUDIENCE, "there@host.tld")
        database = tmp_path / "none.db"
        env = {**mailchimp.environment, "DATABASE_URL": f"sqlite:///{database}", "DRAMATURG_HOME": str(tmp_path)}
        command = CommandHere(env)
        assert len(command("campaigns", "sync", AUDIENCE, "--dry-run", "--json").lines) == 1
        assert command("campaigns", "ls", AUDIENCE, "--json").json["members"] == {}
        assert not database.exists()
        assert "DRAMATURG_MAILCHIMP_LIST_ID" in command("campaigns", "sync", "--dry-run", code=2).stderr

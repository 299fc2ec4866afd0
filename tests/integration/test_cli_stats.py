"""``dramaturg stats``: what a table, a plot and JSON say of a history, and what they say of none."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import redis

from actors.upkeep.tallies import hour_of
from pipeline.ended import EndedRun, ModelUse
from tests.support.command_line import CommandHere
from tests.support.ended import put, random_runs

#: The namespace that commands work in if they are not told another.
NS = "dramaturg"

HOUR = timedelta(hours=1)


@pytest.fixture
def dramaturg(home: Path, redis_url: str) -> CommandHere:
    """The command, with an empty Redis and an empty home."""
    return CommandHere({"DRAMATURG_HOME": str(home), "REDIS_URL": redis_url, "COLUMNS": "200"})


Put = Callable[[list[EndedRun]], None]


@pytest.fixture
def counted(dramaturg: CommandHere, redis_client: redis.Redis) -> Put:
    """Puts runs into the feed, and rolls them up."""

    def count(runs: list[EndedRun]) -> None:
        put(redis_client, NS, runs)
        assert dramaturg("stats", "rollup", "--json").json["runs"] == len(runs)

    return count


def run(at: datetime, actor: str = "graph.generate", **fields: object) -> EndedRun:
    at_ms = int(at.timestamp() * 1000)
    uses = (ModelUse("openai:gpt-4o", 3, 1000, 200, 1_500_000),)
    made = EndedRun("r", actor, "ai", "acme", "completed", "", 1, at_ms - 3_000, at_ms - 2_000, at_ms, uses)
    return made._replace(**fields)


def test_no_history_is_said_in_a_sentence(dramaturg: CommandHere, home: Path) -> None:
    """And no database is made for it; there is nothing in any hour."""
    assert "Nothing was counted yet" in dramaturg("stats", "--plot").stdout
    told = dramaturg("stats", "--json").json
    assert (told["rows"], told["total"]["runs"], len(told["times"]), told["rolled_up_at"]) == ([], 0, 24, None)
    assert not (home / "dramaturg.db").exists()

    assert dramaturg("stats", "rollup").stdout == "0 runs counted\n"
    assert "No runs ended in this time." in dramaturg("stats").stdout


def test_the_table_tells_what_runs_came_to(dramaturg: CommandHere, counted: Put) -> None:
    """Rates, percentiles, tokens and money, each actor with its own; what nobody has is no column."""
    now = datetime.now(UTC)
    counted([run(now), run(now), run(now, state="dead", reason="timeout"), run(now, actor="mail.send", uses=())])
    lines = dramaturg("stats").stdout.splitlines()

    assert "cancelled" not in lines[1]
    assert lines[2].split() == [
        *("graph.generate", "3", "66.6", "%", "1", "1.0", "s", "1.0", "s", "1.0", "s"),
        *("2.0", "s", "2.0", "s", "2.0", "s", "9", "3,600", "$4.5000"),
    ]
    assert lines[3].split()[:4] == ["mail.send", "1", "100.0", "%"]
    assert lines[4].split()[:4] == ["all", "4", "75.0", "%"]
    by_model = dramaturg("stats", "--by", "model").stdout.splitlines()
    assert [line.split()[0] for line in by_model[2:]] == ["openai:gpt-4o", "-", "all"]


def test_json_has_every_hour(dramaturg: CommandHere, counted: Put) -> None:
    """Also those in which nothing ended, and what was asked for alone."""
    begin = hour_of(int(datetime.now(UTC).timestamp() * 1000))
    runs = random_runs(random.Random(1), 60, begin - 3 * HOUR, 3 * HOUR)
    counted(runs)
    told = dramaturg("stats", "--hours", "6", "--by", "tenant", "--json").json

    assert [time["starts_at"] for time in told["times"]] == [(begin + n * HOUR).isoformat() for n in range(-5, 1)]
    wanted = [sum(bool(run.state) and hour_of(run.ended_ms) == begin + n * HOUR for run in runs) for n in range(-5, 1)]
    assert [time["runs"] for time in told["times"]] == wanted
    assert told["total"]["micros"] == sum(use.micros for run in runs for use in run.uses)
    only = dramaturg("stats", "--hours", "6", "--actor", "graph.generate", "--json").json
    assert {row["name"] for row in only["rows"]} == {"graph.generate"}
    assert only["total"]["runs"] == sum(bool(run.state) and run.actor == "graph.generate" for run in runs)


@pytest.mark.parametrize(("asked", "grain"), [(("--days", "3"), "days"), (("--since", "2026-01-01"), "days")])
def test_days_come_from_their_own_table(
    dramaturg: CommandHere, counted: Put, asked: tuple[str, str], grain: str
) -> None:
    """The day of today is the last one."""
    counted([run(datetime.now(UTC))])
    told = dramaturg("stats", *asked, "--json").json
    assert (told["grain"], told["total"]["runs"], told["times"][-1]["runs"]) == (grain, 1, 1)


def test_a_plot_has_a_bar_for_each_hour(dramaturg: CommandHere, counted: Put) -> None:
    """As long as that hour had runs, and a line of blocks for each name; nothing in names is obeyed."""
    now = datetime.now(UTC)
    counted([run(now), run(now), run(now - HOUR, actor="evil\x1b[31m[red]name")])
    plotted = dramaturg("stats", "--plot", "--hours", "3").stdout

    assert [line.count("█") for line in plotted.splitlines() if line.endswith(("2.0 s", "-")) and ":" in line[:11]] == [
        *(0, 20, 40)
    ]
    assert "··█" in plotted
    assert "·█·" in plotted
    assert "evil[red]name" in plotted
    assert "\x1b" not in plotted


@pytest.mark.parametrize(
    "asked",
    [
        ("--by", "colour"),
        ("--hours", "3", "--days", "3"),
        ("--hours", "0"),
        ("--since", "yesterday"),
        ("--since", "2999-01-01"),
    ],
)
def test_what_cannot_be_meant_is_refused(dramaturg: CommandHere, asked: tuple[str, ...]) -> None:
    """With the exit code of wrong usage."""
    dramaturg("stats", *asked, code=2)

"""``dramaturg schedules``: shows and changes what starts by itself, for people and for scripts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.command_line import CommandHere, CommandLine

JOBS = """
from datetime import timedelta
from pipeline import actor
from pipeline.schedule import every

@actor(name="night.sweep")
def sweep(floor: int) -> None:
    "Sweep."

every("30 2 * * *", sweep, 3, timezone="Europe/Paris", misfire="all")
"""


@pytest.fixture
def run(redis_url: str, tmp_path: Path) -> CommandLine:
    """A folder with a module of schedules, and a Redis."""
    (tmp_path / "jobs.py").write_text(JOBS)
    return CommandLine(tmp_path, {"REDIS_URL": redis_url, "DRAMATURG_HOME": str(tmp_path / "home")})


def test_a_schedule_is_listed_paused_run_and_made_up_for(run: CommandLine) -> None:
    """In the order in which a person would."""
    listed = run("schedules", "ls", "-m", "jobs", "--json").json
    (row,) = (row for row in listed["schedules"] if row["schedule"] == "night.sweep")
    assert row["words"] == "at 02:30 every day (Europe/Paris)"
    assert len(row["next"]) == 5
    assert listed["leaders"] == []
    assert "stats.rollup" in {row["schedule"] for row in listed["schedules"]}

    day = (datetime.now(UTC) - timedelta(days=1)).date()
    span = ("--from", str(day - timedelta(days=3)), "--to", str(day))
    done = run("schedules", "backfill", "night.sweep", "-m", "jobs", *span, "--json").json
    assert (done["ticks"], len(done["new"]), done["known"]) == (3, 3, 0)

    # It is known now, so what follows needs no code of it.
    assert run("schedules", "pause", "night.sweep", "--json").json["outcome"] == "paused"
    shown = run("schedules", "show", "night.sweep", "--json").json
    assert shown["paused_ms"]
    assert [entry["how"] for entry in shown["history"]] == ["backfill"] * 3


def test_a_spec_is_explained_without_redis() -> None:
    """Its words, its times, and what the clocks do to them; what is none is refused with its field."""
    run = CommandHere({"REDIS_URL": "redis://127.0.0.1:1/0"})
    told = run("schedules", "next", "30 2 * * *", "--timezone", "Europe/Paris", "--from", "2026-03-28T12:00").stdout
    assert "Sun 2026-03-29 03:00:00 +0200  (the clock goes forward to 03:00" in told
    assert "hour" in run("schedules", "next", "0 99 * * *", code=2).stderr

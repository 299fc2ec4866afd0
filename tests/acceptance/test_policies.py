"""A deployment's policy file, and changes by hand while workers run, as an operator meets them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.command_line import COMMAND, CommandHere, CommandLine
from tests.support.processes import ROOT, Processes, processes
from tests.support.waiting import eventually

JOBS = '''
import time
from datetime import timedelta
from pydantic import BaseModel
from pipeline import Retry, Transient, actor

class Parcel(BaseModel):
    """What is packed, and for how long."""
    shop: str = "corner"
    for_s: float = 0

@actor(name="parcel.pack", queue="parcels")
def pack(parcel: Parcel) -> str:
    """Pack a parcel."""
    return parcel.shop

@actor(name="parcel.carry", queue="roads")
def carry(parcel: Parcel) -> None:
    """Carry a parcel."""
    time.sleep(parcel.for_s)

@actor(name="parcel.lose", queue="parcels", retry=Retry(attempts=9, base=timedelta(hours=1), cap=timedelta(hours=2)))
def lose(parcel: Parcel) -> str:
    """Lose a parcel, always."""
    raise Transient(f"{parcel.shop}: lost again")
'''

FILE = """
[actors."parcel.lose"]
retry = { attempts = 1 }
limits = []

[actors."parcel.pack"]
limits = ["counter"]

[queues.roads]
at_once = 1

[limits.counter]
rate = 1
per = "1h"
burst = 1

[budgets.day]
usd = 2.50
"""

SOON = timedelta(seconds=20)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A user's folder, with a module of actors and a policy file in it."""
    (tmp_path / "jobs.py").write_text(JOBS)
    (tmp_path / "policies.toml").write_text(FILE)
    return tmp_path


@pytest.fixture
def env(place: Path, redis_url: str) -> dict[str, str]:
    """What everything in this deployment finds in its environment; the file is named as seen from the folder."""
    return {
        "DRAMATURG_HOME": str(place / "home"),
        "DRAMATURG_POLICIES": "policies.toml",
        "DRAMATURG_PROCESSES": "1",
        "DRAMATURG_THREADS": "4",
        "DRAMATURG_SHUTDOWN_GRACE": "5",
        "REDIS_URL": redis_url,
        "COLUMNS": "300",
    }


@pytest.fixture
def dramaturg(place: Path, env: dict[str, str]) -> CommandLine:
    """The command, in a process of its own."""
    return CommandLine(place, env)


@pytest.fixture
def here(env: dict[str, str]) -> CommandHere:
    """The commands that need no actor's code."""
    return CommandHere(env)


@pytest.fixture
def running(place: Path, env: dict[str, str]) -> Iterator[Processes]:
    """Starts workers, and ends them."""
    with processes(place, env) as started:
        yield started


def state(here: CommandHere, run_id: str) -> str:
    told: str = here("runs", "show", run_id, "--json").json["state"]
    return told


def send(place: Path, env: dict[str, str], *jobs: tuple[str, dict[str, object]]) -> list[str]:
    """Send from a process of the user's, and give the ids."""
    script = (
        "import json, sys, jobs\nfrom pipeline.declaration import DECLARED\n"
        "print(json.dumps([DECLARED[name].send(payload).id for name, payload in json.loads(sys.argv[1])]))"
    )
    argv = [sys.executable, "-c", script, json.dumps(jobs)]
    done = subprocess.run(
        argv, cwd=place, env={**os.environ, "PYTHONPATH": str(ROOT), **env}, capture_output=True, check=True, timeout=60
    )
    ids: list[str] = json.loads(done.stdout)
    return ids


def test_a_wrong_file_starts_no_worker_and_names_every_mistake(dramaturg: CommandLine, place: Path) -> None:
    """Also the actor that no module declares, which only a worker's whole set of modules can tell."""
    (place / "policies.toml").write_text(
        '[actors."parcel.pakc"]\ntimeout = "1m"\n[queues.parcel]\nat_once = 1\n'
        '[actors."parcel.pack"]\nlimits = ["nite"]\n'
    )
    told = dramaturg("worker", "jobs", code=2).stderr
    for wanted in (
        "there is no limit 'nite'",
        '[actors."parcel.pakc"]: there is no such actor; there are ',
        "[queues.parcel]: there is no such queue; there are ",
    ):
        assert wanted in told
    (place / "policies.toml").write_text('[actors.x]\ntimeuot = "1m"\n[limit]')
    told = dramaturg("policies", code=2).stderr
    assert "[actors.x]: there is no option timeuot; did you mean timeout?" in told
    assert "[limit]: there is no such section; did you mean limits?" in told


def test_the_file_is_in_force_and_the_hand_is_over_it(
    dramaturg: CommandLine, here: CommandHere, place: Path, env: dict[str, str], running: Processes
) -> None:
    """Attempts, limits and room in a process come from the file; by hand a worker that runs is told otherwise."""
    worker = running.start([*COMMAND, "worker", "jobs"], cwd=place)
    told = dramaturg("policies", "-m", "jobs", "--json").json
    assert told["file"] == str(place / "policies.toml")
    found = {
        row["actor"]: {one["option"]: (one["value"], one["from"]) for one in row["settings"]} for row in told["actors"]
    }
    assert found["parcel.lose"]["retry.attempts"] == (1, "file")
    assert found["parcel.lose"]["retry.base"] == ("1h", "code")
    assert found["parcel.pack"]["limits"] == (["counter"], "file")
    assert found["graph.generate"]["limits"] == (["ai"], "default")

    lost, first, second, on_road, behind = send(
        place,
        env,
        *(("parcel.lose", {}), ("parcel.pack", {}), ("parcel.pack", {})),
        *(("parcel.carry", {"for_s": 4}), ("parcel.carry", {})),
    )
    eventually(lambda: state(here, on_road) == "running", SOON)
    assert here("queues", "drain", "roads", "--json").json["outcome"] == "drained"
    assert (state(here, on_road), state(here, behind)) == ("completed", "queued")
    here("queues", "resume", "roads")
    eventually(lambda: state(here, behind) == "completed", SOON)

    eventually(lambda: state(here, first) == "completed" and state(here, lost) == "dead", SOON)
    (row,) = here("limits", "ls", "counter", "--json").json["limits"]
    assert (row["by_hand"], row["lanes"]) == (False, 1)
    assert row["free_in_ms"] > 1_000_000
    assert state(here, second) == "queued"
    here("limits", "set", "counter", "--rate", "100", "--per", "1s")
    eventually(lambda: state(here, second) == "completed", SOON)

    assert [row["budget"] for row in here("budgets", "ls", "--json").json["budgets"]] == ["day"]
    without = FILE.partition("[budgets.day]")[0]
    (place / "policies.toml").write_text(without)
    worker.send(signal.SIGHUP)  # the processes are replaced one by one, as in a rolling deploy
    eventually(lambda: here("budgets", "ls", "--json").json["budgets"] == [], SOON)
    assert (place / "policies.toml").read_text() == without

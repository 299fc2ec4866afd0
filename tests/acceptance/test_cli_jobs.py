"""``worker``, ``send``, ``runs``, ``dead`` and ``queues``, with a user's own module of actors."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.command_line import COMMAND, CommandHere, CommandLine
from tests.support.processes import Process, processes
from tests.support.redis_server import RedisServer
from tests.support.waiting import eventually

JOBS = '''
import time
from pathlib import Path
from pydantic import BaseModel, Field
from pipeline import Permanent, Retry, Run, actor

class Greeting(BaseModel):
    """Whom to greet, and how often."""
    to: str = Field(min_length=1)
    times: int = 1

@actor(name="greet", queue="mine")
def greet(greeting: Greeting) -> list[str]:
    """Greet."""
    return [f"hello {greeting.to}"] * greeting.times

@actor(name="mend", queue="mine", retry=Retry(attempts=1))
def mend(name: str) -> str:
    """Fail until there is a file of that name."""
    if not Path(name).exists():
        raise Permanent(f"no [bold]{name}\\x1b[31m here")
    return "mended"

@actor(name="dwell", queue="other")
def dwell(run: Run) -> None:
    """Take half a minute, in small steps."""
    for tick in range(300):
        run.progress("dwelling", tick / 3, f"tick {tick}")
        run.check_cancelled()
        time.sleep(0.1)
'''


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's folder, with a module of actors in it."""
    folder = tmp_path_factory.mktemp("user")
    (folder / "my_jobs.py").write_text(JOBS)
    return folder


@pytest.fixture(scope="module")
def shared_redis() -> Iterator[RedisServer]:
    """A Redis that the worker of this module keeps."""
    with RedisServer() as server:
        yield server


@pytest.fixture(scope="module")
def env(place: Path, shared_redis: RedisServer) -> dict[str, str]:
    """What the worker and the commands have in common."""
    return {"DRAMATURG_HOME": str(place / "home"), "REDIS_URL": shared_redis.url}


@pytest.fixture(scope="module")
def worker(place: Path, env: dict[str, str]) -> Iterator[Process]:
    """``dramaturg worker my_jobs``."""
    with processes(place, env) as started:
        running = started.start([*COMMAND, "worker", "my_jobs", "--processes", "1", "--threads", "4"], cwd=place)
        running.wait_for_output("worker_ready", timedelta(seconds=60))
        yield running


@pytest.fixture
def dramaturg(place: Path, env: dict[str, str]) -> CommandLine:
    """The command line in the user's folder."""
    return CommandLine(place, env)


@pytest.fixture
def here(env: dict[str, str]) -> CommandHere:
    """The commands that only look and act on runs, in this process."""
    return CommandHere(env)


@pytest.fixture
def busy(dramaturg: CommandLine, worker: Process) -> CommandLine:
    """The command line beside a worker."""
    assert worker.alive
    return dramaturg


def send(dramaturg: CommandLine, actor: str, *arguments: str) -> str:
    run_id = dramaturg("send", actor, "-m", "my_jobs", *arguments).json["id"]
    assert isinstance(run_id, str)
    return run_id


def state(here: CommandHere, run_id: str) -> str:
    return str(here("runs", "show", run_id, "--json").json["state"])


def kill_one(dramaturg: CommandLine, here: CommandHere, name: str) -> str:
    """A dead run of ``mend``."""
    run_id = send(dramaturg, "mend", "--json", json.dumps(name))
    here("runs", "watch", run_id, "--timeout", "30", code=1)
    return run_id


def test_a_users_own_actors_run_and_the_result_is_printed(busy: CommandLine) -> None:
    """``send --wait`` prints the result, and nothing else."""
    sent = busy("send", "greet", "-m", "my_jobs", "--json", '{"to": "you", "times": 2}', "--wait", "--timeout", "30")

    assert sent.json == ["hello you", "hello you"]
    assert sent.stderr == ""


def test_a_payload_comes_from_stdin_or_a_file(busy: CommandLine, place: Path) -> None:
    """As from the option."""
    (place / "payload.json").write_text('{"to": "file"}')

    from_stdin = busy("send", "greet", "-m", "my_jobs", "--file", "-", "--wait", given='{"to": "stdin"}')
    from_file = busy("send", "greet", "-m", "my_jobs", "--file", "payload.json", "--wait", "--priority", "high:5")

    assert (from_stdin.json, from_file.json) == (["hello stdin"], ["hello file"])


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["greet", "--json", '{"to": 5}'], "to: Input should be a valid string"),
        (["greet", "--json", '{"to": "x"'], "--json: this is not JSON"),
        (["greet"], "payload"),
        (["gret", "--json", "{}"], "Did you mean greet?"),
        (["greet", "--json", '{"to": "x"}', "-m", "no_such_module"], "no_such_module"),
    ],
)
def test_a_bad_job_is_refused_by_the_name_of_what_is_wrong(
    dramaturg: CommandLine, shared_redis: RedisServer, arguments: list[str], named: str
) -> None:
    """The exit code is 2, and nothing was enqueued."""
    with shared_redis.client() as client:
        before = client.keys("*run:*")

        answer = dramaturg("send", "-m", "my_jobs", *arguments, code=2)

        assert named in answer.stderr
        assert answer.stdout == ""
        assert sorted(client.keys("*run:*")) == sorted(before)


def test_waiting_ends_with_the_runs_exit_code(busy: CommandLine, here: CommandHere) -> None:
    """1 for a run that died, with its error; 4 when it takes too long, and it goes on."""
    died = busy("send", "mend", "-m", "my_jobs", "--json", '"nothing"', "--wait", code=1)
    late = busy("send", "dwell", "-m", "my_jobs", "--wait", "--timeout", "0.5", code=4)

    assert "no [bold]nothing here" in died.stderr
    assert "\x1b" not in died.stderr
    assert (died.stdout, late.stdout) == ("", "")
    run_id = late.stderr.split()[-1]
    assert state(here, run_id) in {"queued", "running"}
    assert here("runs", "cancel", run_id, "--json").json["runs"][0]["outcome"] in {"asked", "cancelled"}


def test_a_cancelled_run_stops_and_its_watchers_learn_it(busy: CommandLine, here: CommandHere) -> None:
    """``runs watch`` prints what happens as it happens, and ends with code 3 when the run was cancelled."""
    run_id = send(busy, "dwell")
    eventually(lambda: state(here, run_id) == "running", timedelta(seconds=30))

    assert here("runs", "cancel", run_id, "--json").json == {"runs": [{"id": run_id, "outcome": "asked"}]}
    watched = busy("runs", "watch", run_id, "--json", "--timeout", "30", code=3).lines

    assert [watched[0]["event"], watched[1]["event"], watched[-1]["event"]] == ["queued", "started", "cancelled"]
    assert {"id", "run", "event", "at_ms", "data"} == set(watched[0])
    assert any(one["event"] == "progress" and one["data"]["stage"] == "dwelling" for one in watched)
    here("runs", "cancel", run_id)
    assert "Only dead runs" in here("runs", "retry", run_id, code=1).stderr


def test_watching_may_end_before_the_run(busy: CommandLine, here: CommandHere) -> None:
    """After --timeout the exit code is 4; plain lines tell the same as JSON."""
    run_id = send(busy, "dwell")

    watched = here("runs", "watch", run_id, "--timeout", "1", code=4)

    assert "queued" in watched.stdout
    assert "has not ended" in watched.stderr
    here("runs", "cancel", run_id)


def test_a_dead_run_is_listed_shown_and_retried(busy: CommandLine, here: CommandHere, place: Path) -> None:
    """Its input and its error are kept; retried when the cause is gone, it completes."""
    run_id = kill_one(busy, here, "part")

    listed = [run for run in busy("dead", "ls", "--actor", "mend", "--json").json["runs"] if run["id"] == run_id]
    shown = here("dead", "show", run_id, "--json").json
    (place / "part").write_text("")
    retried = here("dead", "retry", run_id)
    here("runs", "watch", run_id, "--timeout", "30")

    assert listed[0]["error"]["message"].startswith("no [bold]part")
    assert (shown["payload"], shown["reason"]) == ("part", "permanent")
    assert shown["errors"][0]["kind"] == "permanent"
    assert "Traceback" in shown["errors"][0]["traceback"]
    assert f"{run_id}  queued" in retried.stdout
    assert here("runs", "show", run_id, "--json").json["result"] == "mended"
    assert "is not dead" in here("dead", "show", run_id, code=2).stderr


def test_what_is_shown_of_a_dead_run_is_harmless(busy: CommandLine, here: CommandHere) -> None:
    """Markup is text, and escape sequences are gone, in every view of it."""
    run_id = kill_one(busy, here, "other")

    for view in (["dead", "ls"], ["dead", "show", run_id], ["runs", "show", run_id], ["runs", "ls"]):
        assert "\x1b" not in here(*view).stdout
    assert "no [bold]other here" in here("dead", "show", run_id).stdout


def test_bulk_commands_ask_first(busy: CommandLine, here: CommandHere) -> None:
    """They tell how many runs it is about; without an answer nothing happens, with --yes they do it."""
    first, second = kill_one(busy, here, "one"), kill_one(busy, here, "two")

    refused = here("dead", "discard", "--all", "--actor", "mend", code=2)
    neither = here("dead", "retry", code=2)
    both = here("dead", "retry", first, "--all", code=2)
    retried = here("runs", "retry", first).stdout
    here("runs", "watch", first, "--timeout", "30", code=1)
    gone = here("dead", "discard", "--all", "--actor", "mend", "--yes", "--json").json["runs"]

    assert "dead runs for good" in refused.stderr
    assert "--yes" in refused.stderr
    assert "not both" in neither.stderr + both.stderr
    assert f"{first}  queued" in retried
    assert {first, second} <= {run["id"] for run in gone}
    assert here("dead", "ls", "--actor", "mend", "--json").json == {"runs": []}
    assert "There is no run" in here("runs", "show", first, code=2).stderr
    assert here("dead", "discard", "--all", "--actor", "mend").stdout == ""


def test_runs_and_queues_are_listed(busy: CommandLine, here: CommandHere) -> None:
    """By state, queue and actor; a delayed run is in its queue's count."""
    run_id = send(busy, "greet", "--json", '{"to": "later"}', "--delay", "3600", "--group", "acme", "--key", "once")

    assert send(busy, "greet", "--json", '{"to": "later"}', "--key", "once") == run_id
    delayed = here("runs", "ls", "--state", "delayed", "--json").json["runs"]
    queues = busy("queues", "--json").json
    assert run_id in here("runs", "ls", "--queue", "mine").stdout
    assert [(run["id"], run["group"], run["actor"]) for run in delayed] == [(run_id, "acme", "greet")]
    assert {row["queue"]: row["delayed"] for row in queues["queues"]}["mine"] == 1
    assert len(queues["workers"]) == 1
    assert "mine" in here("queues").stdout

    here("runs", "cancel", run_id)


def test_a_worker_that_cannot_start_says_why(dramaturg: CommandLine, place: Path) -> None:
    """A module that does not import and a queue that nobody uses are named, with exit code 2; a Redis away with 5."""
    (place / "broken.py").write_text("from pipeline import nothing_of_this_name\n")

    missing = dramaturg("worker", "no_such_module", code=2)
    broken = dramaturg("worker", "my_jobs", "broken", code=2)
    nobody = dramaturg("worker", "my_jobs", "--queues", "mine,nobodys", code=2)
    away = dramaturg("worker", code=5, REDIS_URL="redis://127.0.0.1:1/0")

    assert "'no_such_module' cannot be imported" in missing.stderr
    assert "'broken' cannot be imported: ImportError" in broken.stderr
    assert "no actor uses nobodys" in nobody.stderr
    assert "does not answer" in away.stderr


def test_a_worker_with_its_own_redis_shares_it_and_ends_it(place: Path, tmp_path: Path) -> None:
    """Without REDIS_URL a command finds the worker of its home; SIGTERM ends the worker, code 0, and Redis with it."""
    env = {"DRAMATURG_HOME": str(tmp_path / "home")}
    with processes(tmp_path, env) as started:
        worker = started.start([*COMMAND, "worker", "my_jobs", "--processes", "1", "--queues", "mine"], cwd=place)
        worker.wait_for_output("worker_ready", timedelta(seconds=60))
        sent = CommandLine(place, env)("send", "greet", "-m", "my_jobs", "--json", '{"to": "home"}', "--wait")
        worker.send(signal.SIGTERM)

        assert sent.json == ["hello home"]
        assert worker.wait(timedelta(seconds=40)) == 0
        assert all(json.loads(line) for line in worker.output.splitlines())
    assert not (tmp_path / "home" / "redis" / "socket").exists()


def test_the_stock_dramatiq_command_works(place: Path, redis_url: str, tmp_path: Path) -> None:
    """``dramatiq pipeline.app my_jobs`` is a worker like ours."""
    env = {
        "DRAMATURG_HOME": str(tmp_path / "home"),
        "REDIS_URL": redis_url,
        "PYTHONPATH": os.pathsep.join([str(place)]),
    }
    with processes(tmp_path, env) as started:
        stock = started.start(
            [COMMAND[0], "-m", "dramatiq", "pipeline.app", "my_jobs", "--processes", "1", "--threads", "2"], cwd=place
        )
        sent = CommandLine(place, env)(
            "send", "greet", "-m", "my_jobs", "--json", '{"to": "stock"}', "--wait", "--timeout", "60"
        )
        stock.terminate()

        assert sent.json == ["hello stock"]
        assert stock.wait(timedelta(seconds=40)) == 0


def test_the_doctor_tells_what_is_right_and_what_is_not(dramaturg: CommandLine) -> None:
    """All is well here; with a Redis out of reach and a wrong model the exit code is 1, and the mend is told."""
    well = dramaturg("doctor", "--json").json
    ill = dramaturg("doctor", "--json", code=1, REDIS_URL="redis://127.0.0.1:1/0").json
    plain = dramaturg("doctor", code=1, DRAMATURG_MODELS="nobody:gpt").stdout

    assert well["ok"] is True
    assert {"ok", "level", "took_s", "findings"} == set(well)
    assert {"level", "check", "what", "mend"} == set(well["findings"][0])
    assert ill["ok"] is False
    assert any(finding["level"] == "error" and finding["mend"] for finding in ill["findings"])
    assert "error" in plain
    assert "DRAMATURG_MODELS" in plain

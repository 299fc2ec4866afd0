"""``dead`` and ``report``: what was given up is found, grouped, mended and sent again; and what came of it is told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.command_line import COMMAND, CommandHere, CommandLine
from tests.support.processes import Process, processes
from tests.support.redis_server import RedisServer
from tests.support.waiting import eventually

JOBS = '''
from pydantic import BaseModel
from pipeline import Permanent, Retry, Run, actor

class Letter(BaseModel):
    """What to send, and where."""
    to: str
    page: int = 1
    about: str = ""

def stamp(letter: Letter) -> str:
    """Put a stamp on it."""
    return "stamped"

@actor(name="post", queue="mine", retry=Retry(attempts=1))
def post(letter: Letter, run: Run) -> str:
    """Refuse what has no address."""
    run.step(stamp, letter)
    if letter.to == "nobody":
        raise Permanent(f"nobody lives at page {letter.page} <b>of | it</b>")
    if letter.to == "noone":
        raise Permanent(f"address of '{letter.about} {letter.page}' is empty")
    return f"sent to {letter.to}"
'''

SENDING = """
import json
from post_jobs import Letter, post
letters = [Letter(to=to, page=n, about="chapter") for n, to in enumerate(["nobody", "nobody", "nobody", "noone"])]
print(json.dumps([handle.id for handle in post.send_many(letters)]))
"""

SOON = timedelta(seconds=30)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's folder, with a module of actors in it."""
    folder = tmp_path_factory.mktemp("post")
    (folder / "post_jobs.py").write_text(JOBS)
    return folder


@pytest.fixture(scope="module")
def env(place: Path) -> Iterator[dict[str, str]]:
    """A Redis of this module, and what its worker and the commands have in common."""
    with RedisServer() as server:
        yield {"DRAMATURG_HOME": str(place / "home"), "REDIS_URL": server.url}


@pytest.fixture(scope="module")
def worker(place: Path, env: dict[str, str]) -> Iterator[Process]:
    """``dramaturg worker post_jobs``."""
    with processes(place, env) as started:
        running = started.start([*COMMAND, "worker", "post_jobs", "--processes", "1", "--threads", "4"], cwd=place)
        running.wait_for_output("worker_ready", timedelta(seconds=60))
        yield running


@pytest.fixture
def dramaturg(place: Path, env: dict[str, str], worker: Process) -> CommandLine:
    """The command line in the user's folder, beside a worker."""
    assert worker.alive
    return CommandLine(place, env)


@pytest.fixture
def here(env: dict[str, str]) -> CommandHere:
    """The commands that only look and act on runs, in this process."""
    return CommandHere(env)


@pytest.fixture
def dead(place: Path, env: dict[str, str], worker: Process, here: CommandHere) -> list[str]:
    """Three runs of one cause, and one of another; nothing else is dead."""
    here("dead", "discard", "--all", "--since", "1d", "--yes")
    sent = subprocess.run(
        [sys.executable, "-c", SENDING],
        cwd=place,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=True,
    )
    ids: list[str] = json.loads(sent.stdout)
    eventually(lambda: len(here("dead", "ls", "--json").json["runs"]) == 4, SOON)
    return ids


def test_dead_runs_are_grouped_mended_and_sent_again(
    dramaturg: CommandLine, here: CommandHere, dead: list[str]
) -> None:
    """A cause at a time: canaries that fail stop the rest, canaries that do not are followed by it."""
    groups = here("dead", "groups", "--json").json["groups"]
    assert [group["count"] for group in groups] == [3, 1]
    cause = groups[0]["group"]
    assert "lives at page" in here("dead", "groups").stdout
    assert {run["id"] for run in here("dead", "ls", "--group", cause, "--json").json["runs"]} == set(dead[:3])

    stopped = here("dead", "retry", "--all", "--group", cause, "--canary", "1", "--yes", code=1)
    assert "1 of 1 failed again; 2 dead runs left as before" in stopped.stderr

    patch = ("--all", "--group", cause, "-m", "post_jobs", "--keep-steps", "--canary", "1", "--yes")
    wrong = dramaturg("dead", "edit", *patch, "--set", "page=one", code=2)
    assert "page" in wrong.stderr
    mended = dramaturg("dead", "edit", *patch, "--set", "to=a@b.c").json["runs"]
    assert {run["id"] for run in mended} == set(dead[:3])
    assert [run["outcome"] for run in mended] == ["completed", "edited", "edited"]
    for run in mended:
        here("runs", "watch", run["run"], "--timeout", "30")
        shown = here("runs", "show", run["run"], "--json").json
        assert (shown["result"], shown["retry_of"], shown["steps"]) == ("sent to a@b.c", run["id"], ["stamp"])
    assert here("dead", "retry", "--all", "--group", cause, "--json", "--yes").json == {"runs": []}, "sent already"
    assert "sent again as" in here("dead", "ls").stdout


def test_a_dead_run_is_edited_in_place_of_the_old_one(
    dramaturg: CommandLine, here: CommandHere, dead: list[str]
) -> None:
    """With a whole payload, and the old one discarded."""
    [run] = dramaturg("dead", "edit", dead[3], "-m", "post_jobs", "--json", '{"to": "x"}', "--discard").json["runs"]
    here("runs", "watch", run["run"], "--timeout", "30")
    assert here("runs", "show", run["run"], "--json").json["result"] == "sent to x"
    assert "There is no run" in here("runs", "show", dead[3], code=2).stderr
    assert "not both" in dramaturg("dead", "edit", dead[0], "--json", "{}", "--set", "a=1", code=2).stderr
    assert "There is no run" in dramaturg("dead", "edit", "nobody", "--set", "a=1", code=2).stderr


def test_all_dead_runs_need_their_number(here: CommandHere, dead: list[str]) -> None:
    """Without a filter --yes is not enough, and a wrong number does nothing."""
    assert "--count 4" in here("dead", "discard", "--all", "--yes", code=2).stderr
    assert "It is about 4 dead runs, not 3" in here("dead", "discard", "--all", "--count", "3", code=2).stderr
    assert len(here("dead", "ls", "--json").json["runs"]) == 4
    gone = here("dead", "discard", "--all", "--count", "4", "--json").json["runs"]
    assert {run["id"] for run in gone} == set(dead)
    assert "--since soon" in here("dead", "ls", "--since", "soon", code=2).stderr


def test_a_report_tells_what_failed_and_whether_another_try_may_help(here: CommandHere, dead: list[str]) -> None:
    """As JSON and as Markdown, in which text is text."""
    told = here("report", dead[0], "--json", code=1).json
    assert (told["status"], told["name"], told["attempts"], told["steps"]) == ("failed", "post", 1, 1)
    [failure] = told["failures"]
    assert (failure["input"]["to"], failure["kind"], failure["retryable"]) == ("nobody", "permanent", False)
    page = here("report", dead[0], "--markdown", code=1).stdout
    assert page.startswith("# post: failed\n")
    assert "&lt;b&gt;of \\| it" in page
    assert "<b>" not in page
    assert "There is no run" in here("report", "nobody", code=2).stderr

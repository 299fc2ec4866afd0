"""``study`` and ``demo`` as people run them, with real worker processes."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from pipeline.engine.embedded import EmbeddedRedis
from tests.support.command_line import COMMAND, CommandLine
from tests.support.left_over import left_over
from tests.support.processes import Processes, processes
from tests.support.redis_server import RedisServer
from tests.support.site import Site, page
from tests.support.waiting import eventually

PACK = {"index.html", "pack.json", "graph.json", "graph.graphml", "quiz.json", "quiz.gift", "quiz.csv"}
SMALL = {"DRAMATURG_PROCESSES": "1", "DRAMATURG_THREADS": "4"}
CELLS = (
    "A mitochondrion is an organelle of the cell. Mitochondria produce adenosine triphosphate. "
    "The nucleus contains the chromosomes. Ribosomes build proteins. The cell membrane is a barrier. "
    "Enzymes speed up chemical reactions. The cytoplasm contains the organelles."
)


@pytest.fixture
def dramaturg(tmp_path: Path, home: Path, redis_url: str) -> CommandLine:
    """The command line with a Redis that runs already."""
    return CommandLine(tmp_path, {**SMALL, "DRAMATURG_HOME": str(home), "REDIS_URL": redis_url})


@pytest.fixture
def running(tmp_path: Path, home: Path, redis_url: str) -> Iterator[Processes]:
    """Commands that are started and then hurt."""
    with processes(tmp_path, {**SMALL, "DRAMATURG_HOME": str(home), "REDIS_URL": redis_url}) as started:
        yield started


@pytest.fixture
def long_text(tmp_path: Path) -> Path:
    """A text that takes a while."""
    sections = (
        f"# Part {n}\n\n"
        + " ".join(f"The {word}{n} of region {n} causes the {word}{n + 1} effect in system {word}." for word in WORDS)
        for n in range(400)
    )
    path = tmp_path / "long.md"
    path.write_text("\n\n".join(sections))
    return path


WORDS = ("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "theta", "kappa", "lambda", "sigma")


def test_the_demo_needs_nothing_and_leaves_nothing_running(tmp_path: Path, home: Path) -> None:
    """With no Redis and no key there is a whole pack, plain lines tell the stages, and every process is gone."""
    dramaturg = CommandLine(tmp_path, {"DRAMATURG_HOME": str(home)})

    answer = dramaturg("demo", "--out", "pack")

    assert {file.name for file in (tmp_path / "pack").iterdir()} == PACK
    assert "complete" in answer.stdout
    assert str(tmp_path / "pack" / "index.html") in answer.stdout
    lines = answer.stderr.splitlines()
    for said in ("reading: parsing", "graph: generating", "quiz: done in", "connections: done in", "pack: done in"):
        assert any(said in line for line in lines), answer.stderr
    assert len(lines) == len(set(lines)), "a stage is told once"
    assert not EmbeddedRedis(home / "redis").is_alive()
    assert left_over(home) == []
    pack = json.loads((tmp_path / "pack" / "pack.json").read_text())
    assert pack["seconds"] > 0
    assert set(pack["stages"]) == {
        "document.extract",
        "graph.generate",
        "quiz.generate",
        "connection.explain",
        "pack.assemble",
    }


def test_bad_documents_spoil_no_good_ones(dramaturg: CommandLine, tmp_path: Path) -> None:
    """The pack is made of the good ones, the bad ones are listed with their reason, and the exit code is 1."""
    (tmp_path / "other").mkdir()
    (tmp_path / "cells.txt").write_text(CELLS)
    (tmp_path / "other" / "cells.txt").write_text(CELLS.replace("cell", "muscle cell"))
    (tmp_path / "bad.pdf").write_bytes(b"%PDF-1.7\nthis is no document")
    (tmp_path / "empty.docx").write_bytes(b"")

    answer = dramaturg(
        "study", "cells.txt", "bad.pdf", "other/cells.txt", "empty.docx", "--json", "--title", "Cells", code=1
    )

    told = answer.json
    assert (told["status"], told["title"]) == ("partial", "Cells")
    assert [(one["document"], one["status"]) for one in told["documents"]] == [
        ("cells.txt", "complete"),
        ("bad.pdf", "failed"),
        ("cells.txt", "complete"),
        ("empty.docx", "failed"),
    ]
    assert all(one["problems"] for one in told["documents"] if one["status"] == "failed")
    assert any("bad.pdf" in problem for problem in told["problems"])
    assert told["concepts"] > 0
    assert set(told["files"]) == PACK
    assert told["out"] == str((tmp_path / "study-pack").resolve())
    assert answer.stderr == ""


def test_an_address_is_studied_like_a_file(tmp_path: Path, home: Path, redis_url: str) -> None:
    """A worker fetches it where the settings allow; one that they do not allow spoils no other, and is told."""
    with Site() as site:
        site.pages["/cells.txt"] = page(CELLS.encode(), content_type="text/plain")
        told = CommandLine(
            tmp_path,
            {
                **SMALL,
                "DRAMATURG_HOME": str(home),
                "REDIS_URL": redis_url,
                "DRAMATURG_FETCH_PRIVATE_NETWORKS": "127.0.0.1/32",
                "DRAMATURG_FETCH_ALLOWED_PORTS": str(site.port),
            },
        )("study", f"http://127.0.0.1:{site.port}/cells.txt?token=sesame", "http://10.0.0.1/x", "--json", code=1).json
    assert [(one["document"], one["status"]) for one in told["documents"]] == [
        ("cells.txt", "complete"),
        ("x", "failed"),
    ]
    assert "port 80 is not one that is fetched from" in told["documents"][1]["problems"][0]
    assert "sesame" not in json.dumps(told)
    assert [path for path, _ in site.requests] == ["/cells.txt?token=sesame"]


def test_with_bad_documents_only_nothing_is_written(dramaturg: CommandLine, tmp_path: Path) -> None:
    """A study without one good document gives no pack, says why, and what is printed of a name is harmless."""
    (tmp_path / "\x1b[31m[bold]red.pdf").write_bytes(b"garbage \x00\x01\x02" * 50)

    answer = dramaturg("study", "\x1b[31m[bold]red.pdf", "--out", "pack", code=1)

    assert not (tmp_path / "pack").exists()
    assert "[bold]red.pdf: failed: " in answer.stdout
    assert "\x1b" not in answer.stdout + answer.stderr


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["study"], "FILE"),
        (["study", "missing.pdf", "here.txt", "folder"], "missing.pdf cannot be read"),
        (["study", "here.txt", "--out", "full"], "--out full"),
    ],
)
def test_wrong_usage_is_named_before_anything_starts(
    tmp_path: Path, home: Path, arguments: list[str], named: str
) -> None:
    """The mistake is named, the exit code is 2, and no Redis and no worker were started for it."""
    (tmp_path / "here.txt").write_text(CELLS)
    (tmp_path / "folder").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.docx").write_text("mine")

    answer = CommandLine(tmp_path, {"DRAMATURG_HOME": str(home)})(*arguments, code=2)

    assert named in " ".join(answer.stderr.split())
    assert not home.exists()
    assert [file.name for file in (tmp_path / "full").iterdir()] == ["thesis.docx"]


def test_wrong_settings_are_named(dramaturg: CommandLine) -> None:
    """Every wrong setting is named by its variable, and the exit code is 2."""
    answer = dramaturg("demo", code=2, DRAMATURG_PROCESSES="none", DRAMATURG_THREDS="2")

    assert "DRAMATURG_PROCESSES" in answer.stderr
    assert "DRAMATURG_THREDS: there is no such setting; did you mean DRAMATURG_THREADS?" in answer.stderr


def test_a_redis_out_of_reach_is_told(dramaturg: CommandLine, tmp_path: Path) -> None:
    """Nothing hangs: the exit code is 5, and the password in the address is not printed."""
    answer = dramaturg("demo", "--out", "pack", code=5, REDIS_URL="redis://me:hunter2hunter2@127.0.0.1:1/0")

    assert "does not answer" in answer.stderr
    assert "hunter2" not in answer.stderr
    assert not (tmp_path / "pack").exists()


def test_a_redis_that_would_lose_runs_is_refused_with_the_mend(dramaturg: CommandLine) -> None:
    """What is wrong with it and what to do are told; the exit code is 78."""
    with RedisServer(config={"appendonly": "no", "maxmemory-policy": "allkeys-lru"}) as unfit:
        answer = dramaturg("demo", code=78, REDIS_URL=unfit.url)

    assert "CONFIG SET appendonly yes" in answer.stderr
    assert "CONFIG SET maxmemory-policy noeviction" in answer.stderr


def test_workers_that_cannot_work_end_the_study(dramaturg: CommandLine, tmp_path: Path) -> None:
    """When every worker dies before it does anything, the study ends with their last words and exit code 5."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(
        "import os, sys\n"
        "if 'pipeline.engine.worker' in sys.orig_argv:\n"
        "    os.write(2, b'the disk of this worker is gone\\n'); os._exit(7)\n"
    )

    answer = dramaturg("demo", "--out", "pack", code=5, PYTHONPATH=str(tmp_path / "site"))

    assert "exit code 7" in answer.stderr
    assert "the disk of this worker is gone" in answer.stderr


def test_ctrl_c_cancels_and_leaves_nothing_running(running: Processes, home: Path, long_text: Path) -> None:
    """The study is cancelled in good order: exit code 3, no traceback, no process, no run that goes on later."""
    command = running.start([*COMMAND, "study", str(long_text), "--out", str(home / "pack")])
    command.wait_for_output("graph: generating")

    command.send(signal.SIGINT)

    assert command.wait(timedelta(seconds=40)) == 3
    assert "Cancelled" in command.output
    assert "Traceback" not in command.output
    assert left_over(home) == []
    assert not (home / "pack").exists()
    listed = CommandLine(home, running.env)("runs", "ls", "--json").json["runs"]
    # One that was in the middle of a step could not wait for its end: the next worker to come finds it cancelled.
    assert all(run["state"] in {"completed", "cancelled"} or run["cancel"] == "1" for run in listed), listed
    assert any(run["state"] == "cancelled" for run in listed)


def test_a_study_that_takes_too_long_is_cancelled(dramaturg: CommandLine, long_text: Path, home: Path) -> None:
    """After --timeout its runs are cancelled, one object says so, and the exit code is 4."""
    answer = dramaturg("study", str(long_text), "--timeout", "2", "--json", code=4)

    assert answer.json["status"] == "timeout"
    assert left_over(home) == []


def test_a_terminal_gets_bars(tmp_path: Path, home: Path, redis_url: str) -> None:
    """On a terminal each stage has a bar that fills."""
    master, slave = pty.openpty()
    env = {**os.environ, **SMALL, "DRAMATURG_HOME": str(home), "REDIS_URL": redis_url, "TERM": "xterm", "COLUMNS": "90"}
    command = subprocess.Popen(
        [*COMMAND, "demo", "--out", "pack"], cwd=tmp_path, env=env, stdin=slave, stdout=slave, stderr=slave
    )
    os.close(slave)
    try:
        shown = read_to_the_end(master, command)
        assert command.wait(10) == 0
    finally:
        command.kill()
        os.close(master)

    assert "━" in shown
    for work in ("reading", "graph", "quiz", "connections", "pack"):
        assert work in shown
    assert "100%" in shown
    assert "index.html" in shown


def read_to_the_end(master: int, command: subprocess.Popen[bytes]) -> str:
    shown, deadline = b"", time.monotonic() + 60
    while time.monotonic() < deadline:
        if select.select([master], [], [], 0.2)[0]:
            try:
                piece = os.read(master, 65_536)
            except OSError:  # Linux says it so when the other side is closed
                break
            shown += piece
        elif command.poll() is not None:
            break
    return shown.decode(errors="replace")


def test_a_former_pack_is_replaced(dramaturg: CommandLine, tmp_path: Path) -> None:
    """The same folder again holds the new pack, and the log of the workers is kept in the home."""
    (tmp_path / "a.txt").write_text(CELLS)
    dramaturg("study", "a.txt", "--title", "First")

    dramaturg("study", "a.txt", "--title", "Second", "--questions", "3")

    pack = json.loads((tmp_path / "study-pack" / "pack.json").read_text())
    assert pack["title"] == "Second"
    assert len(pack["quiz"]["items"]) <= 3
    logs = eventually(lambda: sorted((tmp_path / "home" / "logs").glob("study-*.log")))
    assert all('"worker_ready"' in log.read_text() for log in logs)


def test_a_redis_that_restarts_does_not_end_a_study(tmp_path: Path, home: Path, long_text: Path) -> None:
    """While Redis is away the study waits, says so, and then goes on to a whole pack."""
    with RedisServer() as server, processes(tmp_path, {**SMALL, "DRAMATURG_HOME": str(home)}) as started:
        command = started.start(
            [*COMMAND, "study", str(long_text), "--out", str(tmp_path / "pack")], env={"REDIS_URL": server.url}
        )
        command.wait_for_output("graph: generating", timedelta(seconds=60))
        server.stop()
        command.wait_for_output("Redis does not answer", timedelta(seconds=20))
        server.start()

        assert command.wait(timedelta(seconds=90)) == 0
        assert "complete" in command.output
    assert (tmp_path / "pack" / "index.html").exists()
    assert left_over(home) == []


def test_a_second_ctrl_c_does_not_wait(running: Processes, home: Path, long_text: Path) -> None:
    """Nothing is waited for, and still nothing runs on."""
    command = running.start([*COMMAND, "study", str(long_text), "--out", str(home / "pack")])
    command.wait_for_output("graph: generating")

    command.send(signal.SIGINT)
    command.wait_for_output("Ctrl-C again")
    for _ in range(3):
        command.send(signal.SIGINT)
        time.sleep(0.6)  # as a person does; what comes sooner counts as the same keystroke

    assert command.wait(timedelta(seconds=20)) == 3
    assert "Traceback" not in command.output
    assert left_over(home) == []

"""The lines that are logged, as another program reads them."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from datetime import UTC, datetime, timedelta
from typing import Any

PROLOGUE = """
import io, logging, sys, threading, warnings
import structlog
from pipeline.logs import configure
log = structlog.get_logger()
"""


def run(program: str) -> str:
    """Run a program of its own, for logging belongs to a whole process, and give what it wrote to stderr."""
    done = subprocess.run(
        [sys.executable, "-c", PROLOGUE + textwrap.dedent(program)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    return done.stderr


def lines(program: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in run(program).splitlines()]


def test_a_line_is_one_object_with_time_level_and_what_is_bound() -> None:
    """UTC in RFC 3339, the level's name, and the context of the run, in lines of ours and of libraries."""
    ours, theirs = lines("""
        configure("info", "json")
        structlog.contextvars.bind_contextvars(run_id="r1", attempt=2, correlation_id="c1")
        log.debug("not this one")
        log.info("step.finished", step="split", n=2**70, odd="\\ud800", nested={"é": (1, None)})
        logging.getLogger("dramatiq.worker").debug("nor this one")
        logging.getLogger("httpx").info("nor what a library tells of itself")
        logging.getLogger("dramatiq.worker").warning("%s is late", "Godot")
    """)
    for line in (ours, theirs):
        assert (line["run_id"], line["attempt"], line["correlation_id"]) == ("r1", 2, "c1")
        assert line["timestamp"].endswith("Z")
        assert datetime.now(UTC) - datetime.fromisoformat(line["timestamp"]) < timedelta(minutes=1)
    assert (ours["level"], ours["event"], ours["step"], ours["n"]) == ("info", "step.finished", "split", 2**70)
    assert ours["nested"] == {"é": [1, None]}
    assert (theirs["level"], theirs["event"], theirs["logger"]) == ("warning", "Godot is late", "dramatiq.worker")


def test_secrets_are_taken_out_of_lines_and_tracebacks() -> None:
    """Known values, users in addresses and fields named like secrets go, also where a library logs an exception."""
    text = run("""
        configure("info", "json", secrets=["hunt\\"er22"])
        try:
            raise ValueError('cannot reach redis://me:hunter33@host/0 with hunt"er22')
        except ValueError:
            log.exception("failed", api_key="hunter44", headers={"Authorization": "Bearer hunter55"}, tokens_in=7)
            logging.getLogger("library").exception("failed with password=hunter66")
        log.info("said", items=['in a list: hunt"er22'], other=Exception("token=hunter77"))
        log.info("plain", tokens_in=3)
    """)
    assert "hunter" not in text
    assert "er22" not in text
    ours, theirs, said, plain = (json.loads(line) for line in text.splitlines())
    assert "redis://***@host/0 with ***" in ours["error.stack_trace"]
    assert "Traceback" in theirs["error.stack_trace"]
    assert (ours["api_key"], ours["headers"], ours["tokens_in"]) == ("***", {"Authorization": "***"}, 7)
    assert said["items"] == ["in a list: ***"]
    assert plain["tokens_in"] == 3


def test_warnings_are_lines_too() -> None:
    """What Python warns of goes the same way."""
    (line,) = lines("""
        configure("info", "json")
        warnings.warn("soon gone", UserWarning, stacklevel=1)
    """)
    assert "soon gone" in line["event"]
    assert line["level"] == "warning"


def test_people_get_lines_for_people() -> None:
    """The console format is text without colour where no terminal is, and as clean of secrets."""
    text = run("""
        configure("debug", "console")
        log.debug("step.finished", step="split", password="hunter22")
        logging.getLogger("library").info("said")
    """)
    assert "step.finished" in text
    assert "step=split" in text
    assert "said" in text
    assert "hunter22" not in text
    assert "\x1b[" not in text


def test_a_stream_without_bytes_is_written_in_whole_lines() -> None:
    """The streams that Dramatiq gives its workers take text; what waited goes out with the first warning, in order."""
    text = run("""
        import json
        class Pipe:
            def __init__(self): self.written = []
            def write(self, text): self.written.append(text)
            def flush(self): pass
            def isatty(self): return False
        pipe = Pipe()
        configure("info", "json", stream=pipe)
        log.info("one")
        logging.getLogger("library").warning("two")
        assert all(text.endswith(chr(10)) for text in pipe.written)
        lines = "".join(pipe.written).splitlines()
        sys.stderr.write(" ".join(json.loads(line)["event"] for line in lines))
    """)
    assert text == "one two"


def test_a_line_below_a_warning_is_written_soon_and_at_the_end() -> None:
    """Lines wait for company for a moment only; none is left when the process ends."""
    text = run("""
        import io, time
        file = io.BytesIO()
        stream = io.TextIOWrapper(file)
        configure("info", "json", stream=stream)
        log.info("one")
        limit = time.monotonic() + 5
        while not file.getvalue() and time.monotonic() < limit:
            time.sleep(0.005)
        assert b"one" in file.getvalue()
        configure("info", "json")
        structlog.get_logger("another").info("last")
    """)
    assert '"last"' in text


def test_threads_do_not_mix_their_lines() -> None:
    """Lines of many threads, ours and those of libraries, stay whole."""
    found = lines("""
        configure("info", "json")
        def work():
            for number in range(100):
                log.info("ours", filler="x" * 2000)
                logging.getLogger("library").warning("theirs " + "y" * 2000)
        threads = [threading.Thread(target=work) for _ in range(8)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
    """)
    assert len(found) == 1600


def test_configuring_again_replaces_what_was_there() -> None:
    """A worker may be configured by Dramatiq first and by us afterwards: no line comes twice."""
    (line,) = lines("""
        logging.basicConfig(level=logging.DEBUG)
        configure("info", "console")
        configure("info", "json")
        logging.getLogger("library").warning("once")
    """)
    assert line["event"] == "once"


def test_a_line_says_which_process_and_which_logger_wrote_it() -> None:
    """The standard variables name the service; a logger of ours has its name as a library's has."""
    ours, nameless, failed = lines("""
        import os
        os.environ["OTEL_RESOURCE_ATTRIBUTES"] = "service.version=7%2E1,team=x"
        os.environ["OTEL_SERVICE_NAME"] = "forestry"
        configure("info", "json", worker_id="w1")
        structlog.get_logger("mine").info("said")
        log.info("said")
        try:
            1 / 0
        except ZeroDivisionError:
            structlog.get_logger("mine").exception("failed", error_type="Other")
    """)
    assert (ours["service.name"], ours["service.version"], ours["worker_id"]) == ("forestry", "7.1", "w1")
    assert (ours["logger"], nameless["logger"]) == ("mine", "dramaturg")
    assert isinstance(ours["process.pid"], int)
    assert (failed["error.type"], failed["error.message"], failed["level"]) == ("Other", "division by zero", "error")


def test_the_words_are_elastics_where_they_are_asked_for() -> None:
    """Time, level and message first; what its schema has no word for stands under our name."""
    text = run("""
        configure("info", "ecs", secrets=["hunter22"])
        structlog.get_logger("mine").warning("refused", error="by hunter22", run_id="r1", group="school-4")
    """)
    line = json.loads(text)
    assert list(line)[:3] == ["@timestamp", "log.level", "message"]
    assert (line["message"], line["log.level"], line["log.logger"]) == ("refused", "warning", "mine")
    assert (line["error.message"], line["dramaturg.run_id"], line["dramaturg.group"]) == ("by ***", "r1", "school-4")
    assert line["ecs.version"]
    assert {"service.name", "host.name", "process.pid"} <= set(line)


def test_whoever_looks_decides_the_format() -> None:
    """Text on a terminal, objects anywhere else; text in a line cannot act on the terminal or make a second line."""
    text = run("""
        class Terminal(io.StringIO):
            def isatty(self): return True
        here = Terminal()
        configure("info", "auto", stream=here)
        log.info("said", what="\\x1b[2Jgone\\n12:00:00 [info] forged")
        from pipeline.logs import flush
        flush()
        assert "said" in here.getvalue() and "{" not in here.getvalue()
        assert "[2Jgone" in here.getvalue() and "\\x1b[2J" not in here.getvalue()
        assert here.getvalue().count(chr(10)) == 1
        configure("info", "auto")
        structlog.get_logger("another").info("said")
    """)
    assert json.loads(text)["event"] == "said"


def test_a_library_that_logs_wrongly_hurts_nobody() -> None:
    """Arguments that do not fit their text are told as logging tells them; what is endless is cut."""
    text = run("""
        configure("info", "json")
        logging.getLogger("library").warning("%d apples", "many")
        logging.getLogger("library").warning("x" * 1_000_000)
    """)
    assert "many" in text
    assert len(json.loads(text.splitlines()[-1])["event"]) == 16_000

"""One event loop for all threads of a process: shared, interruptible, and safe across a fork."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from pydantic import BaseModel

from pipeline.errors import Interrupted
from pipeline.llm import Providers, close, configure, generate
from pipeline.testing import Answer, Hang, SimulatedProvider


class Word(BaseModel):
    """An answer."""

    word: str


@pytest.fixture
def provider() -> Iterator[SimulatedProvider]:
    """A provider that is asked by address."""
    configure(Providers())
    with SimulatedProvider() as running:
        yield running
    configure(None)


def until(happened: Callable[[], bool], limit: timedelta = timedelta(seconds=10)) -> float:
    """Wait for something; gives the seconds it took."""
    started = time.monotonic()
    while not happened():
        assert time.monotonic() - started < limit.total_seconds(), "it did not happen in time"
        time.sleep(0.005)
    return time.monotonic() - started


EIGHTY = """
import gc, os, sys, threading
from concurrent.futures import ThreadPoolExecutor
from pydantic import BaseModel
from pipeline import llm

class Word(BaseModel):
    word: str

llm.configure(llm.Providers())
model = sys.argv[1]
ask = lambda number: llm.generate(model, Word, instructions="Say a word.", prompt=str(number)).output.word
ask(0)
files = len(os.listdir("/proc/self/fd"))
with ThreadPoolExecutor(8) as pool:
    words = list(pool.map(ask, range(80)))
threads = [t.name for t in threading.enumerate() if t.name == "language-models"]
print(words.count("yes"), len(threads), len(os.listdir("/proc/self/fd")) - files)
gc.collect()
"""


def test_eighty_calls_of_eight_threads_share_one_loop_and_leave_no_noise(provider):
    """All succeed, connections are shared and bounded, and nothing is said about loops or sockets at the end."""
    model = provider.on("m", Answer({"word": "yes"}, delay=timedelta(milliseconds=20)))
    done = subprocess.run(
        [sys.executable, "-W", "always", "-c", EIGHTY, model],
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    succeeded, loops, more_files = map(int, done.stdout.split())
    assert (done.returncode, done.stderr) == (0, "")
    assert (succeeded, loops) == (80, 1)
    assert more_files <= 8
    assert 2 <= provider.most_at_once <= 8


class Stop(Exception):  # noqa: N818 - what a time limit raises in a thread
    """Raised in a thread from outside."""


def test_an_exception_from_outside_lands_at_once_and_takes_the_request_with_it(provider):
    """A time limit or a shutdown does not wait for a model that says nothing."""
    model = provider.on("m", Hang())
    landed: list[BaseException] = []

    def ask() -> None:
        try:
            generate(model, Word, instructions="Say a word.", prompt="Now.")
        except BaseException as error:  # noqa: BLE001 - what lands is what is tested
            landed.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    until(lambda: bool(provider.calls))
    assert ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), ctypes.py_object(Stop)) == 1
    assert until(lambda: bool(landed)) < 0.5
    assert isinstance(landed[0], Stop)
    assert until(lambda: provider.calls[0].abandoned) < 1
    thread.join(5)


def test_a_forked_process_has_a_loop_of_its_own(provider):
    """Workers may fork after the first call; parent and child both go on."""
    model = provider.on("m", Answer({"word": "yes"}))
    assert generate(model, Word, instructions="Say a word.", prompt="parent").output.word == "yes"
    child = os.fork()
    if child == 0:
        try:
            word = generate(model, Word, instructions="Say a word.", prompt="child").output.word
            os._exit(0 if word == "yes" else 3)
        except BaseException:  # noqa: BLE001 - nothing may escape into the parent's test run
            os._exit(4)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert generate(model, Word, instructions="Say a word.", prompt="parent").output.word == "yes"
    assert sorted(call.prompt for call in provider.calls) == ["child", "parent", "parent"]


def test_closing_interrupts_the_calls_that_run(provider):
    """A process that ends gives its runs back; it does not fail them."""
    model = provider.on("m", Hang())
    landed: list[BaseException] = []

    def ask() -> None:
        try:
            generate(model, Word, instructions="Say a word.", prompt="Now.")
        except BaseException as error:  # noqa: BLE001 - what lands is what is tested
            landed.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    until(lambda: bool(provider.calls))
    close()
    thread.join(5)
    assert [type(error) for error in landed] == [Interrupted]


def test_after_close_the_next_call_starts_anew(provider):
    """Ending the loop ends its thread and its calls, and is not the end of the process."""
    model = provider.on("m", Answer({"word": "yes"}))
    assert generate(model, Word, instructions="Say a word.", prompt="Now.").output.word == "yes"
    close()
    close()
    names = [thread.name for thread in threading.enumerate()]
    assert not [name for name in names if name == "language-models" or name.startswith("asyncio_")]
    assert generate(model, Word, instructions="Say a word.", prompt="Now.").output.word == "yes"

"""The test kit, as somebody uses it who has this framework installed and nothing else of it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from pydantic import BaseModel

from pipeline import Run, actor, errors
from pipeline.outcome import Outcome
from pipeline.testing import (
    Answer,
    Exchange,
    Half,
    Hang,
    MemoryJournal,
    Mixed,
    Outage,
    SimulatedProvider,
    StillClock,
    bad_gateway,
    low_quality,
    overloaded,
    rate_limited,
    run_inline,
    unavailable,
)

ROOT = Path(__file__).parent.parent.parent
S = timedelta(seconds=1)
CLIENT = httpx2.Client(timeout=10, headers={"Authorization": "Bearer hush"})


@pytest.fixture
def provider() -> Iterator[SimulatedProvider]:
    """A provider with the seed 7."""
    with SimulatedProvider(7) as running:
        yield running


def ask(provider: SimulatedProvider, model: str = "m", path: str = "chat/completions", **more: Any) -> httpx2.Response:
    """Ask a model by hand."""
    asked = {"model": model, "messages": [{"role": "user", "content": "Say a word."}]} | more
    return CLIENT.post(f"{provider.url}/{path}", json=asked)


def test_the_example_in_the_guide_runs_outside_of_this_tree(tmp_path: Path) -> None:
    """Written down as it stands there, by somebody with a folder of their own and no settings."""
    guide = (ROOT / "docs" / "testing.md").read_text(encoding="utf-8")
    found = re.search(r"```python\n(# test_haiku\.py\n.*?)```", guide, re.DOTALL)
    assert found is not None
    (tmp_path / "test_haiku.py").write_text(found[1], encoding="utf-8")
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_haiku.py"]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 passed" in done.stdout


def test_everything_in_the_kit_is_in_the_guide() -> None:
    """Whatever the kit offers, but for what its own parts are made of."""
    from pipeline import testing

    guide = (ROOT / "docs" / "testing.md").read_text(encoding="utf-8")
    told = set(re.findall(r"\w+", guide))
    plumbing = {"Behaviour", "Exchange", "InlineRun"}
    assert set(testing.__all__) - plumbing - told == set()


@pytest.mark.parametrize("path", ["chat/completions", "messages"])
def test_a_stream_comes_in_pieces_one_after_another(provider: SimulatedProvider, path: str) -> None:
    """Whoever listens hears the first long before the last, on both interfaces."""
    provider.on("m", Answer("one two three four", every=timedelta(milliseconds=100), piece=4))
    asked = {"model": "m", "messages": [], "stream": True}
    heard, times = "", []
    with httpx2.stream("POST", f"{provider.url}/{path}", json=asked, timeout=10) as answer:
        assert answer.headers["transfer-encoding"] == "chunked"
        for line in answer.iter_lines():
            if line.startswith("data: {"):
                event = json.loads(line.removeprefix("data: "))
                delta = event["choices"][0]["delta"] if event.get("choices") else event.get("delta", {})
                piece = delta.get("content") or delta.get("text")
                if piece:
                    heard += piece
                    times.append(time.monotonic())
    assert heard == "one two three four"
    assert len(times) == 5
    assert times[-1] - times[0] > 0.3


def test_a_stream_that_breaks_off_has_no_end(provider: SimulatedProvider) -> None:
    """Part of it is heard, and then the connection is closed."""
    provider.on("m", Half(answer=Answer("a word " * 50, piece=10)))
    heard = b""

    def listen() -> None:
        nonlocal heard
        asked = {"model": "m", "stream": True}
        with httpx2.stream("POST", f"{provider.url}/messages", json=asked, timeout=10) as answer:
            for piece in answer.iter_bytes():
                heard += piece

    with pytest.raises(httpx2.RemoteProtocolError, match="complete message body"):
        listen()
    assert b"a word" in heard
    assert b"message_stop" not in heard


def test_what_is_drawn_depends_on_the_seed_and_on_nothing_else() -> None:
    """The same calls of the same models get the same answers, however they are interleaved; another seed, others."""

    def drawn(seed: int, order: str) -> dict[str, list[int]]:
        with SimulatedProvider(seed) as provider:
            for model in "ab":
                provider.on(model, Mixed((6, Answer("yes")), (3, rate_limited()), (1, bad_gateway())))
            found: dict[str, list[int]] = {"a": [], "b": []}
            for model in order:
                found[model].append(ask(provider, model).status_code)
            return found

    first = drawn(7, "ab" * 30)
    assert drawn(7, "a" * 30 + "b" * 30) == first
    assert drawn(8, "ab" * 30) != first
    seen = Counter(first["a"] + first["b"])
    assert set(seen) == {200, 429, 502}
    assert seen[200] > seen[429] > seen[502]


@pytest.mark.parametrize("weighted", [(), ((0, Answer("x")),), ((2, Answer("x")), (-1, Answer("y")))])
def test_weights_that_leave_nothing_to_draw_are_refused(weighted: Any) -> None:
    """When they are written, not when they are drawn."""
    with pytest.raises(ValueError, match="Mixed"):
        Mixed(*weighted)


def test_an_outage_goes_by_the_clock_it_is_given() -> None:
    """Well, down, and well again; and a model that is told anew begins anew."""
    clock = StillClock()
    with SimulatedProvider(clock=clock) as provider:

        def seen() -> list[int]:
            found = []
            for _ in range(4):
                found.append(ask(provider).status_code)
                clock.forward(10 * S)
            return found

        clock.forward(100 * S)
        plan = Outage(after=10 * S, for_=20 * S, then=Answer("yes"), during=overloaded())
        provider.on("m", plan)
        assert seen() == [200, 529, 529, 200]
        provider.on("m", plan)
        assert seen() == [200, 529, 529, 200]
        assert [json.loads(line)["at"] for line in provider.log().splitlines()][:2] == [100.0, 110.0]


def test_the_log_says_what_came_of_each_call_and_holds_no_key(provider: SimulatedProvider) -> None:
    """One line a call, in the order they came."""
    provider.on("m", Answer("yes"), Mixed((1, unavailable())), Hang())
    ask(provider)
    ask(provider, path="messages")
    with pytest.raises(httpx2.ReadTimeout):
        httpx2.post(f"{provider.url}/chat/completions", json={"model": "m", "stream": True}, timeout=0.2)
    deadline = time.monotonic() + 10
    while not provider.calls[-1].abandoned:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    ask(provider, "nobody")
    rows = [json.loads(line) for line in provider.log().splitlines()]
    told = [(row["model"], row["dialect"], row["behaviour"], row["status"], row["answered"]) for row in rows]
    assert told == [
        ("m", "openai", "Answer", 200, True),
        ("m", "anthropic", "Status 503", 503, True),
        ("m", "openai", "Hang", None, False),
        ("nobody", "openai", "Status 404", 404, True),
    ]
    assert rows[0]["prompt"] == "Say a word."
    assert [row["streamed"] for row in rows] == [False, False, True, False]
    assert "hush" not in provider.log()


def test_a_model_of_no_name_answers_for_all_others(provider: SimulatedProvider) -> None:
    """What was told something itself keeps to that."""
    provider.on("*", Answer("anything"))
    provider.on("m", bad_gateway())
    assert ask(provider, "other").json()["choices"][0]["message"]["content"] == "anything"
    assert ask(provider).status_code == 502
    with pytest.raises(ValueError, match="at least one behaviour"):
        provider.on("m")


def test_a_poor_answer_has_the_shape_of_the_good_one(provider: SimulatedProvider) -> None:
    """Texts and lists are cut short; words, numbers and names stay."""
    good = {
        "kind": "cloze",
        "level": 3,
        "text": "Cells divide in order to grow.",
        "steps": [{"says": "first this"}, {}],
    }
    provider.on("m", low_quality(lambda _: good))
    poor = json.loads(ask(provider).json()["choices"][0]["message"]["content"])
    assert poor == {"kind": "cloze", "level": 3, "text": "Cells divide", "steps": [{"says": "first this"}]}


def test_a_behaviour_of_ones_own_is_a_class_with_one_method(provider: SimulatedProvider) -> None:
    """It is given the call and its connection."""

    class Echo:
        def play(self, exchange: Exchange) -> None:
            exchange.send(200, "text/plain", exchange.call.prompt.encode())

    provider.on("m", Echo())
    assert ask(provider).text == "Say a word."
    assert provider.calls[0].behaviour == "Echo"


class Half_(BaseModel):  # noqa: N801 - Half is a behaviour
    """A number."""

    of: int


@actor(name="kit.halve")
def halve(number: Half_) -> int:
    if number.of % 2:
        raise errors.InvalidInput(f"{number.of} is odd", field="of")
    return number.of // 2


@actor(name="kit.halve_all")
def halve_all(numbers: list[int], run: Run) -> list[str]:
    found: list[Outcome[int]] = run.gather(halve, [Half_(of=number) for number in numbers])
    return [str(one.value) if one.completed else f"{one.state}: {one.reason}: {one.message}" for one in found]


@actor(name="kit.tell")
def tell(run: Run) -> str:
    run.write("one ")
    run.write("two")
    run.progress("told", 100)
    return run.model


def test_children_are_run_as_well() -> None:
    """Each once, in one process; what goes wrong with one is told to the parent and not raised."""
    done = run_inline(halve_all, [4, 5])
    assert done.result == ["2", "dead: permanent: 5 is odd"]
    assert len(done.journal.children) == 2


def test_the_end_of_children_can_be_told() -> None:
    """Without running them: the actor waits until each has one."""
    journal = MemoryJournal()
    with pytest.raises(errors.Waiting):
        run_inline(halve_all, [4, 6], journal=journal, children=False)
    first, second = journal.children
    journal.complete(first, 2)
    with pytest.raises(errors.Waiting):
        run_inline(halve_all, [4, 6], journal=journal, children=False)
    journal.fail(second, reason="cancelled", state="cancelled")
    assert run_inline(halve_all, [4, 6], journal=journal, children=False).result == ["2", "cancelled: cancelled: "]


def test_an_actor_run_inline_reports_streams_and_chooses_its_model() -> None:
    """All of it ends in the journal; a model that is away is passed over."""
    journal = MemoryJournal(away={"first": 60 * S})
    done = run_inline(tell, model=["first", "second"], journal=journal)
    assert done.result == "second"
    assert journal.texts == {"text": "one two"}
    assert journal.reports[-1]["stage"] == "told"


def test_the_journal_keeps_what_is_there() -> None:
    """A step is saved once, unless it is to be replaced; text grows at its end, and is replaced from where one says."""
    journal = MemoryJournal()
    journal.save_step("a", b"1")
    journal.save_step("a", b"2")
    assert journal.load_steps() == {"a": b"1"}
    journal.save_step("a", b"3", replace=True)
    assert journal.load_steps() == {"a": b"3"}
    assert journal.append_text("text", 0, "one two") == 1
    assert journal.append_text("text", 4, "three") == 1
    assert journal.append_text("text", 20, "lost") == 0
    assert journal.texts == {"text": "one three"}
    assert journal.outcomes(["nobody"]) == [("", None, "", "")]


def test_importing_the_kit_brings_in_no_model_library() -> None:
    """And opens nothing: it stands in the imports of every test."""
    code = """
import sys, socket
def refuse(*args, **kwargs): raise AssertionError("a socket was opened at import")
socket.socket.connect = socket.socket.bind = refuse
import pipeline.testing
assert not {"pydantic_ai", "openai", "anthropic", "httpx2", "sqlalchemy", "redis"} & set(sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr

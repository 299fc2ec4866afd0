"""The policy file: what it may say, and how its mistakes are told."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from pipeline import Breaker, Budget, Limit
from pipeline.llm.catalogue import Known
from pipeline.policy_file import PolicyFile, PolicyFileError, read

WHOLE = """
[actors."graph.generate"]
retry = { attempts = 5, base = "2s", cap = "PT2M", jitter = 0.25, patience = "1h", waits = 7 }
timeout = "4m"
models = ["openai:gpt-4o-mini", "offline"]
model_tries = 3
limits = ["night"]
breaker = "library"

[queues.ai]
at_once = 12

[limits.night]
rate = 10
per = "1m"
burst = 2
by = "group"

[breakers.library]
minimum = 3
open_for = 30

[budgets.day]
usd = 12.50
then = "stop"

[budgets.ever]
tokens = 1000
per = "never"

[models."openai:gpt-4o-mini"]
window = 128_000
input = 0.15
output = 0.6
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "policies.toml"
    path.write_text(text, encoding="utf-8")
    return path


def mistakes(folder: Path, text: str) -> tuple[str, ...]:
    with pytest.raises(PolicyFileError) as error:
        read(written(folder, text))
    assert str(folder / "policies.toml") in str(error.value)
    assert all(mistake in str(error.value) for mistake in error.value.mistakes)
    return error.value.mistakes


def test_everything_can_be_said(tmp_path: Path) -> None:
    """Each section becomes what the code would have made of it, to the cent."""
    path = written(tmp_path, WHOLE)
    file = read(path)
    actor = file.actors["graph.generate"]
    assert actor.retry.said() == {
        "attempts": 5,
        "base": timedelta(seconds=2),
        "cap": timedelta(minutes=2),
        "jitter": 0.25,
        "patience": timedelta(hours=1),
        "waits": 7,
    }
    assert (actor.timeout, actor.models, actor.model_tries) == (
        timedelta(minutes=4),
        ["openai:gpt-4o-mini", "offline"],
        3,
    )
    assert (actor.limits, actor.breaker, file.queues["ai"].at_once) == (["night"], "library", 12)
    assert file.limits == {"night": Limit("night", rate=10, per=timedelta(minutes=1), burst=2, by="group")}
    assert file.breakers == {"library": Breaker("library", minimum=3, open_for=timedelta(seconds=30))}
    assert file.budgets == {
        "day": Budget("day", usd=Decimal("12.50"), then="stop"),
        "ever": Budget("ever", tokens=1000, per=None),
    }
    assert file.models == {"openai:gpt-4o-mini": Known(window=128_000, input=Decimal("0.15"), output=Decimal("0.6"))}
    assert path.read_text(encoding="utf-8") == WHOLE


def test_an_empty_file_says_nothing(tmp_path: Path) -> None:
    """And is no mistake."""
    file = read(written(tmp_path, ""))
    said = (file.actors, file.queues, file.limits, file.breakers, file.budgets, file.models)
    assert said == ({}, {}, {}, {}, {}, {})


def test_all_mistakes_are_told_at_once_with_section_and_option(tmp_path: Path) -> None:
    """Unknown sections and options with the nearest that exists, wrong types, and values that make no policy."""
    told = mistakes(
        tmp_path,
        """
        [actors."graph.generate"]
        retry = { atempts = 5, base = "2 parsecs", attempts = "5", jitter = true }
        models = ["gpt"]
        timeout = 0
        [actor.x]
        timeout = "1s"
        [queues.ai]
        at_once = 0
        [limits.night]
        per = "1m"
        [limits.day]
        rate = "10"
        on = "never"
        [limits."b d"]
        rate = 1
        [breakers.b]
        failure_rate = 2
        [budgets.day]
        usd = "12"
        per = "neverr"
        [budgets.no]
        [models."openai:gpt-x"]
        window = 0
        [models."openai:gpt-y"]
        input = 1
        [models.foo]
        """,
    )
    wanted = [
        r'[actors."graph.generate"]: there is no option retry.atempts; did you mean attempts?',
        r'[actors."graph.generate"] retry.base: is no duration',
        r'[actors."graph.generate"] retry.attempts: input should be a valid integer',
        r'[actors."graph.generate"] retry.jitter: must be a number, and is True',
        r"""[actors."graph.generate"] models: model 'gpt': it names no provider""",
        r'[actors."graph.generate"] timeout: input should be greater than',
        r"[actor]: there is no such section; did you mean actors?",
        r"[queues.ai] at_once: input should be greater than or equal to 1, and is 0",
        r"[limits.night]: Limit('night'): limits nothing",
        r"[limits.day] rate: must be a number, and is '10'",
        r"[limits.day] on: input should be 'start' or 'call', and is 'never'",
        r"""[limits."b d"]: Limit('b d'): needs a short name""",
        r"[breakers.b]: Breaker(failure_rate=2.0): needs more than 0, at most 1",
        r"[budgets.day] usd: must be an amount of dollars, and is '12'",
        r"[budgets.day] per: is no duration",
        r"[budgets.no]: Budget('no'): limits nothing",
        r'[models."openai:gpt-x"] window: input should be greater than 0, and is 0',
        r'[models."openai:gpt-y"]: a price has both, input and output',
        r"[models.foo]: model 'foo': it names no provider",
    ]
    for want in wanted:
        assert any(mistake.startswith(want) for mistake in told), (want, told)
    assert len(told) == len(wanted), told


@pytest.mark.parametrize("text", ["[actors", "a = 1\na = 2", "\x00"])
def test_what_is_no_toml_is_told_with_its_place(tmp_path: Path, text: str) -> None:
    """The parser's own words, with line and column."""
    (told,) = mistakes(tmp_path, text)
    assert told.startswith("it is no TOML: ")
    assert "(at " in told


@pytest.mark.parametrize("text", ["actors = 5", "[actors]\nx = 5", "[[actors]]\nx = 1"])
def test_a_section_is_a_table_of_tables(tmp_path: Path, text: str) -> None:
    """Anything else in its place is told as that."""
    (told,) = mistakes(tmp_path, text)
    assert told.startswith("[actors")
    assert "table" in told


def test_a_file_that_is_not_there_is_told_by_its_path(tmp_path: Path) -> None:
    """With what the system says."""
    with pytest.raises(PolicyFileError, match=r"none\.toml is wrong:\n  it cannot be read: No such file"):
        read(tmp_path / "none.toml")


def test_bytes_that_are_no_text_are_no_file(tmp_path: Path) -> None:
    """A file in another encoding is refused, not guessed at."""
    path = tmp_path / "policies.toml"
    path.write_bytes(b"# caf\xe9")
    with pytest.raises(PolicyFileError, match="no TOML"):
        read(path)


def test_numbers_that_are_none_are_refused(tmp_path: Path) -> None:
    """TOML has inf and nan; no policy does."""
    told = mistakes(tmp_path, "[limits.a]\nrate = inf\n[limits.b]\nrate = nan\n[budgets.c]\nusd = inf")
    assert len(told) == 3
    assert all("must be a" in one for one in told)


def test_a_file_can_be_made_of_what_was_read_elsewhere() -> None:
    """The same checks hold for what a command says."""
    assert PolicyFile(Path(), {"budgets": {"day": {"usd": 3}}}).budgets == {"day": Budget("day", usd=Decimal(3))}

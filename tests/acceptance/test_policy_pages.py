"""The pages of the policies: what they quote is what comes out, and what they name is there."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import timedelta
from inspect import signature
from pathlib import Path
from typing import Any

import pytest

from pipeline import Breaker, Budget, Limit, Models, Retry, actor, duration
from pipeline.sending import Send
from tests.support.pages import ROOT, texts

FOLDER = ROOT / "docs" / "policies"
PAGES = sorted(FOLDER.glob("*.md"))
EXAMPLES = ROOT / "examples" / "policies"
RUNS = "$ python examples/policies/"


@pytest.fixture(scope="module")
def output() -> dict[str, str]:
    """What each example prints, all of them run in one process with a worker and a Redis of their own."""
    ran = subprocess.run(
        [sys.executable, str(EXAMPLES)], capture_output=True, text=True, timeout=100, check=False, env={"PATH": ""}
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stderr == ""
    parts = re.split(r"^== (\w+)\n", ran.stdout, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_every_page_shows_what_its_example_prints(output: dict[str, str]) -> None:
    """Each example is on one page, word for word, and each page has one."""
    shown = {}
    for page in PAGES:
        (block,) = (one for one in texts(page, "console") if one.startswith(RUNS))
        first, _, rest = block.partition("\n")
        shown[first.removeprefix(RUNS).removesuffix(".py")] = rest
    assert shown == output
    assert shown.keys() == {path.stem for path in EXAMPLES.glob("*.py")} - {"here", "__main__"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_page_has_its_parts(page: Path) -> None:
    """A drawing, a table of options, what shows it and what it does not do; and the index leads to it."""
    text = page.read_text("utf-8")
    assert texts(page, ""), "no drawing"
    assert "|---|" in text
    assert re.findall(r"^## (.+)$", text, re.MULTILINE)[-2:] == ["To see it", "What it does not do"]
    assert f"(policies/{page.name})" in (ROOT / "docs" / "policies.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("name", "of"),
    [("retry", Retry), ("breakers", Breaker), ("limits", Limit), ("budgets", Budget), ("fallback", Models),
     ("idempotency", Send), ("versions", actor)],
)  # fmt: skip
def test_the_defaults_in_a_page_are_those_of_the_code(name: str, of: Any) -> None:
    """Option for option; a dash where there is none."""
    of = of.__new__ if of is Models else of
    there = {option: found.default for option, found in signature(of).parameters.items()}
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \|", (FOLDER / f"{name}.md").read_text("utf-8"), re.MULTILINE)
    assert rows
    assert [
        (option, told) for option, told in rows if told.partition(":")[0].strip("` ") not in spelled(there[option])
    ] == []


def spelled(default: object) -> set[str]:
    """Give how a page may tell a default."""
    if default in {None, ""} or default == ():
        return {"-", "none"}
    if isinstance(default, timedelta):
        return {duration.spell(default)}
    return {f"{default:g}" if isinstance(default, float) else str(default)}


def test_every_option_of_a_policy_has_its_line() -> None:
    """No option of these policies is left out of its page."""
    for name, of in {"retry": Retry, "breakers": Breaker, "limits": Limit, "budgets": Budget}.items():
        told = set(re.findall(r"^\| `(\w+)` \|", (FOLDER / f"{name}.md").read_text("utf-8"), re.MULTILINE))
        assert set(signature(of).parameters) - told <= {"name"}, name


def test_the_policy_file_in_the_page_is_the_one_of_the_examples() -> None:
    """Word for word."""
    assert texts(FOLDER / "file.md", "toml") == [(EXAMPLES / "policies.toml").read_text("utf-8")]

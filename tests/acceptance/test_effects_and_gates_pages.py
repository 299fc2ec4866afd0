"""The pages on effects and gates show programs, and these do what the pages say."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from types import ModuleType

import pytest

from pipeline.declaration import DECLARED
from pipeline.llm import Providers, configure
from tests.support.processes import ROOT


@pytest.fixture(autouse=True)
def own_actors() -> Iterator[None]:
    """Forget the actors of a page afterwards, and ask models by address."""
    before = dict(DECLARED)
    configure(Providers())
    yield
    configure(None)
    DECLARED.clear()
    DECLARED.update(before)


@pytest.mark.parametrize("page", ["effects", "gates"])
def test_the_program_of_a_page_runs(page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own tests pass, as they stand there."""
    text = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    program = ModuleType(f"page_{page}")
    monkeypatch.setitem(sys.modules, program.__name__, program)
    exec(compile(block, f"docs/{page}.md", "exec"), program.__dict__)
    tests = [one for name, one in vars(program).items() if name.startswith("test_")]
    assert tests
    for test in tests:
        test()


def test_the_defaults_in_the_pages_are_those_in_force() -> None:
    """A number that is changed in the code is changed on the page."""
    from actors.study import gates
    from pipeline import effect

    told = (ROOT / "docs" / "gates.md").read_text(encoding="utf-8")
    assert f"{gates.GOOD} is good ({gates.GOOD_EXPLANATION} for explanations" in told
    assert gates.REPAIRS == 1
    assert f"believed {effect.SETTLE.seconds} seconds after" in (ROOT / "docs" / "effects.md").read_text(
        encoding="utf-8"
    )

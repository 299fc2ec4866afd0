"""The reference that is generated is whole: each public name, each setting, each command, each event."""

from __future__ import annotations

import ast
import inspect
import re

import pipeline
from docs.generator import commands_page, python_page, reference, settings_page
from pipeline.cli.exits import Exit
from pipeline.errors import KINDS
from pipeline.events import EVENTS, FLOW_EVENTS, STATES
from pipeline.metrics.catalogue import CATALOGUE
from pipeline.settings import Settings, variable
from tests.support.pages import PAGES, ROOT, texts


def test_every_public_name_is_there_and_says_something() -> None:
    """Whatever ``pipeline`` exports, each once."""
    entries = re.findall(r"^\.\. (?:auto\w+|py:data):: pipeline\.(\w+)$", reference.PAGES["python"](), re.MULTILINE)
    assert sorted(entries) == sorted(pipeline.__all__)
    silent = [name for name in pipeline.__all__ if callable(one := getattr(pipeline, name)) and not inspect.getdoc(one)]
    assert not silent


def test_every_module_that_a_page_imports_from_is_there() -> None:
    """What readers are told to use has its entry, name by name."""
    text = reference.PAGES["modules"]()
    told = set(re.findall(r"^\.\. (?:auto\w+|py:data):: (pipeline\.[\w.]+)$", text, re.MULTILINE))
    told |= {f"pipeline.{name}" for name in pipeline.__all__}
    used = {
        f"{node.module}.{name.name}"
        for page in PAGES
        for block in texts(page, "python")
        for node in ast.walk(ast.parse(block))
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "pipeline"
        for name in node.names
    }
    modules = {*python_page.MODULES, "pipeline.errors"}
    assert {name for name in used - told if name not in modules} <= {"pipeline.schedule.every"}


def test_every_setting_is_there_with_its_default_and_its_bounds() -> None:
    """Of the settings for everything, and of every section, as they stand in the code."""
    text = reference.PAGES["settings"]()
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \| (.*?) \| (.+) \|$", text, re.MULTILINE)
    names = [row[0] for row in rows]
    assert {variable(name) for name in Settings.model_fields} <= set(names)
    written = [path.read_text("utf-8") for folder in ("pipeline", "actors") for path in (ROOT / folder).rglob("*.py")]
    prefixes = {found for text in written for found in re.findall(r'prefix: ClassVar\[str\] = "(\w+)"', text)}
    assert {section.prefix for section in settings_page.sections()} == prefixes
    for section in settings_page.sections():
        assert {section.prefix + field.upper() for field in section.model_fields} <= set(names)
    assert len(names) == len(set(names))
    (lease,) = (row for row in rows if row[0] == "DRAMATURG_LEASE")
    assert lease[1:3] == ("`8`", "≥ 1, ≤ 600")
    assert [row for row in rows if not row[3].strip()] == []
    assert [row for row in rows if re.search(r"PydanticUndefined|object at|timedelta|\*\*\*", " ".join(row))] == []


def test_every_command_and_option_is_there() -> None:
    """With its help and its examples, and without the marks of the terminal."""
    text = reference.PAGES["commands"]()
    found = dict(commands_page.commands())
    assert len(found) > 60
    titles = re.findall(r"^#+ (dramaturg.*)$", text, re.MULTILINE)
    assert sorted(titles) == sorted(found)
    for name, command in found.items():
        part = re.split(r"^#+ dramaturg", text.split(f"# {name}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]
        for parameter in command.params:
            for option in parameter.opts:
                assert not option.startswith("-") or option in part, f"{name}: {option}"
    assert not re.search(r"\[/?(bold|dim)\]", text)


def test_the_exit_codes_are_those_of_the_program() -> None:
    """Each with what it says."""
    assert set(commands_page.exits()) == {str(int(code)) for code in Exit}
    rows = re.findall(r"^\| (\d+) \| \S", reference.PAGES["commands"](), re.MULTILINE)
    assert rows == [str(int(code)) for code in Exit]


def test_every_state_event_kind_and_metric_is_there() -> None:
    """From the tables that the program itself goes by."""
    events = re.findall(r"^\| `(\w+)` \|", reference.PAGES["events"](), re.MULTILINE)
    assert events == [*STATES, *EVENTS, *FLOW_EVENTS]
    failures = re.findall(r"^\| `(\w+)` \|", reference.PAGES["failures"](), re.MULTILINE)
    assert tuple(failures[: len(KINDS)]) == KINDS
    metrics = re.findall(r"^\| `(\w+)` \|", reference.PAGES["metrics"](), re.MULTILINE)
    assert metrics == list(CATALOGUE)

"""``--help`` teaches, and costs little."""

from __future__ import annotations

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from pipeline.cli.program import program

GROUPS = {found.typer_instance.info.name or "": found.typer_instance for found in program.registered_groups}

#: Every command that there is: a group that does something by itself is one, too.
COMMANDS = [
    *(found.name or "" for found in program.registered_commands),
    *(name for name, group in GROUPS.items() if group.info.invoke_without_command is True),
    *(f"{name} {found.name}" for name, group in GROUPS.items() for found in group.registered_commands),
]


def answer(*arguments: str) -> str:
    result = CliRunner().invoke(program, list(arguments), env={"COLUMNS": "80", "TERM": "dumb"})
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_teaches(command: str) -> None:
    """Its help has examples that begin with itself, fit a terminal, and a word on the JSON it prints."""
    shown = answer(*command.split(), "--help")

    examples = [line.strip() for line in shown.splitlines() if line.strip().startswith("dramaturg ")]
    assert any(example.startswith(f"dramaturg {command}") for example in examples), shown
    assert "JSON" in shown
    assert all(len(line) <= 80 for line in shown.splitlines())


def test_no_example_is_broken_by_the_width_of_a_terminal() -> None:
    """An example can be copied as it stands: what is written for a help text fits in one line of it."""
    epilogs = [command.epilog or "" for group in (program, *GROUPS.values()) for command in group.registered_commands]
    epilogs += [group.info.epilog for group in GROUPS.values() if isinstance(group.info.epilog, str)]

    lines = [line.replace("[bold]", "").replace("[/bold]", "") for text in epilogs for line in text.splitlines()]
    assert len(epilogs) == len(COMMANDS)
    assert [line for line in lines if len(line) > 78] == []


def test_the_main_help_tells_commands_and_exit_codes() -> None:
    """All commands, and all six codes."""
    shown = answer("--help")

    for command in COMMANDS:
        assert command.split()[0] in shown
    for code in ("0  completed", "2  wrong usage", "3  cancelled", "4  timed out", "5  Redis"):
        assert code in shown
    assert "REDIS_URL" in shown


def test_the_version_is_told() -> None:
    """A name and a number."""
    assert answer("--version").startswith("dramaturg 0.")


def test_help_loads_nothing_heavy() -> None:
    """Neither actors nor databases, models, documents or bars are loaded for a help text, and settings are not read."""
    heavy = ["actors", "middleware", "sqlalchemy", "alembic", "pydantic_ai", "pypdfium2", "pydantic_settings",
             "rich.progress", "pipeline.app", "pipeline.engine.broker", "pipeline.settings"]  # fmt: skip
    script = (
        "import sys\nfrom typer.testing import CliRunner\nfrom pipeline.cli.program import program\n"
        "assert CliRunner().invoke(program, ['--help']).exit_code == 0\n"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )

    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)

    assert loaded.stdout.strip() == "[]"

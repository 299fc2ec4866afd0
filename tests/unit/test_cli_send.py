"""What ``send`` is given is checked before Redis is asked."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipeline.cli.program import program


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["greet", "--json", "{"], "--json: this is not JSON"),
        (["greet", "--json", "{}", "--file", "x"], "--json and --file"),
        (["greet", "--file", "missing.json"], "--file missing.json: No such file"),
        (["greet", "--file", "words.txt"], "--file words.txt: this is not JSON"),
        (["greet", "--priority", "urgent"], "--priority urgent: there is no tier 'urgent'"),
        (["greet", "--priority", "high:9999"], "--priority high:9999"),
        (["greet", "--priority", "high:x"], "--priority high:x"),
        (["greet", "--delay", "-1"], "--delay"),
        (["greet", "--timeout", "soon", "--wait"], "--timeout"),
        ([], "ACTOR"),
    ],
)
def test_a_mistake_is_named(arguments: list[str], named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is wrong usage, and names the option; no Redis was started for it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "words.txt").write_text("words")
    monkeypatch.setenv("DRAMATURG_HOME", str(tmp_path / "home"))

    refused = CliRunner().invoke(program, ["send", *arguments])

    assert refused.exit_code == 2, refused.output
    assert named in " ".join(refused.stderr.replace("│", " ").split())
    assert not (tmp_path / "home").exists()

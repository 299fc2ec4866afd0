"""What ``study`` was asked for is checked before anything starts."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from pipeline.cli.exits import Exit, code_of
from pipeline.cli.studying import Order, demo_documents, order
from pipeline.errors import PipelineError

ASKED: dict[str, Any] = {"models": "", "questions": None, "title": "", "timeout": None}


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Order]:
    """Order a study in a folder that holds one document and some that are none."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DRAMATURG_HOME", str(tmp_path / "home"))
    Path("here.txt").write_text("Text.")
    Path("folder").mkdir()
    Path("full").mkdir()
    Path("full/thesis.docx").write_text("mine")
    os.mkfifo("pipe")

    def asking(*files: str, out: str = "pack", **asked: Any) -> Order:
        return order([Path(file) for file in files or ("here.txt",)], out=Path(out), **(ASKED | asked))

    return asking


def test_an_order_holds_what_was_asked(ask: Callable[..., Order], tmp_path: Path) -> None:
    """Nothing but what was asked for, and full paths where a folder is written."""
    asked = ask("here.txt", "here.txt", models="openai:gpt-4o-mini, offline", questions=3, title="T", timeout=1.5)

    assert asked.files == (Path("here.txt"), Path("here.txt"))
    assert asked.out == (tmp_path / "pack").resolve()
    assert asked.models == ("openai:gpt-4o-mini", "offline")
    assert (asked.questions, asked.title, asked.timeout) == (3, "T", timedelta(seconds=1.5))
    assert not (tmp_path / "home").exists()


def test_without_a_chain_the_workers_own_is_used(ask: Callable[..., Order]) -> None:
    """The chain of the settings is not repeated in every message."""
    assert ask().models is None
    assert ask().questions == 12


@pytest.mark.parametrize(
    ("files", "asked", "named"),
    [
        (["missing.pdf", "here.txt", "folder"], {}, "missing.pdf cannot be read: No such file or directory"),
        (["missing.pdf", "here.txt", "folder"], {}, "folder is a folder"),
        (["pipe"], {}, "pipe is not a file"),
        (["here.txt/inside"], {}, "Not a directory"),
        ([], {"questions": 0}, "--questions"),
        ([], {"questions": 900}, "--questions"),
        ([], {"models": "gpt"}, "gpt"),
        ([], {"models": "nobody:gpt"}, "nobody"),
        ([], {"models": " , "}, "--models"),
        ([], {"out": "full"}, "--out full"),
        ([], {"out": "here.txt"}, "--out here.txt"),
        ([], {"out": "here.txt/pack"}, "--out here.txt/pack"),
        ([], {"out": "."}, "--out ."),
        (["here.txt"] * 201, {}, "FILE..."),
    ],
)
def test_a_mistake_is_named(
    ask: Callable[..., Order], files: list[str], asked: dict[str, Any], named: str, tmp_path: Path
) -> None:
    """It is wrong usage, and nothing was made for it."""
    with pytest.raises(PipelineError) as refused:
        ask(*files, **asked)

    assert named in str(refused.value)
    assert code_of(refused.value) is Exit.USAGE
    assert not (tmp_path / "home").exists()


def test_a_wrong_chain_in_the_settings_is_named(ask: Callable[..., Order], monkeypatch: pytest.MonkeyPatch) -> None:
    """Its workers would refuse every run, so the study does not begin."""
    monkeypatch.setenv("DRAMATURG_MODELS", "offline,nobody:gpt")

    with pytest.raises(PipelineError, match="nobody"):
        ask()


def test_an_unreadable_file_is_named(ask: Callable[..., Order]) -> None:
    """A file that may not be read is told like one that is not there."""
    Path("secret.txt").write_text("x")
    Path("secret.txt").chmod(0)
    if os.access("secret.txt", os.R_OK):
        pytest.skip("this user may read everything")

    with pytest.raises(PipelineError, match=r"secret\.txt cannot be read: Permission denied"):
        ask("secret.txt")


def test_the_demo_has_a_document() -> None:
    """Documents come along, and are files that can be read."""
    assert demo_documents()
    assert all(document.stat().st_size for document in demo_documents())

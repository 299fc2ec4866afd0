"""Secrets in files: each named as the variable it stands for, read like the environment, and second to it."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.environment import SettingsError
from pipeline.settings import Settings
from pipeline.web import WebSettings


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of secrets as Docker, systemd and Kubernetes give it to a program."""
    made = tmp_path / "secrets"
    made.mkdir()
    monkeypatch.setenv("DRAMATURG_SECRETS_FOLDER", str(made))
    return made


def test_a_file_stands_for_a_variable(folder: Path) -> None:
    """Settings, sections and the keys of models are read from files; what ends a line is not part of them."""
    (folder / "REDIS_URL").write_text("redis://:of-redis@stores:6379/0\n")
    (folder / "OPENAI_API_KEY").write_text("of-a-model\n")
    (folder / "DRAMATURG_WEB_EVENTS_SECRET").write_text("of-events-0123456789\n")
    settings = Settings.load(None)
    assert settings.redis_url is not None
    assert settings.redis_url.get_secret_value() == "redis://:of-redis@stores:6379/0"
    assert settings.api_keys["OPENAI_API_KEY"].get_secret_value() == "of-a-model"
    tokens = WebSettings.load(None).tokens()
    assert tokens is not None
    assert {"of-redis", "of-a-model", "of-events-0123456789"} <= settings.secrets()


def test_the_environment_comes_first(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that one process of several can be told otherwise."""
    (folder / "REDIS_URL").write_text("redis://file/0")
    (folder / "OPENAI_API_KEY").write_text("of-the-file")
    monkeypatch.setenv("REDIS_URL", "redis://environment/0")
    monkeypatch.setenv("OPENAI_API_KEY", "of-the-environment")
    settings = Settings.load(None)
    assert settings.redis_url is not None
    assert settings.redis_url.get_secret_value() == "redis://environment/0"
    assert settings.api_keys["OPENAI_API_KEY"].get_secret_value() == "of-the-environment"


def test_a_file_with_the_name_of_no_setting_is_a_mistake(folder: Path) -> None:
    """As a variable would be; other files, and the folders that Kubernetes keeps there, are none of our business."""
    (folder / "..data").mkdir()
    (folder / "redis_password").write_text("of another program")
    (folder / "README").write_text("of another program")
    assert Settings.load(None).redis_url is None
    (folder / "DRAMATURG_TREADS").write_text("8")
    with pytest.raises(SettingsError, match="did you mean DRAMATURG_THREADS"):
        Settings.load(None)


def test_what_cannot_be_read_is_told_without_what_is_in_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that is not there, and a file that is no text."""
    (folder / "REDIS_URL").write_bytes(b"\xff\xfe-hidden")
    with pytest.raises(SettingsError, match="DRAMATURG_SECRETS_FOLDER") as told:
        Settings.load(None)
    assert "hidden" not in str(told.value)
    monkeypatch.setenv("DRAMATURG_SECRETS_FOLDER", str(folder / "nowhere"))
    with pytest.raises(SettingsError, match="is no folder"):
        WebSettings.load(None)

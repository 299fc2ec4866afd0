"""What is set from outside, and how mistakes in it are told."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from pipeline.environment import SettingsError
from pipeline.settings import Settings, hide_userinfo


def load(monkeypatch: pytest.MonkeyPatch, **variables: str) -> Settings:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return Settings.load(None)


def mistakes(monkeypatch: pytest.MonkeyPatch, **variables: str) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as error:
        load(monkeypatch, **variables)
    assert all(mistake in str(error.value) for mistake in error.value.mistakes)
    return error.value.mistakes


def test_nothing_needs_to_be_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without any variable there are settings that work on a machine of one's own."""
    settings = load(monkeypatch, XDG_STATE_HOME=str(tmp_path))
    assert settings.home == tmp_path / "dramaturg"
    assert settings.redis_url is None
    assert settings.database.get_secret_value() == f"sqlite:///{tmp_path}/dramaturg/dramaturg.db"
    assert settings.blobs_folder == tmp_path / "dramaturg" / "blobs"
    assert (settings.processes, settings.threads, settings.models) == (2, 8, ("offline",))
    assert (settings.lease, settings.shutdown_grace) == (timedelta(seconds=8), timedelta(seconds=25))
    assert (settings.payload_limit_bytes, settings.inline_limit_bytes) == (262_144, 16_384)
    assert settings.secrets() == frozenset()


def test_a_state_folder_that_is_no_path_counts_as_not_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As the XDG specification says; the home directory is used."""
    settings = load(monkeypatch, XDG_STATE_HOME="relative", HOME=str(tmp_path))
    assert settings.home == tmp_path / ".local" / "state" / "dramaturg"


def test_everything_can_be_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Numbers of seconds, sizes with units, lists with commas, folders with a tilde."""
    settings = load(
        monkeypatch,
        HOME=str(tmp_path),
        REDIS_URL="rediss://me:hunter22@host:6380/1",
        DATABASE_URL="postgresql://me:hunter33@db/dramaturg",
        DRAMATURG_HOME="~/state",
        DRAMATURG_BLOBS="/srv/blobs",
        DRAMATURG_NAMESPACE="study.test",
        DRAMATURG_PROCESSES="4",
        DRAMATURG_THREADS="16",
        DRAMATURG_MODELS="openai:gpt-4o-mini, http://localhost:8000/v1#llama3,, offline",
        DRAMATURG_LEASE="2.5",
        DRAMATURG_SHUTDOWN_GRACE="0",
        DRAMATURG_LOG_LEVEL="DEBUG",
        DRAMATURG_LOG_FORMAT="console",
        DRAMATURG_PAYLOAD_LIMIT_BYTES="1MiB",
        DRAMATURG_INLINE_LIMIT_BYTES="2048",
        DRAMATURG_ALLOW_UNSAFE_REDIS="yes",
    )
    assert settings.home == tmp_path / "state"
    assert settings.blobs_folder == Path("/srv/blobs")
    assert settings.models == ("openai:gpt-4o-mini", "http://localhost:8000/v1#llama3", "offline")
    assert (settings.lease, settings.shutdown_grace) == (timedelta(seconds=2.5), timedelta(0))
    assert (settings.log_level, settings.log_format) == ("debug", "console")
    assert (settings.payload_limit_bytes, settings.inline_limit_bytes) == (2**20, 2048)
    assert settings.allow_unsafe_redis
    assert settings.redis_url is not None
    assert settings.redis_url.get_secret_value() == "rediss://me:hunter22@host:6380/1"


def test_all_mistakes_are_named_at_once_by_their_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """One error lists every variable that is wrong, what it is, and what it should be."""
    found = mistakes(
        monkeypatch,
        REDIS_URL="http://host",
        DATABASE_URL="oracle://host/db",
        DRAMATURG_PROCESSES="two",
        DRAMATURG_THREADS="0",
        DRAMATURG_MODELS="openai, nonsense:x",
        DRAMATURG_LEASE="soon",
        DRAMATURG_LOG_LEVEL="loud",
        DRAMATURG_NAMESPACE="a b",
        DRAMATURG_THREAD="3",
    )
    for part in (
        "REDIS_URL: must begin with redis://, rediss:// or unix://",
        "DATABASE_URL: must begin with sqlite:///, postgresql:// or mariadb://",
        "DRAMATURG_PROCESSES: input should be a valid integer",
        "(it is 'two')",
        "DRAMATURG_THREADS: input should be greater than or equal to 1",
        "model 'openai': ",
        "no provider 'nonsense'",
        "DRAMATURG_LEASE: ",
        "DRAMATURG_LOG_LEVEL: input should be 'debug'",
        "DRAMATURG_NAMESPACE: ",
        "DRAMATURG_THREAD: there is no such setting; did you mean DRAMATURG_THREADS?",
    ):
        assert part in "\n".join(found)
    assert len(found) == 9


def test_secrets_are_in_no_text_of_the_settings_or_their_mistakes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords and keys are hidden in every printed form, and known where logs are cleaned."""
    settings = load(
        monkeypatch,
        REDIS_URL="redis://me:hunt%20er22@host/0",
        DATABASE_URL="postgresql://me@db/x?password=hunter33",
        OPENAI_API_KEY="hunter44",
    )
    for text in (
        repr(settings),
        str(settings),
        str(settings.database),
        str(settings.api_keys),
        settings.model_dump_json(),
    ):
        assert "hunt" not in text
    assert "host/0" in repr(settings)
    assert settings.api_keys["OPENAI_API_KEY"].get_secret_value() == "hunter44"
    assert settings.secrets() >= {"hunt%20er22", "hunt er22", "hunter33", "hunter44"}
    for wrong in ("redis://me:hunter22/x@host", "amqp://me:hunter22@host", "unix://?password=hunter22"):
        assert "hunter22" not in str(mistakes(monkeypatch, REDIS_URL=wrong))


def test_settings_cannot_be_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was checked at the start is what is in force."""
    settings = load(monkeypatch)
    with pytest.raises(ValueError, match="frozen"):
        settings.threads = 9  # type: ignore[misc]
    with pytest.raises(TypeError):
        settings.api_keys["OPENAI_API_KEY"] = "x"  # type: ignore[index]


def test_a_file_says_what_the_environment_does_not(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The environment wins over ``.env``; keys in the file count, too, and so do typing errors."""
    file = tmp_path / ".env"
    file.write_text("DRAMATURG_THREADS=3\nDRAMATURG_PROCESSES=3\nANTHROPIC_API_KEY=hunter22\nUNRELATED=1\n")
    monkeypatch.setenv("DRAMATURG_PROCESSES", "5")
    settings = Settings.load(file)
    assert (settings.threads, settings.processes) == (3, 5)
    assert settings.secrets() == {"hunter22"}
    file.write_text("DRAMATURG_TREADS=3\nDRAMATURG_THREADS=many\n")
    with pytest.raises(SettingsError, match=r"(?s)TREADS.*did you mean DRAMATURG_THREADS.*it is 'many'"):
        Settings.load(file)
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match="UTF-8"):
        Settings.load(file)


def test_a_variable_that_is_empty_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Container files often pass variables on without a value."""
    settings = load(monkeypatch, DRAMATURG_THREADS="", REDIS_URL="", OPENAI_API_KEY="")
    assert (settings.threads, settings.redis_url, settings.secrets()) == (8, None, frozenset())


def test_users_are_hidden_in_any_address() -> None:
    """Also where the address stands in the middle of a sentence, or the password in its query."""
    assert hide_userinfo("see redis://u:p@h:1/0?db=1 there") == "see redis://***@h:1/0?db=1 there"
    assert hide_userinfo("sqlite:////var/x.db") == "sqlite:////var/x.db"
    assert hide_userinfo("unix:///s?db=0&password=p") == "unix:///s?db=0&password=***"


def test_importing_the_settings_reads_no_environment() -> None:
    """A wrong variable is told when settings are loaded, not when a module is imported."""
    program = "import os; os.environ['DRAMATURG_THREADS'] = 'many'; import pipeline.settings"
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)

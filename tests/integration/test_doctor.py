"""What is wrong with a machine or a server, and how it is told."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import redis
from pydantic import TypeAdapter

from pipeline.artifacts import ArtifactStore
from pipeline.doctor import diagnose, diagnose_environment
from pipeline.engine import server_checks
from pipeline.engine.connection import connect
from pipeline.engine.embedded import EmbeddedRedis
from pipeline.engine.server_checks import UnfitRedis, check_server, require_fit_server
from pipeline.finding import Finding
from pipeline.settings import SecretUrl, Settings
from tests.support.redis_server import RedisServer


def errors(findings: list[Finding]) -> list[str]:
    return [str(finding) for finding in findings if finding.level == "error"]


def secret_url(url: str) -> SecretUrl:
    return TypeAdapter(SecretUrl).validate_python(url)


def test_a_fit_server_gives_no_findings(redis_client: redis.Redis) -> None:
    """A durable server that does not evict and can be written is nothing to speak of, and nothing stays in it."""
    assert check_server(redis_client) == []
    assert redis_client.dbsize() == 0


def test_an_unfit_server_is_named_with_the_mend_and_stops_a_worker() -> None:
    """Eviction and a missing append-only file are two errors, each with its mend; they may be allowed."""
    unfit = RedisServer(config={"appendonly": "no", "maxmemory-policy": "allkeys-lru"})
    with unfit as server, server.client() as client:
        told = errors(check_server(client))
        assert len(told) == 2
        assert "CONFIG SET maxmemory-policy noeviction" in told[0]
        assert "CONFIG SET appendonly yes" in told[1]
        with pytest.raises(UnfitRedis, match=r"(?s)noeviction.*appendonly.*DRAMATURG_ALLOW_UNSAFE_REDIS"):
            require_fit_server(client)
        assert len(require_fit_server(client, allow_unsafe=True)) == 2
        client.config_set("maxmemory-policy", "noeviction")
        client.config_set("appendonly", "yes")
        assert require_fit_server(client) == []


def test_a_server_that_cannot_be_written_is_told() -> None:
    """A full server, a replica and a user without rights each say why."""
    with RedisServer(config={"maxmemory": "300kb"}) as server, server.client() as client:
        told = [str(finding) for finding in check_server(client)]
        assert any("cannot be written" in text and "maxmemory" in text for text in told)
        assert any("% of the memory it may" in text for text in told)
    with RedisServer() as server, server.client() as client:
        client.replicaof("127.0.0.1", 1)
        assert "This Redis is a replica." in errors(check_server(client))[0]
    with RedisServer() as server, server.client() as client, connect(server.url) as other:
        client.config_set("requirepass", "hunter22")
        told = errors(check_server(other))
        assert "refuses the user or password" in told[0]
        assert "hunter22" not in told[0]


@pytest.mark.parametrize(
    ("info", "level"),
    [
        ({"redis_version": "6.2.14"}, "error"),
        ({"redis_version": "7.0.15", "tcp_port": 6379}, "warning"),
        ({"redis_version": "7.0.15", "tcp_port": 0}, None),
        ({"redis_version": "7.4.5", "tcp_port": 6379}, "warning"),
        ({"redis_version": "7.4.6", "tcp_port": 6379}, None),
        ({"redis_version": "8.2.2", "tcp_port": 6379}, None),
        ({"redis_version": "8.6.0", "tcp_port": 6379}, None),
        ({"redis_version": "7.2.4", "valkey_version": "8.1.3", "tcp_port": 6379}, "warning"),
        ({"redis_version": "7.2.4", "valkey_version": "9.0.1", "tcp_port": 6379}, None),
    ],
)
def test_versions_are_judged_by_what_is_known_of_them(info: dict[str, object], level: str | None) -> None:
    """Too old is an error; open to CVE-2025-49844 is a warning, where anybody else could bring a script."""
    found = server_checks._check_version(info)
    assert [finding.level for finding in found] == ([level] if level else [])


def test_a_server_out_of_reach_is_one_finding(tmp_path: Path) -> None:
    """Nothing that does not answer is asked further questions."""
    with connect(f"unix://{tmp_path}/nothing") as client:
        (told,) = errors(check_server(client))
    assert "does not answer" in told
    assert "REDIS_URL" in told


def test_the_doctor_finds_a_machine_of_ones_own_in_order(home: Path) -> None:
    """With nothing set there is no error; the Redis of our own is tried and ended again, and no database is made."""
    findings = diagnose(Settings(home=home))
    assert errors(findings) == []
    told = "\n".join(map(str, findings))
    for part in ("Python is", f"started when it is needed in {home}", "Database: sqlite", "GB are free", "offline"):
        assert part in told
    assert not EmbeddedRedis(home / "redis").is_alive()
    assert not (home / "dramaturg.db").exists()


def test_the_doctor_names_what_is_wrong(tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model without a key, a database of an older shape, a folder that is a file, and no program for scans."""
    store = ArtifactStore(f"sqlite:///{tmp_path}/old.db")
    assert not store.is_migrated()
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("ANTHROPIC_API_KEY", "hunter22")
    settings = Settings(
        home=tmp_path / "home",
        blobs=tmp_path / "file",
        redis_url=secret_url(redis_url),
        database_url=secret_url(f"sqlite:///{tmp_path}/old.db"),
        models=("openai:gpt-4o-mini", "anthropic:claude-sonnet", "ollama:llama3", "offline"),
    )
    told = "\n".join(f"{finding.level} {finding}" for finding in diagnose(settings))
    for part in (
        "ok Redis: REDIS_URL, unix://",
        "warning Database: ",
        f"error {tmp_path}/file, where blobs are kept, cannot be written",
        "warning The tesseract program is missing",
        "error Model openai:gpt-4o-mini: OPENAI_API_KEY is not set",
        "ok Model anthropic:claude-sonnet: ANTHROPIC_API_KEY is set",
        "ok Model ollama:llama3: OLLAMA_API_KEY is not set, which is right",
    ):
        assert part in told
    assert "hunter22" not in told
    assert not (tmp_path / "home" / "redis").exists()


def test_the_doctor_wants_no_key_where_a_model_is_asked_without_one(
    home: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OpenAI's interface at another address may be one's own server; Anthropic's is wanted a key for all the same."""
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:8000/v1/")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://127.0.0.1:8000")
    settings = Settings(home=home, redis_url=secret_url(redis_url), models=("openai:llama3", "anthropic:claude-sonnet"))
    told = [str(finding) for finding in diagnose(settings)]
    assert "Model openai:llama3: OPENAI_API_KEY is not set, which is right if the server wants none." in told
    assert [text for text in errors(diagnose(settings)) if text.startswith("Model anthropic:claude-sonnet")]


def test_the_doctor_tells_of_a_redis_and_a_database_out_of_reach(home: Path) -> None:
    """Both are errors with what to set, and neither shows its password."""
    settings = Settings(
        home=home,
        redis_url=secret_url("redis://me:hunter22@127.0.0.1:1/0"),
        database_url=secret_url("postgresql://me:hunter22@127.0.0.1:1/x"),
    )
    told = "\n".join(errors(diagnose(settings)))
    assert "Redis does not answer" in told
    assert "postgresql://***@127.0.0.1:1/x" in told
    assert "hunter22" not in told


def test_the_doctor_lists_wrong_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings that cannot be read are the first thing to mend, and all of them are told."""
    monkeypatch.setenv("DRAMATURG_THREADS", "many")
    monkeypatch.setenv("DRAMATURG_TREADS", "8")
    told = errors(diagnose_environment(None))
    assert len(told) == 2
    assert "did you mean DRAMATURG_THREADS?" in told[0]


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_folder_without_permission_is_named(tmp_path: Path) -> None:
    """The error names the folder and the setting."""
    tmp_path.chmod(0o500)
    assert any("DRAMATURG_HOME" in text for text in errors(diagnose(Settings(home=tmp_path / "home"))))

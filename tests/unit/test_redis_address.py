"""``REDIS_URL``: the forms it may have, what is said of one that is wrong, and what of it is secret."""

from __future__ import annotations

import pytest

from pipeline.engine.address import Address, completed
from pipeline.settings import Settings, hide_userinfo

SENTINELS = "redis+sentinel://me:hunter%2F22@h1:26379,h2/mymaster/3?sentinel_username=watch&sentinel_password=dog77"


def _settings(monkeypatch: pytest.MonkeyPatch, **found: str) -> Settings:
    for name, value in found.items():
        monkeypatch.setenv(name, value)
    return Settings.load(None)


def test_sentinels_are_named_with_their_ports_the_primary_and_two_logins() -> None:
    """A port that is left out is the usual one of a Sentinel; the login of the servers is not that of the Sentinels."""
    address = Address.of(SENTINELS)
    assert (address.kind, address.nodes) == ("sentinel", (("h1", 26379), ("h2", 26379)))
    assert (address.service, address.sentinel_username, address.sentinel_password) == ("mymaster", "watch", "dog77")
    assert address.options == "redis://me:hunter%2F22@somewhere:1/3"


def test_a_cluster_is_named_by_some_of_its_nodes() -> None:
    """TLS and its options reach the connection; a port that is left out is that of Redis."""
    address = Address.of("rediss+cluster://:pw@h1:7000,h2/?ssl_ca_certs=/ca.pem&namespace=shop")
    assert (address.kind, address.nodes, address.namespace) == ("cluster", (("h1", 7000), ("h2", 6379)), "shop")
    assert address.options == "rediss://:pw@somewhere:1/0?ssl_ca_certs=%2Fca.pem"


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("redis+sentinel://:hunter22@h1:1,h2:2/", "does not end in the primary's name"),
        ("redis+sentinel://:hunter22@h1:x/mymaster/0", "port that is no number"),
        ("redis+sentinel://:hunter22@h1/mymaster/first", "does not end in the primary's name"),
        ("redis+cluster://:hunter22@h1:1/4", "has only number 0"),
        ("redis+cluster:///", "names no host"),
        ("unix+cluster:///hunter22", "must begin with"),
        ("redis+ring://:hunter22@h1/", "must begin with"),
        ("redis://h1/0?wait_replicas=hunter22", "wait_replicas"),
    ],
)
def test_what_is_wrong_is_told_without_what_is_secret(url: str, told: str) -> None:
    """The message is one for logs."""
    with pytest.raises(ValueError, match=told) as failed:
        Address.of(url)
    assert "hunter22" not in str(failed.value)


def test_nothing_secret_of_an_address_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the servers' login nor the Sentinels', in no form that it is written in."""
    settings = _settings(monkeypatch, REDIS_URL=SENTINELS)
    shown = f"{hide_userinfo(SENTINELS)} {settings.redis_url} {Address.of(SENTINELS)!r}"
    assert not any(secret in shown for secret in ("hunter", "dog77", "watch", "me:"))
    assert {"hunter/22", "hunter%2F22", "dog77"} <= settings.secrets()


def test_settings_that_a_connection_has_to_know_are_in_its_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """The namespace for a cluster, the replicas for all; twice completed is once completed, and else it stays."""
    plain = _settings(monkeypatch, REDIS_URL="unix:///run/redis.sock?db=1")
    assert completed(plain) == "unix:///run/redis.sock?db=1"
    waiting = _settings(monkeypatch, DRAMATURG_WAIT_REPLICAS="1", DRAMATURG_WAIT_TIMEOUT="0.5")
    assert completed(waiting) == "unix:///run/redis.sock?db=1&wait_replicas=1&wait_ms=500"
    cluster = _settings(monkeypatch, REDIS_URL="redis+cluster://h1,h2/", DRAMATURG_NAMESPACE="shop")
    url = completed(cluster)
    assert url == "redis+cluster://h1,h2/?namespace=shop&wait_replicas=1&wait_ms=500"
    assert completed(_settings(monkeypatch, REDIS_URL=url)) == url
    address = Address.of(url)
    assert (address.namespace, address.replicas, address.wait_ms) == ("shop", 1, 500)

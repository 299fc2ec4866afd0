"""What takes the place of a run that has not started is that send, with all that belongs to its payload."""

from __future__ import annotations

import pytest

from pipeline.engine.connection import connect
from pipeline.engine.records import NewRun
from pipeline.engine.store import Store


@pytest.fixture
def store(redis_url: str) -> Store:
    """The store of an empty Redis."""
    return Store(connect(redis_url), "dramaturg")


def sent(store: Store, run_id: str, **options: object) -> str:
    message = b'{"message_id":"%s"}' % run_id.encode()
    run = NewRun(id=run_id, actor="a", queue="q", message=message, key="k", mode="replace", **options)  # type: ignore[arg-type] # its own
    return store.enqueue([run])[0]


def claimed(store: Store, version: int) -> list[str]:
    return [
        lease.run_id for lease in store.claim("w", f"c{version}", {"q": 9}, {"a": version}, want=9, lease_ms=9000)[0]
    ]


def test_a_newer_payload_waits_for_newer_code(store: Store) -> None:
    """The version is the payload's: an older worker does not take what it cannot read."""
    assert sent(store, "one") == "one"
    assert sent(store, "two", version=2) == "one"
    assert claimed(store, 1) == []
    assert claimed(store, 2) == ["one"]


def test_an_older_payload_is_read_as_one(store: Store) -> None:
    """A sender of the former version puts its payload, and its version, in the place of the newer one."""
    sent(store, "one", version=2)
    assert sent(store, "two") == "one"
    assert claimed(store, 1) == ["one"]


def test_a_deadline_goes_with_its_send(store: Store) -> None:
    """The former one's is forgotten, whether the new one has one or not."""
    sent(store, "one", deadline_ms=1)
    assert sent(store, "two") == "one"
    assert claimed(store, 1) == ["one"]

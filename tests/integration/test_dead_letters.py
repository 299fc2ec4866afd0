"""Dead runs on a real Redis: found, grouped, sent again as they are or edited, and removed."""

from __future__ import annotations

import itertools
from datetime import timedelta

import orjson
import pytest
import redis
from pydantic import BaseModel

from pipeline import InvalidInput, actor
from pipeline.blobs import Blobs
from pipeline.dead_letters import DeadLetters, NotDead, Wanted
from pipeline.engine import keys
from pipeline.engine.dead_letters import AS_BEFORE, DeadIndex
from pipeline.engine.records import Commit, NewRun
from pipeline.engine.store import Store
from pipeline.engine.values import Values
from pipeline.inspector import Inspector
from pipeline.payload_change import changed

NS = "dead"


class Letter(BaseModel):
    """A payload that is checked."""

    to: str
    copies: int = 1


@actor(name="test.dead.post", queue="q", version=2, upgrades={1: lambda old: {"to": old["address"]}})
def post(letter: Letter) -> str:
    """Known here, so what is made of its dead runs is checked."""
    return letter.to


class Post:
    """A store with dead runs in it."""

    def __init__(self, client: redis.Redis, folder) -> None:
        self.store = Store(client, NS)
        self.inspector = Inspector(self.store, Values(Blobs(folder)))
        self.letters = DeadLetters(self.inspector)
        self.numbers = itertools.count(1)

    def die(self, count: int = 1, *, actor: str = "a", payload: object = None, steps: dict | None = None, **error):
        """Have runs accepted, claimed and committed as dead; gives their ids."""
        ids = [f"r{next(self.numbers)}" for _ in range(count)]
        options = error.pop("options", {})
        fields = {"queue_name": "q", "actor_name": actor, "args": [payload], "kwargs": {}, "options": options}
        self.store.enqueue(
            [
                NewRun(i, actor, "q", orjson.dumps(fields | {"message_id": i}), group="acme", key=error.get("key", ""))
                for i in ids
            ]
        )
        told = orjson.dumps({"kind": "permanent", "type": "E", "message": "broken", "attempt": 1} | error)
        done = 0
        while done < count:
            leases, _ = self.store.claim("w", f"c{ids[0]}-{done}", {"q": 500}, {actor: 9}, want=500, lease_ms=60_000)
            assert leases
            for lease in leases if steps else ():
                for name, value in (steps or {}).items():
                    self.store.save_checkpoint(lease.run_id, lease.fence, name, value)
            self.store.commit([Commit(x.run_id, x.fence, "dead", reason="permanent", error=told) for x in leases])
            done += len(leases)
        return ids

    def record(self, run_id: str) -> dict:
        """Give a record as it is."""
        raw = self.store.client.hgetall(keys.run(NS, run_id))
        return {k.decode(): v.decode() for k, v in raw.items()}


@pytest.fixture
def here(redis_client: redis.Redis, tmp_path) -> Post:
    return Post(redis_client, tmp_path)


def test_dead_runs_are_found_by_what_they_have_in_common(here: Post) -> None:
    """Text in payload or error, actor, queue, kind, group and age; all that is asked must hold."""
    [one] = here.die(payload={"title": "Zellen"}, message="no such page 7", kind="permanent")
    [two] = here.die(actor="b", payload={"title": "Märkte"}, message="timed out after 5 s", kind="timeout")
    [three] = here.die(actor="b", payload=None, message="timed out after 9 s", kind="timeout")

    def found(**wanted) -> list[str]:
        return [run.id for run in here.letters.find(Wanted(**wanted))]

    assert found() == [three, two, one]
    assert found(text="zELLEN") == [one]
    assert found(text="märkte") == [two]
    assert found(text="page 7") == [one]
    assert found(actor="b") == [three, two]
    assert found(kind="timeout", text="märkte") == [two]
    assert found(queue="other") == []
    assert found(since=timedelta(hours=1)) == [three, two, one]
    [group, _] = here.letters.groups(Wanted())
    assert (group.count, group.kind, group.actors) == (2, "timeout", {"b"})
    assert found(group=group.fingerprint) == group.examples == [three, two]
    here.store.client.zadd(keys.finished(NS, "dead"), {one: here.inspector.now_ms() - 7_200_000})
    assert found(since=timedelta(hours=1)) == [three, two]
    assert [run.id for run in here.letters.find(Wanted(), limit=1)] == [three]


def test_thousands_of_runs_of_seven_causes_make_seven_groups(here: Post) -> None:
    """The fingerprints, at the size that is kept."""
    for cause in (
        "document {n} has no page {m}",
        "GET https://host{n}.example.org/{m} answered 404",
        "KeyError: 'title'",
        "KeyError: 'language'",
        "file /data/{n}/{m}.pdf is encrypted",
        "'lesson {n}' is not among the {m} lessons",
        "budget of tenant-{n} is spent since 2026-01-{m:02}",
    ):
        for n in range(10):
            here.die(70, message=cause.format(n=n, m=n + 1), traceback=f"line {n}")
    groups = here.letters.groups(Wanted())
    assert [group.count for group in groups] == [700] * 7


def test_a_dead_run_is_edited_and_sent_again_as_a_new_one(here: Post) -> None:
    """Both know of one another; its place is that of the old one, and its steps are its own."""
    [old] = here.die(payload={"to": "x", "n": 1}, steps={"one": b"1"}, options={"correlation_id": "c7", "flow": "f1"})
    new = here.letters.edit(old, lambda payload: changed(payload, {"to": "y"}))
    assert here.record(old)["retried_as"] == new
    record = here.record(new)
    assert (record["retry_of"], record["state"], record["group"], record["queue"]) == (old, "queued", "acme", "q")
    assert here.inspector.state(old) == "dead"
    shown = here.inspector.show(new)
    assert shown["payload"] == {"to": "y", "n": 1}
    assert shown["message"]["options"] == {"correlation_id": "c7"}
    assert shown["steps"] == []
    [lease], _ = here.store.claim("w", "again", {"q": 9}, {"a": 1}, want=9, lease_ms=60_000)
    assert (lease.run_id, lease.attempt) == (new, 0)
    assert orjson.loads(lease.message)["message_id"] == new
    assert "edited" in [event.event for event in here.inspector.events(old, follow=False)]


def test_an_edited_run_may_go_on_after_the_finished_steps(here: Post) -> None:
    """When they do not depend on what was changed."""
    [old] = here.die(payload={"to": "x"}, steps={"one": b"1"})
    new = here.letters.edit(old, lambda _: {"to": "y"}, keep_steps=True)
    assert here.inspector.show(new)["steps"] == ["one"]
    assert here.inspector.show(old)["steps"] == ["one"]


def test_a_run_is_edited_once_unless_its_successor_is_gone(here: Post) -> None:
    """Two people who mend the same run do not start it twice."""
    [old] = here.die(payload=1, key="k")
    new = here.letters.edit(old, lambda _: 2)
    with pytest.raises(NotDead, match="edited before"):
        here.letters.edit(old, lambda _: 3)
    assert here.record(new)["key"] == "k"
    assert here.store.client.get(f"{{{NS}}}:key:a:k") == new.encode()
    here.store.client.delete(keys.run(NS, new))
    assert here.letters.edit(old, lambda _: 3) != new


def test_an_edited_payload_is_checked_where_the_actor_is_known(here: Post) -> None:
    """The field is named, and nothing is sent; the payload of an older version is upgraded before."""
    [old] = here.die(actor="test.dead.post", payload={"address": "x"})
    with pytest.raises(InvalidInput, match="copies"):
        here.letters.edit(old, lambda payload: changed(payload, {"copies": "many"}))
    assert "retried_as" not in here.record(old)
    new = here.letters.edit(old, lambda payload: changed(payload, {"copies": "2"}))
    assert here.inspector.show(new)["payload"] == {"to": "x", "copies": 2}
    assert here.record(new)["version"] == "2"


def test_what_is_not_dead_is_left_alone(here: Post) -> None:
    """Retried, discarded or edited: only what is dead, and only what is there."""
    [old] = here.die(payload=1)
    assert here.letters.retry(old) == old
    for act in (here.letters.retry, here.letters.discard, lambda i: here.letters.edit(i, lambda _: 1)):
        with pytest.raises(NotDead):
            act(old)
        with pytest.raises(KeyError):
            act("nobody")
    assert here.inspector.state(old) == "queued"


def test_the_script_of_an_edit_may_be_called_twice_and_only_takes_dead_runs(here: Post) -> None:
    """A lost reply is followed by the same call; a run that was retried meanwhile is not started twice."""
    [old] = here.die(payload=1)
    index = DeadIndex(here.store)
    for _ in range(2):
        assert index.retry_edited(old, "new", b"{}", gates=AS_BEFORE, version=AS_BEFORE, keep_steps=False) == 1
    assert here.store.client.zcard(keys.ready(NS, "q")) == 1
    [other] = here.die(payload=1)
    here.letters.retry(other)
    assert index.retry_edited(other, "newer", b"{}", gates=AS_BEFORE, version=AS_BEFORE, keep_steps=False) == 0
    assert index.retry_edited("nobody", "newer", b"{}", gates=AS_BEFORE, version=AS_BEFORE, keep_steps=False) == -1
    assert here.inspector.state("newer") is None


def test_a_retried_run_has_its_attempts_and_waits_anew(here: Post) -> None:
    """What bounded the former tries does not bound these."""
    [old] = here.die(payload=1)
    here.store.client.hset(keys.run(NS, old), mapping={"waited_ms": 9_000_000, "timeouts": 3, "snoozes": 99})
    here.letters.retry(old)
    record = here.record(old)
    assert not {"waited_ms", "timeouts", "reason", "finished_ms"} & record.keys()
    assert (record["attempt"], record["snoozes"]) == ("0", "0")


def test_a_discarded_run_leaves_nothing_behind(here: Post) -> None:
    """Record, log, steps, errors and text."""
    [old] = here.die(payload=1, steps={"one": b"1"}, key="k")
    here.store.client.hset(keys.run(NS, old) + ":text", "text", 0)
    here.letters.discard(old)
    assert not [key for key in here.store.client.keys("*") if old.encode() in key or b":key:" in key]

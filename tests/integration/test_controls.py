"""The commands that change what stands before runs and calls, at a Redis that no worker works on."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline import Breaker, Budget, Limit
from pipeline.engine import keys
from pipeline.engine.connection import connect
from pipeline.engine.declarations import Declarations
from pipeline.engine.gates import Asking, Gates, Reserved, Settling
from pipeline.engine.records import NewRun
from pipeline.engine.store import Store
from tests.support.command_line import CommandHere

NS = "dramaturg"


@pytest.fixture
def dramaturg(redis_url: str, home: Path) -> CommandHere:
    """The command, at an empty Redis."""
    return CommandHere({"REDIS_URL": redis_url, "DRAMATURG_HOME": str(home), "COLUMNS": "300"})


@pytest.fixture
def store(redis_url: str) -> Store:
    """The store of the same Redis."""
    return Store(connect(redis_url), NS)


def running(store: Store, *, group: str = "", actor: str = "a", gates: str = "", queue: str = "q") -> tuple[str, int]:
    """A run that a worker has in hand; gives its id and its fence."""
    run_id = f"r{store.client.incr(keys.prefix(NS) + 'test')}"
    message = b'{"actor_name":"%s"}' % actor.encode()
    store.enqueue([NewRun(id=run_id, actor=actor, queue=queue, message=message, group=group, gates=gates)])
    leases, _ = store.claim("w", f"c{run_id}", {queue: 9}, {actor: 1}, want=9, lease_ms=60_000)
    assert [lease.run_id for lease in leases] == [run_id]
    return run_id, leases[0].fence


def asking(run: tuple[str, int], model: str, *, group: str = "", call: str = "c1", micros: int = 500_000) -> Asking:
    return Asking(
        run_id=run[0],
        fence=run[1],
        call_id=call,
        model=model,
        tokens=100,
        micros=micros,
        group=group,
        flow="",
        actor="a",
    )


def settling(asked: Asking, got: Reserved, *, micros: int = 200_000, health: str = "ok") -> Settling:
    record = {"outcome": ""}
    return Settling(asked, got, health, 0, 0.1, 40, micros, record)  # type: ignore[arg-type] # one of its words


def test_a_limit_is_set_part_by_part_and_taken_back(dramaturg: CommandHere, store: Store) -> None:
    """What is not said stays, 0 takes a part away, and what the workers declared is there again in the end."""
    Declarations(store).declare("w", [Limit("mail", rate=5, concurrency=2)], [Breaker()], [])
    (row,) = dramaturg("limits", "ls", "--json").json["limits"]
    assert (row["limit"], row["by_hand"], row["settings"]["rate"]) == ("mail", False, 5)
    row = dramaturg("limits", "set", "mail", "--rate", "100", "--per", "1m", "--json").json
    assert row["settings"] == {"on": "start", "by": "", "per_ms": 60_000, "rate": 100, "burst": 3, "concurrency": 2}
    assert row["by_hand"]
    row = dramaturg("limits", "set", "mail", "--concurrency", "0", "--burst", "9", "--json").json
    assert row["settings"] == {"on": "start", "by": "", "per_ms": 60_000, "rate": 100, "burst": 9}
    assert "100 per 1m" in dramaturg("limits", "ls").stdout
    assert dramaturg("limits", "unset", "mail", "--json").json == {"limit": "mail", "outcome": "unset"}
    (row,) = dramaturg("limits", "ls", "--json").json["limits"]
    assert (row["by_hand"], row["settings"]["rate"], row["settings"]["concurrency"]) == (False, 5, 2)
    assert "Nothing was set by hand" in dramaturg("limits", "unset", "mail", code=1).stderr


def test_a_key_of_a_limit_has_a_setting_of_its_own(dramaturg: CommandHere, store: Store) -> None:
    """One tenant may have more than the others; a limit that counts nothing separately has no keys."""
    limits = [Limit("mail", rate=5, by="group"), Limit("all", rate=1)]
    Declarations(store).declare("w", limits, [Breaker()], [])
    row = dramaturg("limits", "set", "mail=acme", "--rate", "50", "--json").json
    assert (row["limit"], row["settings"]["by"]) == ("mail=acme", "group")
    rows = {row["limit"]: row for row in dramaturg("limits", "ls", "--json").json["limits"]}
    assert rows["mail"]["settings"]["rate"] == 5
    assert rows["mail=acme"]["settings"]["rate"] == 50
    assert "counts nothing separately" in dramaturg("limits", "set", "all=acme", "--rate", "2", code=2).stderr


def test_a_limit_in_use_shows_permits_and_what_waits(dramaturg: CommandHere, store: Store) -> None:
    """Permits that are out, the line that waits for one, and when it is looked at."""
    Declarations(store).declare("w", [Limit("mail", concurrency=1)], [Breaker()], [])
    running(store, gates="l:mail")
    store.enqueue([NewRun(id="second", actor="a", queue="q", message=b"{}", gates="l:mail")])
    assert store.claim("w", "again", {"q": 9}, {"a": 1}, want=9, lease_ms=60_000)[0] == []
    (row,) = dramaturg("limits", "ls", "mail", "--json").json["limits"]
    assert (row["out"], row["lanes"]) == (1, 1)
    assert row["next_ms"]
    assert "1, next in" in dramaturg("limits", "ls").stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("mail",), "Nothing is to be changed"),
        (("mail", "--rate", "0"), "limits nothing"),
        (("a b", "--rate", "1"), "needs a short name"),
        (("mail", "--rate", "1", "--per", "2 parsecs"), "--per: is no duration"),
        (("mail", "--rate", "1", "--per", "0s"), "--per 0s: must be more than nothing"),
        (("mail", "--tokens", "5"), "counted on='call'"),
    ],
)
def test_a_limit_that_is_none_is_refused(dramaturg: CommandHere, arguments: tuple[str, ...], told: str) -> None:
    """With exit code 2, and nothing is changed."""
    assert told in dramaturg("limits", "set", *arguments, code=2).stderr
    assert dramaturg("limits", "ls", "--json").json == {"limits": []}


def test_a_limit_that_no_actor_names_is_set_with_a_warning(dramaturg: CommandHere) -> None:
    """A limit of calls is in force over all calls; one of starts needs an actor that names it."""
    assert "limits nothing yet" in dramaturg("limits", "set", "mail", "--rate", "1").stderr
    calls = ("limits", "set", "calls", "--on", "call", "--by", "model", "--tokens", "90000", "--per", "1m")
    assert dramaturg(*calls).stderr == ""


def test_breakers_are_listed_opened_and_closed(dramaturg: CommandHere, store: Store) -> None:
    """Declared ones, those of models that were called, and those that somebody opened; * is a setting and none."""
    said = Declarations(store)
    said.declare("w", [], [Breaker(), Breaker("shelf")], [])
    gates, run = Gates(store), running(store)
    asked = asking(run, "openai:gpt")
    got = gates.reserve(asked)
    assert isinstance(got, Reserved)
    gates.settle(settling(asked, got, health="fail"))
    rows = {row["breaker"]: row for row in dramaturg("breakers", "ls", "--json").json["breakers"]}
    assert rows.keys() == {"shelf", "openai", "openai:gpt"}
    assert (rows["openai:gpt"]["calls"], rows["openai:gpt"]["failures"]) == (1, 1)
    assert {row["state"] for row in rows.values()} == {"closed"}
    assert (rows["shelf"]["settings"], rows["openai"]["settings"]) == ("declared", "*")
    row = dramaturg("breakers", "open", "anthropic", "--for", "10m", "--reason", "red page", "--json").json
    assert (row["breaker"], row["state"], row["reason"]) == ("anthropic", "open", "red page")
    assert row["until_ms"] - row["since_ms"] == 600_000
    refused = gates.reserve(asking(run, "anthropic:opus", call="c2"))
    assert refused is not None
    assert not isinstance(refused, Reserved)
    assert "red page" in dramaturg("breakers", "ls").stdout
    assert dramaturg("breakers", "close", "anthropic", "--json").json["state"] == "closed"
    assert isinstance(gates.reserve(asking(run, "anthropic:opus", call="c3")), Reserved)
    assert "the setting of all" in dramaturg("breakers", "open", "*", code=2).stderr
    assert "--for" in dramaturg("breakers", "open", "openai", "--for", "soon", code=2).stderr


def test_a_limited_model_is_shown_as_that(dramaturg: CommandHere, store: Store) -> None:
    """It is closed, and asked to be called later."""
    Declarations(store).declare("w", [], [Breaker()], [])
    gates, run = Gates(store), running(store)
    asked = asking(run, "openai:gpt")
    got = gates.reserve(asked)
    assert isinstance(got, Reserved)
    limited = Settling(asked, got, "limited", 30_000, 0.1, 0, 0, {"outcome": "rate limit"})
    gates.settle(limited)
    rows = {row["breaker"]: row["state"] for row in dramaturg("breakers", "ls", "--json").json["breakers"]}
    assert rows == {"openai:gpt": "limited"} | {name: "closed" for name in rows if name != "openai:gpt"}


def test_a_breaker_says_why_it_is_open(dramaturg: CommandHere, store: Store) -> None:
    """What the failed call came to, and not why this model was asked."""
    Declarations(store).declare("w", [], [Breaker(minimum=1)], [])
    gates, run = Gates(store), running(store)
    asked = asking(run, "openai:gpt")
    got = gates.reserve(asked)
    assert isinstance(got, Reserved)
    told = {"reason": "the first was away", "outcome": "unavailable"}
    gates.settle(Settling(asked, got, "down", 0, 0.1, 0, 0, told))
    rows = {row["breaker"]: row["reason"] for row in dramaturg("breakers", "ls", "--json").json["breakers"]}
    assert "unavailable" in rows.values(), rows


def test_budgets_show_what_is_used_reserved_and_left(dramaturg: CommandHere, store: Store) -> None:
    """For each tenant that was served in this period, to the millionth of a dollar."""
    said = [Budget("day", usd=2), Budget("tenants", tokens=1000, by="group")]
    Declarations(store).declare("w", [], [Breaker()], said)
    gates, run = Gates(store), running(store, group="acme")
    asked = asking(run, "openai:gpt", group="acme")
    got = gates.reserve(asked)
    assert isinstance(got, Reserved)
    rows = {row["budget"]: row for row in dramaturg("budgets", "ls", "--json").json["budgets"]}
    assert rows["day"]["reserved"]["micros"] == 500_000
    assert rows["day"]["left"] == {"micros": 1_500_000}
    assert (rows["tenants=acme"]["reserved"]["tokens"], rows["tenants=acme"]["left"]) == (100, {"tokens": 900})
    gates.settle(settling(asked, got))
    rows = {row["budget"]: row for row in dramaturg("budgets", "ls", "--json").json["budgets"]}
    assert (rows["day"]["used"]["micros"], rows["day"]["reserved"]["micros"]) == (200_000, 0)
    assert rows["tenants=acme"]["left"] == {"tokens": 960}
    assert "$1.8000" in dramaturg("budgets", "ls").stdout


def test_a_budget_set_by_hand_is_in_force_with_the_next_call(dramaturg: CommandHere, store: Store) -> None:
    """A tenant's own, over what is declared for all; taken back, the former is there again."""
    Declarations(store).declare("w", [], [Breaker()], [Budget("tenants", usd=5, by="group")])
    gates, run = Gates(store), running(store, group="acme")
    row = dramaturg("budgets", "set", "tenants=acme", "--usd", "0.10", "--then", "stop", "--json").json
    assert row["settings"] == {"by": "group", "then": "stop", "per_ms": 86_400_000, "micros": 100_000}
    refused = gates.reserve(asking(run, "openai:gpt", group="acme"))
    assert refused is not None
    assert not isinstance(refused, Reserved)
    assert (refused.gate, refused.then) == ("m:tenants=acme", "stop")
    dramaturg("budgets", "unset", "tenants=acme")
    assert isinstance(gates.reserve(asking(run, "openai:gpt", group="acme")), Reserved)
    row = dramaturg("budgets", "set", "ever", "--tokens", "5", "--per", "never", "--json").json
    assert (row["settings"]["per_ms"], row["until_ms"]) == (0, None)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("day",), "Nothing is to be changed"),
        (("day", "--usd", "twelve"), "is no amount of dollars"),
        (("day", "--per", "1d"), "limits nothing"),
        (("day", "--usd", "1", "--by", "moon"), "[budgets.day] by"),
        (("day=acme", "--usd", "1"), "is one budget for all"),
    ],
)
def test_a_budget_that_is_none_is_refused(dramaturg: CommandHere, arguments: tuple[str, ...], told: str) -> None:
    """With exit code 2, and nothing is changed."""
    assert told in dramaturg("budgets", "set", *arguments, code=2).stderr
    assert dramaturg("budgets", "ls", "--json").json == {"budgets": []}


def test_what_is_paused_does_not_start(dramaturg: CommandHere, store: Store) -> None:
    """A queue, an actor, a group: each stays where it is, and starts when it is resumed."""
    running(store, queue="mail", actor="a", group="acme")

    def claimed(name: str) -> list[str]:
        return [lease.run_id for lease in store.claim("w", name, {"mail": 9}, {"a": 1}, want=9, lease_ms=60_000)[0]]

    for number, what in enumerate((("mail",), ("--actor", "a"), ("--group", "acme"))):
        assert dramaturg("queues", "pause", *what, "--json").json["outcome"] == "paused"
        assert dramaturg("queues", "pause", *what, "--json").json["outcome"] == "was paused"
        store.enqueue([NewRun(id=f"n{number}", actor="a", queue="mail", message=b"{}", group="acme")])
        assert claimed(f"p{number}") == []
        assert len(dramaturg("queues", "--json").json["paused"]) == 1
        assert "Paused for" in dramaturg("queues").stdout
        assert dramaturg("queues", "resume", *what, "--json").json["outcome"] == "resumed"
        assert claimed(f"r{number}") == [f"n{number}"]
    assert dramaturg("queues", "resume", "mail", "--json").json["outcome"] == "was not paused"


@pytest.mark.parametrize("what", ["queue", "group"])
def test_a_pause_holds_runs_that_waited_for_their_code(dramaturg: CommandHere, store: Store, what: str) -> None:
    """A run whose actor was unknown until now does not slip past the pause of its queue or its group."""
    store.enqueue([NewRun(id="early", actor="a", queue="mail", message=b"{}", group="acme")])
    assert store.claim("old", "c1", {"mail": 9}, {"b": 1}, want=9, lease_ms=60_000)[0] == []
    dramaturg("queues", "pause", *(("mail",) if what == "queue" else ("--group", "acme")))
    assert store.claim("new", "c2", {"mail": 9}, {"a": 1}, want=9, lease_ms=60_000)[0] == []
    dramaturg("queues", "resume", *(("mail",) if what == "queue" else ("--group", "acme")))
    leases, _ = store.claim("new", "c3", {"mail": 9}, {"a": 1}, want=9, lease_ms=60_000)
    assert [lease.run_id for lease in leases] == ["early"]


def test_draining_ends_when_nothing_runs(dramaturg: CommandHere, store: Store) -> None:
    """With a time limit that is over before, the exit code is 4, and the queue stays paused."""
    running(store, queue="mail", group="acme")
    told = dramaturg("queues", "drain", "mail", "--timeout", "300ms", code=4)
    assert "1 run still runs after 300ms" in told.stderr
    assert [one["what"] for one in dramaturg("queues", "--json").json["paused"]] == ["queue:mail"]
    told = dramaturg("queues", "drain", "--group", "other", "--json")
    assert told.json == {"what": "group:other", "outcome": "drained", "running": 0}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [((), "Name one"), (("q", "--actor", "a"), "Name one"), (("nope",), "There is no queue 'nope'")],
)
def test_what_is_to_be_paused_has_one_name(dramaturg: CommandHere, arguments: tuple[str, ...], told: str) -> None:
    """A queue that never was is a mistake in writing."""
    assert told in dramaturg("queues", "pause", *arguments, code=2).stderr


def test_a_weight_is_how_many_turns_a_group_gets(dramaturg: CommandHere, store: Store) -> None:
    """Three to one, from the next claim on; 1 is forgotten again."""
    names = [(f"{group}{n}", group) for n in range(6) for group in ("acme", "other")]
    dramaturg("queues", "weight", "acme", "3")
    runs = [NewRun(id=name, actor="a", queue="mail", message=b"{}", group=group) for name, group in names]
    store.enqueue(runs)
    taken = [lease.run_id for lease in store.claim("w", "c", {"mail": 8}, {"a": 1}, want=8, lease_ms=60_000)[0]]
    assert sum(name.startswith("acme") for name in taken) == 6
    dramaturg("queues", "weight", "acme", "1")
    assert store.client.hgetall(f"{{{NS}}}:weight") == {}

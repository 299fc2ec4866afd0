"""Redis Cluster: one namespace is one slot, and the client is where it is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import redis

from pipeline import Unavailable
from pipeline.engine import keys
from pipeline.engine.connection import connect
from pipeline.engine.records import NewRun
from pipeline.engine.server_checks import check_server
from pipeline.engine.store import Store
from tests.actors.chained import Order, tally
from tests.actors.plain import echo
from tests.actors.stepped import Walk, walk
from tests.chaos.stage import Stage, stage
from tests.support.redis_cluster import RedisCluster

SECOND = timedelta(seconds=1)


@pytest.fixture(scope="module")
def cluster() -> Iterator[RedisCluster]:
    """Three nodes that share the slots."""
    with RedisCluster() as nodes:
        yield nodes


@pytest.fixture(scope="module")
def place(cluster: RedisCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A sender and a worker of four threads at the cluster, whose namespace stays where it is."""
    with stage(cluster.url, tmp_path_factory.mktemp("cluster"), "stays") as here:
        here.worker(threads=4)
        yield here


def test_a_flow_of_actors_runs_on_the_one_node_that_serves_its_namespace(place: Stage, cluster: RedisCluster) -> None:
    """Steps, children, a join and what waits for it; no other node holds a key, and all begin with the hash tag."""
    flow = tally.send(Order(words=["a", "bb"]))
    assert flow.result(20 * SECOND)
    assert walk.send(Walk(start=4)).result(10 * SECOND) == 7
    held = {}
    for node in cluster.nodes:
        with node.client() as client:
            held[node.port] = [key for key in client.scan_iter(count=1000) if b"{stays}" in key]
    ours = cluster.node_of("stays").port
    assert held.pop(ours)
    assert not any(held.values())


def test_a_cluster_is_fit_and_what_is_asked_of_it_is_asked_of_our_node(cluster: RedisCluster) -> None:
    """Also what names no key: INFO is that of the node that serves the namespace."""
    for namespace in ("a", "b", "c", "d"):
        with connect(cluster.url_for(namespace)) as client:
            assert client.info("server")["tcp_port"] == cluster.node_of(namespace).port
            assert not [found for found in check_server(client) if found.level == "error"]


def test_a_namespace_that_moves_takes_its_runs_along(place: Stage, cluster: RedisCluster, tmp_path: Path) -> None:
    """Worker and sender follow; while the slot is on its way nothing is served, and nothing is lost or done twice."""
    with stage(cluster.url, tmp_path, "moves") as here:
        worker = here.worker(threads=2)
        ids = here.accept(walk.send_many([Walk(seconds=0.05, start=n) for n in range(12)]))
        target = cluster.move_slot("moves", keep_open=True)
        with pytest.raises(Unavailable, match="does not serve"):
            Store(connect(cluster.url), "moves").enqueue([NewRun("r1", "test.echo", "default", b"{}")])
        cluster.close_slot("moves", target)
        assert echo.send("after").result(20 * SECOND) == "after"
        states = here.settle(ids, 30 * SECOND)
        assert set(states.values()) == {"completed"}
        assert here.findings().clean
        assert worker.alive
        assert cluster.node_of("moves") is target


def test_a_refused_command_goes_to_the_right_node_and_is_done_once(cluster: RedisCluster) -> None:
    """A client of before the move: its next command is refused, followed, and counted once."""
    key = keys.prefix("counts") + "n"
    with connect(cluster.url_for("counts")) as client:
        assert client.incr(key) == 1
        cluster.move_slot("counts")
        assert client.incr(key) == 2
        assert client.get(key) == b"2"


def test_commands_sent_together_are_not_repeated_when_only_the_last_is_refused(cluster: RedisCluster) -> None:
    """The first was done; the caller hears of it, and the client does not do it again."""
    key = keys.prefix("mixed") + "n"
    with connect(cluster.url_for("mixed")) as client:
        elsewhere = next(name for name in "abcdefgh" if cluster.node_of(name).port != cluster.node_of("mixed").port)
        with client.pipeline(transaction=False) as pipe:
            pipe.incr(key)
            pipe.get(keys.prefix(elsewhere))
            with pytest.raises(redis.ConnectionError):
                pipe.execute()
        assert client.get(key) == b"1"


def test_a_plain_address_of_a_cluster_says_how_to_write_it(cluster: RedisCluster) -> None:
    """Whoever copies the address of one node is told what to begin it with."""
    wrong = next(node for node in cluster.nodes if node is not cluster.node_of("stays"))
    with wrong.client() as client, pytest.raises(redis.ConnectionError, match=r"redis\+cluster://"):
        client.get(keys.prefix("stays"))

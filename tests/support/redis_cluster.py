"""A Redis Cluster on this machine: three primaries, and replicas of some of them if wanted."""

from __future__ import annotations

from datetime import timedelta
from typing import Self

import redis
from redis.crc import key_slot

from tests.support.redis_server import RedisServer, _free_port
from tests.support.waiting import eventually

SLOTS = 16384
_PRIMARIES = 3


class RedisCluster:
    """Three nodes that share the slots; ``replicated`` gives each of them a replica."""

    def __init__(self, *, replicated: bool = False, node_timeout: timedelta = timedelta(seconds=1)) -> None:
        timeout_ms = int(node_timeout.total_seconds() * 1000)
        self.nodes = [
            RedisServer(
                tcp=True,
                config={
                    "cluster-enabled": "yes",
                    "cluster-config-file": "nodes.conf",
                    "cluster-node-timeout": str(timeout_ms),
                    "cluster-replica-validity-factor": "0",
                    "cluster-port": str(_free_port()),
                    "repl-diskless-sync-delay": "0",
                },
            )
            for _ in range(_PRIMARIES * (2 if replicated else 1))
        ]

    @property
    def url(self) -> str:
        """The address as the product is given it."""
        hosts = ",".join(f"127.0.0.1:{node.port}" for node in self.nodes[:_PRIMARIES])
        return f"redis+cluster://{hosts}/"

    def url_for(self, namespace: str) -> str:
        """The address as the settings complete it for a namespace."""
        return f"{self.url}?namespace={namespace}"

    @property
    def running(self) -> bool:
        """Whether all of its nodes run."""
        return all(node.running for node in self.nodes)

    def node_of(self, namespace: str) -> RedisServer:
        """The node that serves a namespace."""
        slot = slot_of(namespace)
        for node in self.nodes:
            if not node.running:
                continue
            with node.client() as client:
                rows = client.execute_command("CLUSTER", "SLOTS")
            for first, last, (_, port, *_), *_ in rows:
                if first <= slot <= last:
                    return next(found for found in self.nodes if found.port == port)
        raise AssertionError(f"no node serves slot {slot}")

    def empty(self) -> None:
        """Remove everything from every node."""
        self.settle()
        for node in self.nodes:
            with node.client() as client:
                if client.info("replication")["role"] == "master":
                    client.flushall()
                    client.script_flush()

    def move_slot(self, namespace: str, *, keep_open: bool = False) -> RedisServer:
        """Move a namespace to another node, key by key; with ``keep_open`` the last step is left to ``close_slot``."""
        slot, source = slot_of(namespace), self.node_of(namespace)
        target = next(node for node in self.nodes[:_PRIMARIES] if node is not source)
        with source.client() as old, target.client() as new:
            new.execute_command("CLUSTER", "SETSLOT", slot, "IMPORTING", _id(source))
            old.execute_command("CLUSTER", "SETSLOT", slot, "MIGRATING", _id(target))
            while found := old.execute_command("CLUSTER", "GETKEYSINSLOT", slot, 100):
                old.execute_command("MIGRATE", "127.0.0.1", target.port, "", 0, 5000, "KEYS", *found)
        if not keep_open:
            self.close_slot(namespace, target)
        return target

    def close_slot(self, namespace: str, target: RedisServer) -> None:
        """Say that the slot of a namespace is another node's now."""
        name = _id(target)
        for node in [target, *(other for other in self.nodes[:_PRIMARIES] if other is not target)]:
            with node.client() as client:
                client.execute_command("CLUSTER", "SETSLOT", slot_of(namespace), "NODE", name)

    def settle(self, timeout: timedelta = timedelta(seconds=30)) -> None:
        """Wait until every node that runs finds all slots served."""

        def well() -> bool:
            try:
                return all(self._agrees(node) for node in self.nodes if node.running)
            except redis.RedisError:
                return False

        eventually(well, timeout)

    def start(self) -> Self:
        """Start the nodes, share the slots among the first three, and wait until all agree."""
        if (self.nodes[0].folder / "nodes.conf").exists():
            for node in self.nodes:
                if not node.running:
                    node.start()
            self.settle()
            return self
        for node in self.nodes:
            node.start()
        first, *others = self.nodes
        share = SLOTS // _PRIMARIES + 1
        for n, node in enumerate(self.nodes[:_PRIMARIES]):
            with node.client() as client:
                client.execute_command("CLUSTER", "ADDSLOTSRANGE", n * share, min((n + 1) * share, SLOTS) - 1)
                client.execute_command("CLUSTER", "SET-CONFIG-EPOCH", n + 1)
        for node in others:
            with first.client() as client:
                client.execute_command("CLUSTER", "MEET", "127.0.0.1", first.port, first.config["cluster-port"])
                client.execute_command("CLUSTER", "MEET", "127.0.0.1", node.port, node.config["cluster-port"])
        eventually(lambda: all(_known(node) == len(self.nodes) for node in self.nodes), timedelta(seconds=20))
        for n, node in enumerate(self.nodes[_PRIMARIES:]):
            with node.client() as client:
                client.execute_command("CLUSTER", "REPLICATE", _id(self.nodes[n]))
        self.settle()
        return self

    def stop(self) -> None:
        """End all nodes in an orderly way."""
        for node in self.nodes:
            node.stop()

    def restart(self) -> None:
        """Start the node anew that serves most tests."""
        self.node_of("dramaturg").restart()
        self.settle()

    def remove(self) -> None:
        """End all nodes and leave nothing behind."""
        for node in self.nodes:
            node.remove()

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.remove()
            raise

    def __exit__(self, *_: object) -> None:
        self.remove()

    def _agrees(self, node: RedisServer) -> bool:
        with node.client() as client:
            told = dict(line.split(":") for line in client.execute_command("CLUSTER", "INFO").decode().split())
            replicated = client.info("replication")
        served = told["cluster_state"] == "ok" and int(told["cluster_slots_ok"]) == SLOTS
        return served and (replicated["role"] == "master" or replicated["master_link_status"] == "up")


def slot_of(namespace: str) -> int:
    """Give the slot that all keys of a namespace are in."""
    return int(key_slot(f"{{{namespace}}}:".encode()))


def _id(node: RedisServer) -> str:
    with node.client() as client:
        return str(client.execute_command("CLUSTER", "MYID").decode())


def _known(node: RedisServer) -> int:
    with node.client() as client:
        return len(client.execute_command("CLUSTER", "NODES").decode().splitlines())

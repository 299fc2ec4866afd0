"""A primary, its replicas, and three Sentinels that watch them."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Self

import redis

from pipeline.engine.redis_program import find_redis_program
from tests.support.doors import ServerBehindDoor
from tests.support.redis_server import _free_port
from tests.support.waiting import eventually

#: What the Sentinels call the primary.
SERVICE = "mymaster"

_QUORUM = 2
_REPLICATION = {"repl-diskless-sync-delay": "0", "repl-backlog-size": "16mb"}


class Sentinels:
    """One primary, ``replicas`` of it, and three Sentinels that agree within ``down_after`` that it is gone."""

    def __init__(
        self,
        *,
        replicas: int = 1,
        down_after: timedelta = timedelta(milliseconds=700),
        password: str = "",
        config: dict[str, str] | None = None,
    ) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="dt-sentinels-"))
        self.password = password
        self._down_after_ms = int(down_after.total_seconds() * 1000)
        login = {"requirepass": password, "masterauth": password} if password else {}
        self.servers = [
            ServerBehindDoor(config={**_REPLICATION, **login, **(config or {})}, password=password)
            for _ in range(1 + replicas)
        ]
        self.ports = [_free_port() for _ in range(3)]
        self._processes: list[subprocess.Popen[bytes]] = []

    @property
    def url(self) -> str:
        """The address as the product is given it."""
        hosts = ",".join(f"127.0.0.1:{port}" for port in self.ports)
        login = f":{self.password}@" if self.password else ""
        query = f"?sentinel_password={self.password}" if self.password else ""
        return f"redis+sentinel://{login}{hosts}/{SERVICE}/0{query}"

    @property
    def running(self) -> bool:
        """Whether all of its servers run."""
        return all(server.running for server in self.servers)

    def empty(self) -> None:
        """Remove everything."""
        self.settle()
        with self.primary().client() as client:
            client.flushall()
            client.script_flush()

    def primary(self) -> ServerBehindDoor:
        """The server that the Sentinels name."""
        port = self.named_port()
        return next(server for server in self.servers if server.port == port)

    def others(self) -> list[ServerBehindDoor]:
        """The servers that run and are not the primary."""
        port = self.named_port()
        return [server for server in self.servers if server.port != port and server.running]

    def named_port(self) -> int:
        """The port that the first Sentinel to answer names."""
        for port in self.ports:
            try:
                with self._sentinel(port) as client:
                    found = client.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE)
            except redis.RedisError:
                continue
            return int(found[1])
        raise AssertionError("no Sentinel answers")

    def settle(self, timeout: timedelta = timedelta(seconds=30)) -> None:
        """Wait until the primary takes writes, its running replicas follow it, and every Sentinel knows all of it."""

        def agreed() -> bool:
            primary = self.primary()
            followers = [server for server in self.servers if server.running and server is not primary]
            with primary.client() as client:
                told = client.info("replication")
            if told["role"] != "master" or told["connected_slaves"] < len(followers):
                return False
            if any(told[f"slave{n}"]["state"] != "online" for n in range(told["connected_slaves"])):
                return False
            for port in self.ports:
                with self._sentinel(port) as client:
                    seen = dict(zip(*[iter(client.execute_command("SENTINEL", "MASTER", SERVICE))] * 2, strict=True))
                known = int(seen[b"num-slaves"]), int(seen[b"num-other-sentinels"]), int(seen[b"port"])
                if known[0] < len(followers) or known[1:] != (2, primary.port) or seen[b"flags"] != b"master":
                    return False
            return True

        def well() -> bool:
            try:
                return agreed()
            except (redis.RedisError, AssertionError):
                return False

        eventually(well, timeout)

    def start(self) -> Self:
        """Start the servers, or those that do not run, then the Sentinels, and wait until all know one another."""
        if self._processes:
            for server in self.servers:
                if not server.running:
                    self.rejoin(server)
        else:
            primary, *replicas = self.servers
            primary.start()
            for server in replicas:
                server.config["replicaof"] = f"127.0.0.1 {primary.port}"
                server.start()
            for port in self.ports:
                self._start_sentinel(port, primary.port)
        self.settle()
        return self

    def rejoin(self, server: ServerBehindDoor) -> None:
        """Start a server that was the primary once; as it knows nothing of what happened, it takes itself for it."""
        server.config.pop("replicaof", None)
        server.start()

    def stop(self) -> None:
        """End all servers in an orderly way; the Sentinels go on."""
        for server in self.servers:
            server.stop()

    def restart(self) -> None:
        """Start the primary anew, before anybody misses it or after."""
        self.primary().restart()
        self.settle()

    def remove(self) -> None:
        """End everything and leave nothing behind."""
        for process in self._processes:
            process.kill()
            process.wait(timeout=10)
        for server in self.servers:
            server.remove()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.remove()
            raise

    def __exit__(self, *_: object) -> None:
        self.remove()

    def _sentinel(self, port: int) -> redis.Redis:
        return redis.Redis(port=port, password=self.password or None, protocol=2, socket_timeout=2)

    def _start_sentinel(self, port: int, watched: int) -> None:
        config = self.folder / f"{port}.conf"
        lines = [
            f"port {port}",
            "bind 127.0.0.1",
            f"dir {self.folder}",
            f"sentinel monitor {SERVICE} 127.0.0.1 {watched} {_QUORUM}",
            f"sentinel down-after-milliseconds {SERVICE} {self._down_after_ms}",
            f"sentinel failover-timeout {SERVICE} 6000",
        ]
        if self.password:
            lines += [f"sentinel auth-pass {SERVICE} {self.password}", f"requirepass {self.password}"]
            lines += [f"sentinel sentinel-pass {self.password}"]
        config.write_text("\n".join(lines) + "\n")
        with (self.folder / f"{port}.log").open("ab") as log:
            self._processes.append(
                subprocess.Popen(
                    [find_redis_program().path, str(config), "--sentinel"],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            )

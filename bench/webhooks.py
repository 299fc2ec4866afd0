"""``python -m bench.webhooks``: how long webhooks take to be answered, and how many are taken in a second.

One server process as ``dramaturg webhooks`` runs it, a private Redis, and clients on the same machine: so many at a
time, each with a connection of its own, posting signed WhatsApp statuses that are all different.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import sys
import tempfile
import time
from pathlib import Path
from statistics import quantiles

from bench.machine import describe
from tests.support import hooks
from tests.support.processes import processes
from tests.support.redis_server import RedisServer
from tests.support.waiting import eventually

SECRET = "bench-app-secret"


async def post_all(port: int, count: int, clients: int, wrong: bool) -> list[float]:
    """Post so many events, and give how long each answer took, in seconds."""
    took: list[float] = []
    numbers = iter(range(count))

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for number in numbers:
            body = hooks.whatsapp_body(statuses=[hooks.status(f"wamid.{os.getpid()}.{clients}.{number}", "delivered")])
            signed = hooks.meta("wrong" if wrong else SECRET, body)
            head = [f"{name}: {value}" for name, value in signed.items()]
            lines = ["POST /whatsapp HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}", *head]
            began = time.perf_counter()
            writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
            answer = (await reader.readuntil(b"\r\n\r\n")).decode()
            length = re.search(r"content-length: (\d+)", answer, re.IGNORECASE)
            await reader.readexactly(int(length[1]) if length else 0)
            took.append(time.perf_counter() - began)
            assert answer.split()[1] == ("401" if wrong else "200"), answer
        writer.close()

    await asyncio.gather(*(client() for _ in range(clients)))
    return took


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.webhooks", description=__doc__)
    parser.add_argument("--count", type=int, default=4_000, metavar="N", help="requests of each row")
    chosen = parser.parse_args()
    print("; ".join(f"{name}: {value}" for name, value in describe().items()))
    print("\n| requests | clients | a second | p50 ms | p95 ms | p99 ms |\n|---|---|---|---|---|---|")
    with RedisServer() as server, tempfile.TemporaryDirectory() as folder, processes(Path(folder)) as running:
        env = {"REDIS_URL": server.url, "DRAMATURG_HOME": folder, "DRAMATURG_WEBHOOKS_WHATSAPP_SECRET": SECRET}
        command = [sys.executable, "-m", "pipeline.cli", "webhooks", "--port", "0"]
        process = running.start(command, env={**env, "DRAMATURG_LOG_LEVEL": "warning"})
        port = int(eventually(lambda: re.search(r"Listening on http://[\d.]+:(\d+)", process.output))[1])
        asyncio.run(post_all(port, 200, 4, wrong=False))  # what is imported at the first use
        for what, clients, wrong in (
            ("accepted", 1, False),
            ("accepted", 16, False),
            ("accepted", 64, False),
            ("refused", 16, True),
        ):
            began = time.perf_counter()
            took = asyncio.run(post_all(port, chosen.count, clients, wrong))
            rate = len(took) / (time.perf_counter() - began)
            cuts = quantiles(took, n=100)
            print(
                f"| {what} | {clients} | {rate:,.0f} | "
                + " | ".join(f"{cuts[at - 1] * 1000:.1f}" for at in (50, 95, 99))
                + " |"
            )
        process.terminate()
        process.popen.wait(20)
    return 0


if __name__ == "__main__":
    sys.exit(main())

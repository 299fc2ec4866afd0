"""The process that sends, apart from all others so that its time is its own.

``python -m bench.sender PEER ACTOR COUNT [--many] [--every SECONDS] [--first NUMBER]`` prints one JSON object: how long
it took, its processor time, and when it sent each job if it sent them apart.
"""

from __future__ import annotations

import argparse
import importlib
import json
import random
import time


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("peer")
    parser.add_argument("actor")
    parser.add_argument("count", type=int)
    parser.add_argument("--many", action="store_true")
    parser.add_argument("--every", type=float, default=0.0)
    parser.add_argument("--first", type=int, default=0)
    chosen = parser.parse_args()
    peer = importlib.import_module(f"bench.peers.{chosen.peer}")
    numbers = range(chosen.first, chosen.first + chosen.count)
    peer.send("noop", [])  # what is imported and connected at the first use is not part of the rate
    sent: list[tuple[int, int]] = []
    begun, used = time.monotonic(), time.process_time()
    if chosen.every:
        chance = random.Random(chosen.first)
        for number in numbers:
            time.sleep(chosen.every * chance.uniform(0.8, 1.2))
            sent.append((number, time.monotonic_ns()))
            peer.send(chosen.actor, [number])
    elif chosen.many:
        peer.send_many(chosen.actor, numbers)
    else:
        peer.send(chosen.actor, numbers)
    print(json.dumps({"seconds": time.monotonic() - begun, "cpu": time.process_time() - used, "sent": sent}))


if __name__ == "__main__":
    main()

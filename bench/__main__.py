"""``python -m bench``: measures Dramaturg beside stock Dramatiq in the same run, and prints one table."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path

from bench.machine import describe
from bench.site import StalledError, end_on_sigterm, peer_named, site
from bench.size import FULL, QUICK
from bench.table import ROWS, Samples, render
from pipeline.engine.redis_program import find_redis_program


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few samples: shows that it works, not how fast it is")
    parser.add_argument("--rows", default="", help=f"only these, with commas: {', '.join(row.name for row in ROWS)}")
    parser.add_argument("--peers", default="ours,stock", help="with commas")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every sample there as well")
    chosen = parser.parse_args()
    end_on_sigterm()
    size = QUICK if chosen.quick else FULL
    peers = [peer_named(name) for name in chosen.peers.split(",")]
    wanted = set(filter(None, chosen.rows.split(","))) or {row.name for row in ROWS}
    if unknown := wanted - {row.name for row in ROWS}:
        parser.error(f"no such row: {', '.join(sorted(unknown))}")

    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # a program that starts twice is compiled once, as anywhere
    machine = {**describe(), "redis": str(find_redis_program()), "load at the start": f"{os.getloadavg()[0]:.1f}"}
    found: dict[str, dict[str, Samples]] = {}
    problems: list[str] = []
    began = time.monotonic()
    for row in ROWS:
        if row.name not in wanted:
            continue
        found[row.name] = {peer.name: {} for peer in peers}
        for repeat in range(size.repeats if row.repeated else 1):
            for peer in peers:  # in turn, so that what else the machine does falls on all of them
                print(
                    f"{time.monotonic() - began:6.0f} s  {row.name} {repeat + 1}, {peer.name}",
                    file=sys.stderr,
                    flush=True,
                )
                try:
                    with site(peer) as place:
                        for key, samples in row.measure(place, size).items():
                            found[row.name][peer.name].setdefault(key, []).extend(samples)
                except (StalledError, RuntimeError) as problem:
                    problems.append(f"{row.name}, {peer.name}: {problem}")
                    print(problem, file=sys.stderr)
    names = [peer.name for peer in peers]
    print(f"{'; '.join(f'{name}: {value}' for name, value in machine.items())}")
    print(
        f"{'; '.join(f'{peer.name}: {peer.version()}' for peer in peers)}; {'quick' if chosen.quick else 'full'} run\n"
    )
    print(render(found, names))
    for text in problems:
        print(f"\nnot measured: {text.splitlines()[0]}")
    if chosen.json:
        chosen.json.write_text(json.dumps({"machine": machine, "quick": chosen.quick, "samples": found}, indent=1))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())

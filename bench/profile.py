"""``python -m bench.profile [PEER] [JOBS]``: where the workers' processor time goes while they drain a backlog."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from bench.site import end_on_sigterm, peer_named, site

_SHOWN = 35


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.profile", description=__doc__)
    parser.add_argument("peer", nargs="?", default="ours")
    parser.add_argument("jobs", nargs="?", type=int, default=40_000)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--threads", type=int, default=8)
    chosen = parser.parse_args()
    end_on_sigterm()
    with tempfile.TemporaryDirectory(prefix="dt-profile-") as name, site(peer_named(chosen.peer)) as place:
        place.send("noop", chosen.jobs, many=True)
        place.env.update(BENCH_PROFILE=name, PYTHONPATH=str(Path(__file__).parent / "profiling"))
        before = place.redis_cpu_seconds()
        place.workers(chosen.processes, chosen.threads)
        place.wait_for(chosen.jobs)
        redis_us = (place.redis_cpu_seconds() - before) / chosen.jobs * 1e6
        marks = place.marks()
        rate = len(marks) / ((marks[-1].at - marks[0].at) / 1e9)
        time.sleep(2.5)  # every process has written its report since
        totals: dict[str, Counter[str]] = {part: Counter() for part in ("threads", "alone", "within", "calls")}
        for file in Path(name).glob("*.json"):
            for part, values in json.loads(file.read_text()).items():
                for key, seconds in values.items():
                    totals[part][key] += seconds
        commands = place.client.info("commandstats")
    spent = sum(totals["threads"].values())
    print(f"{chosen.peer}: {rate:,.0f} jobs/s while watched; Redis {redis_us:.1f} us a job; ", end="")
    print(f"workers {spent / chosen.jobs * 1e6:.1f} us a job, main threads left out\n")
    for part, title in (("threads", "by thread"), ("alone", "in the function itself"), ("within", "with all it calls")):
        print(f"{title}:")
        for key, seconds in totals[part].most_common(_SHOWN):
            calls = f"{totals['calls'][key] / chosen.jobs:7.2f} calls" if key in totals["calls"] else ""
            print(f"  {seconds / chosen.jobs * 1e6:7.1f} us  {seconds / spent:6.1%} {calls}  {key}")
        print()
    print("Redis, the most expensive commands (those inside scripts are part of evalsha):")
    costs = sorted(commands.items(), key=lambda item: -float(item[1]["usec"]))
    for command, told in costs[:12]:
        often, usec = int(told["calls"]) / chosen.jobs, float(told["usec"])
        name = command.removeprefix("cmdstat_")
        print(f"  {usec / chosen.jobs:7.1f} us  {often:7.3f} calls a job  {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

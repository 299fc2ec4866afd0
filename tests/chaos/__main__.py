"""The fault scenarios in their long form: ``python -m tests.chaos [--only R01,R04] [--seed N]``.

Prints a Markdown table, a row as each scenario ends, and what was found broken below it; the exit code is 1 if
anything was.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

from tests.chaos.scenario import Scenario
from tests.chaos.scenarios import SCENARIOS
from tests.chaos.stage import Report, stage
from tests.support.redis_server import RedisServer


def main(argv: Sequence[str] | None = None) -> int:
    """Play the scenarios and print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--only", default="", help="ids with commas between; R04 means R04b as well")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--list", action="store_true", help="name the scenarios and end")
    options = parser.parse_args(argv)
    wanted = tuple(filter(None, options.only.split(",")))
    chosen = [scenario for scenario in SCENARIOS if not wanted or scenario.id.startswith(wanted)]
    if options.list or not chosen:
        for scenario in SCENARIOS:
            _tell(f"{scenario.id:5} {scenario.what}")
        return 0 if options.list else 2
    _tell("| scenario | what | seed | figures | took | verdict |")
    _tell("|---|---|---|---|---|---|")
    broken: list[tuple[Scenario, str]] = []
    for scenario in chosen:
        begun = time.monotonic()
        report = _play(scenario, options.seed)
        figures = ", ".join(f"{name} {value}" for name, value in report.figures.items())
        verdict = "**failed**" if report.broken else "passed"
        took = f"{time.monotonic() - begun:.0f} s"
        _tell(f"| {scenario.id} | {scenario.what} | {options.seed} | {figures} | {took} | {verdict} |")
        broken += [(scenario, promise) for promise in report.broken]
    if broken:
        _tell("\nBroken:\n")
        for scenario, promise in broken:
            _tell(f"- {scenario.id}: {promise}")
    return 1 if broken else 0


def _tell(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _play(scenario: Scenario, seed: int) -> Report:
    with (
        tempfile.TemporaryDirectory(prefix="dt-chaos-") as folder,
        RedisServer() as server,
        stage(server.url, Path(folder), server=server) as here,
    ):
        try:
            return scenario.play(here, seed)
        except Exception:  # noqa: BLE001 - one scenario that cannot be played does not stop the others
            return Report(broken=[traceback.format_exc()])


if __name__ == "__main__":
    sys.exit(main())

"""The engine's acceptance tests, played again on another deployment of Redis."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Literal

from tests.chaos.stage import Report
from tests.support.processes import ROOT

#: What the engine promises, whatever Redis is.
FILES = (
    "acceptance/test_sending.py",
    "acceptance/test_attempts.py",
    "acceptance/test_killed_workers.py",
    "acceptance/test_stopped_workers.py",
    "acceptance/test_redis_outage.py",
    "acceptance/test_children.py",
    "acceptance/test_flow_fan_in.py",
    "acceptance/test_reopened_flows.py",
    "acceptance/test_limits.py",
    "acceptance/test_breakers.py",
    "acceptance/test_budgets.py",
    "acceptance/test_schedulers.py",
    "acceptance/test_watching.py",
    "acceptance/test_streams.py",
    "acceptance/test_reviews.py",
    "acceptance/test_idempotency_modes.py",
    "integration/test_store_machine.py",
    "integration/test_gates.py",
    "integration/test_schedules.py",
    "integration/test_event_stream.py",
    "integration/test_redis_snapshot.py",
    "integration/test_dead_letters.py",
    "integration/test_controls.py",
    "integration/test_ended_feed.py",
    "integration/test_texts.py",
)

_SUMMED = re.compile(r"(\d+) (passed|failed|skipped|error)")

#: Tests of a server alone: they count its subscribers, of whom Sentinels are some, or ask it through a client of their
#: own that says no namespace.
_LEFT_OUT = {
    "sentinel": (
        "test_all_clients_of_a_process_share_one_listening_connection",
        "test_a_client_that_takes_nothing_is_cut_off",
    ),
    "cluster": (
        "test_all_clients_of_a_process_share_one_listening_connection",
        "test_thousands_of_changes_before_one_answer_are_all_heard",
        "test_a_redis_that_is_emptied_meanwhile_is_not_copied",
    ),
}


def on(kind: Literal["sentinel", "cluster"]) -> Report:
    """Play the tests with ``REDIS_URL`` naming Sentinels, or the nodes of a cluster."""
    unless = " and ".join(f"not {name}" for name in _LEFT_OUT[kind])
    command = [sys.executable, "-m", "pytest", "--redis", kind, "-p", "no:cacheprovider"]
    command += ["-k", unless] if unless else []
    played = subprocess.run(
        [*command, *(f"tests/{name}" for name in FILES)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    report = Report()
    report.figures = {"files": len(FILES)}
    report.figures |= {what: int(count) for count, what in _SUMMED.findall(played.stdout[-200:])}
    failed = [line for line in played.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    report.expect(f"all tests pass: {failed}\n{played.stderr[-500:]}", played.returncode == 0)
    return report

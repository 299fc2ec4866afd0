"""The alert rules: what each fires at and leaves alone, where it sends its reader, and what it asks of the metrics."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.metrics.catalogue import CATALOGUE
from tests.support.prometheus import FOLDER, alerts, promtool, rules
from tests.support.promql import named, unknown

RUNBOOKS = FOLDER.parents[1] / "docs" / "runbooks"
TESTS = sorted((FOLDER / "tests").glob("*.yml"))

#: Every row of the table of alerts, and what else has to be told so that those can fire at all.
WANTED = {
    "QueueLate", "QueueGrowing", "QueueUnserved", "RunStuck", "FailRatio", "DeadGrowing", "CrashLoop", "RetryStorm",
    "BreakerOpen", "ReconcilerStalled", "SchedulerAbsent", "MultipleLeaders", "ScheduleMissed", "ScheduleFailing",
    "BudgetBurn", "GateDrop", "FencedWrites", "RedisMemory", "RedisPolicy", "WorkerRecycling", "MetricsAbsent",
    "RedisDown", "FiguresAbsent",
}  # fmt: skip


@cache
def cases() -> list[tuple[str, dict[str, Any], bool]]:
    """Give each promtool case: its alert, the file it is in, and whether the alert has to fire."""
    return [
        (asked["alertname"], {"file": path.name, **read}, bool(asked["exp_alerts"]))
        for path in TESTS
        for read in [yaml.safe_load(path.read_text("utf-8"))]
        for group in read["tests"]
        for asked in group["alert_rule_test"]
    ]


def test_prometheus_takes_the_configuration_and_the_rules() -> None:
    """Both are read without a complaint, lint included."""
    promtool("check", "config", "prometheus.yml")
    promtool("check", "rules", "--lint-fatal", *(str(path) for path in sorted((FOLDER / "rules").glob("*.yml"))))


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.stem)
def test_alerts_fire_when_they_should_and_only_then(path: Path) -> None:
    """With every label and every word that they say."""
    promtool("test", "rules", str(path))


def test_each_alert_has_a_case_that_fires_and_one_that_does_not() -> None:
    """In a file that loads its rules: promtool is content with the silence of an alert that it does not know."""
    assert set(alerts()) == WANTED
    for alert, rule in alerts().items():
        of_it = [(file, fires) for name, file, fires in cases() if name == alert]
        assert {fires for _, fires in of_it} == {True, False}, alert
        assert all(f"../rules/{rule['file']}" in file["rule_files"] for file, _ in of_it), alert


def test_each_alert_tells_its_severity_and_sends_to_its_runbook_and_a_board() -> None:
    """The links are made of the address that a team sets, once."""
    for rule in rules():
        if "alert" not in rule:
            continue
        assert rule["labels"]["severity"] in {"page", "warn"}
        notes = rule["annotations"]
        assert set(notes) == {"summary", "description", "runbook_url", "dashboard_url"}
        assert f'reReplaceAll "NAME" "{rule["alert"]}"' in notes["runbook_url"]
        board = re.search(r"}/d/(dramaturg-\w+)", notes["dashboard_url"])
        assert board, rule["alert"]
        assert (FOLDER.parent / "grafana" / f"{board[1]}.json").exists()


def test_rules_ask_only_for_what_is_there() -> None:
    """Each metric and label is one of the catalogue, or is recorded by another rule."""
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    for rule in rules():
        assert not unknown(str(rule["expr"]), CATALOGUE, recorded), rule.get("alert", rule.get("record"))
    used = {name for rule in rules() for name in named(str(rule["expr"])).metrics}
    assert recorded <= used | {"dramaturg:links"}  # nothing is recorded for nobody


def test_what_a_team_sets_is_in_one_file_and_says_what_it_is() -> None:
    """Every number that is not part of an alert's meaning is a rule of thresholds.yml, with a sentence above it."""
    text = (FOLDER / "rules" / "thresholds.yml").read_text("utf-8")
    blocks = text.partition("    rules:\n")[2].strip("\n").split("\n\n")
    assert [block for block in blocks if not block.lstrip().startswith("# ")] == []
    assert text.count("expr: vector(") == text.count("- record:")


def test_every_alert_has_a_page_and_every_page_an_alert() -> None:
    """A page that nobody is sent to is as bad as an alert without one."""
    assert {path.stem for path in RUNBOOKS.glob("*.md")} == set(alerts())

"""The boards of Grafana: they are what their program writes, and draw only what there is."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pipeline.metrics.catalogue import CATALOGUE
from tests.support.processes import ROOT
from tests.support.prometheus import alerts, parses
from tests.support.promql import unknown

FOLDER = ROOT / "deploy" / "grafana"
BOARDS = {path.stem: json.loads(path.read_text("utf-8")) for path in sorted(FOLDER.glob("*.json"))}

#: Values that Grafana puts in the place of its variables.
_FILLED = {"$__rate_interval": "1m", "$__range": "3h", "$namespace": "dramaturg", "$queue": "ai|growth", "$actor": ".*"}


def panels(board: dict[str, Any]) -> list[dict[str, Any]]:
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def queries(board: dict[str, Any]) -> list[str]:
    """Give what a board asks Prometheus, with its variables filled in."""
    asked = [target["expr"] for panel in panels(board) for target in panel["targets"]]
    asked += [one["expr"] for one in board["annotations"]["list"]]
    asked += [re.sub(r"^label_values\((.*), \w+\)$", r"\1", one["definition"]) for one in chosen(board)]
    for name, value in _FILLED.items():
        asked = [expression.replace(name, value) for expression in asked]
    return asked


def chosen(board: dict[str, Any]) -> list[dict[str, Any]]:
    """Give the variables whose values are read from Prometheus."""
    return [one for one in board["templating"]["list"] if one["type"] == "query"]


def test_the_boards_are_what_their_program_writes(tmp_path: Path) -> None:
    """Byte for byte: nobody changes the JSON by hand."""
    subprocess.run([sys.executable, "-B", str(FOLDER / "boards.py"), str(tmp_path)], check=True, timeout=30)
    written = {path.name: path.read_text("utf-8") for path in tmp_path.iterdir()}
    assert written == {path.name: path.read_text("utf-8") for path in FOLDER.glob("*.json")}
    assert set(BOARDS) == {"dramaturg-overview", "dramaturg-actor"}


@pytest.mark.parametrize("name", BOARDS)
def test_prometheus_reads_every_query(name: str) -> None:
    """None is left with a variable that nobody fills in."""
    asked = queries(BOARDS[name])
    assert len(asked) > 20
    assert [expression for expression in asked if "$" in expression] == []
    parses(asked)


@pytest.mark.parametrize("name", BOARDS)
def test_every_query_asks_for_what_there_is(name: str) -> None:
    """Metrics of the catalogue, and labels that they have."""
    for expression in queries(BOARDS[name]):
        assert not unknown(expression, CATALOGUE, {"ALERTS"}), expression
    for one in chosen(BOARDS[name]):
        metric = CATALOGUE[re.match(r"label_values\((\w+)", one["definition"])[1]]  # type: ignore[index] # it is one
        assert one["name"] in {*metric.labels, "namespace"}


def test_a_query_for_what_is_not_there_is_told() -> None:
    """What holds the boards to the catalogue sees a wrong metric, label, grouping and part of a histogram."""
    runs = "dramaturg_runs_total"
    assert unknown("rate(dramaturg_run_total[5m])", CATALOGUE) == ["dramaturg_run_total"]
    assert unknown(f'{runs}{{tenant="a", queue=~"b"}}', CATALOGUE) == [f"{runs}{{tenant}}"]
    assert unknown(f"sum by (outcome, model) (rate({runs}[5m]))", CATALOGUE) == ["by (model)"]
    assert unknown("dramaturg_run_wait_seconds", CATALOGUE) == ["dramaturg_run_wait_seconds"]
    assert unknown("rate(dramaturg_run_wait_seconds_bucket{le='1'}[5m])", CATALOGUE) == []
    assert unknown(f"{runs}_count", CATALOGUE) == [f"{runs}_count"]


@pytest.mark.parametrize("name", BOARDS)
def test_panels_lie_beside_each_other(name: str) -> None:
    """No two share a place or a number, none is wider than the board, and each can be told from the others."""
    board = BOARDS[name]
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert at["x"] + at["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    assert len({panel["title"] for panel in panels(board)}) == len(panels(board))
    assert all(target["datasource"]["uid"] == "${datasource}" for panel in panels(board) for target in panel["targets"])


def test_the_overview_asks_in_the_order_of_red() -> None:
    """Rate, errors, duration, then what is full, then money, then schedules."""
    rows = [panel["title"] for panel in BOARDS["dramaturg-overview"]["panels"] if panel["type"] == "row"]
    wanted = ["Rate", "Errors", "Duration", "Saturation", "Cost", "Schedules"]
    assert [row for row in rows if row in wanted] == wanted


def test_alerts_open_boards_with_variables_that_they_have() -> None:
    """A link fills in the namespace, the queue and the actor of the alert."""
    for name, rule in alerts().items():
        found = re.search(r"/d/([\w-]+)(\?.*)?$", rule["annotations"]["dashboard_url"])
        assert found, name
        filled = set(re.findall(r"var-(\w+)=", found[2] or ""))
        assert filled <= {one["name"] for one in chosen(BOARDS[found[1]])}, name

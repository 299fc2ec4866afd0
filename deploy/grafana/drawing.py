# ruff: noqa: INP001 - a program beside what it writes, not a part of a package
"""What boards are made of: panels, queries, variables, and how they are laid out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

_SOURCE = {"type": "prometheus", "uid": "${datasource}"}
_WIDTH = 24
_IN_A_LINE = 4

#: What the queries of a board ask of every metric: the values of its variables.
ALL = 'namespace=~"$namespace"'
QUEUE = f'{ALL}, queue=~"$queue"'
ACTOR = f'{ALL}, actor=~"$actor"'
BOTH = f'{QUEUE}, actor=~"$actor"'

#: A query, and what its lines are called.
Query = tuple[str, str]

#: What Grafana draws, as its JSON has it.
Panel = dict[str, Any]


def panel(title: str, unit: str, *queries: Query, about: str = "") -> dict[str, Any]:
    """Draw queries over time; ``unit`` is Grafana's name of it."""
    drawn = _panel("timeseries", title, unit, queries)
    drawn["description"] = about
    drawn["fieldConfig"]["defaults"]["custom"] = {"lineWidth": 1, "fillOpacity": 5, "showPoints": "never"}
    drawn["options"] = {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}}
    return drawn


def stacked(title: str, unit: str, *queries: Query) -> dict[str, Any]:
    """Draw queries over time, one upon the other: what they add up to is seen."""
    drawn = panel(title, unit, *queries)
    drawn["fieldConfig"]["defaults"]["custom"] |= {"fillOpacity": 40, "stacking": {"mode": "normal", "group": "A"}}
    return drawn


def stat(title: str, unit: str, expression: str) -> dict[str, Any]:
    """Show the one number that a query gives now."""
    drawn = _panel("stat", title, unit, [(expression, title)])
    drawn["options"] = {"reduceOptions": {"calcs": ["lastNotNull"]}, "colorMode": "none", "graphMode": "area"}
    return drawn


def table(title: str, unit: str, expression: str) -> dict[str, Any]:
    """Show what a query gives now, a row for each of its label values."""
    drawn = _panel("table", title, unit, [(expression, "")])
    del drawn["fieldConfig"]["defaults"]["min"]
    drawn["targets"][0] |= {"instant": True, "range": False, "format": "table"}
    drawn["transformations"] = [{"id": "organize", "options": {"excludeByName": {"Time": True}}}]
    return drawn


def _panel(kind: str, title: str, unit: str, queries: Sequence[Query]) -> dict[str, Any]:
    return {
        "type": kind,
        "title": title,
        "datasource": _SOURCE,
        "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
        "targets": [
            {"refId": letter, "datasource": _SOURCE, "expr": expression, "legendFormat": legend}
            for letter, (expression, legend) in zip("ABCDEF", queries, strict=False)
        ],
    }


def rate(metric: str, by: str, labels: str) -> str:
    """How often a second, summed over all processes."""
    return f"sum by ({by}) (rate({metric}{{{labels}}}[$__rate_interval]))"


def quantile(share: float, metric: str, labels: str, by: str = "") -> str:
    """Which value so large a share of the observations does not exceed."""
    grouped = f"le, {by}" if by else "le"
    return f"histogram_quantile({share}, sum by ({grouped}) (rate({metric}_bucket{{{labels}}}[$__rate_interval])))"


def quantiles(metric: str, labels: str, *shares: float) -> list[Query]:
    """Draw several of them."""
    return [(quantile(share, metric, labels), f"{share * 100:g} %") for share in shares]


def total(metric: str, labels: str) -> str:
    """How often a second, all together."""
    return f"sum(rate({metric}{{{labels}}}[$__rate_interval]))"


def grown(metric: str, by: str, labels: str) -> str:
    """How often between two points of the drawing."""
    return f"sum by ({by}) (increase({metric}{{{labels}}}[$__rate_interval]))"


def told(metric: str, by: str, labels: str) -> str:
    """Give what one process exports for all: the same figure from whichever it comes."""
    return f"max by ({by}) ({metric}{{{labels}}})"


def variable(name: str, metric: str, *, within: str = "", title: str = "") -> dict[str, Any]:
    """Let a reader choose among the values of a label."""
    asked = f"label_values({metric}{{{within}}}, {name})" if within else f"label_values({metric}, {name})"
    return {
        "name": name,
        "label": title or name.capitalize(),
        "type": "query",
        "datasource": _SOURCE,
        "query": {"query": asked, "refId": name},
        "definition": asked,
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": ["All"], "value": ["$__all"]},
    }


def board(uid: str, title: str, variables: Sequence[dict[str, Any]], rows: dict[str, list[Panel]]) -> dict[str, Any]:
    """Lay rows of panels out, as many in a line as can be read."""
    panels: list[Panel] = []
    top = 0
    for heading, drawn in rows.items():
        row = {"type": "row", "title": heading, "collapsed": False, "panels": []}
        panels.append(row | {"gridPos": _place(0, top, _WIDTH, 1)})
        top += 1
        small = all(one["type"] == "stat" for one in drawn)
        lines = 1 if small or len(drawn) <= _IN_A_LINE else 2
        height, across = 4 if small else 8, -(-len(drawn) // lines)
        for number, one in enumerate(drawn):
            line, column = divmod(number, across)
            width = _WIDTH // across
            panels.append(one | {"gridPos": _place(column * width, top + line * height, width, height)})
        top += lines * height
    source = {
        "name": "datasource",
        "label": "Data source",
        "type": "datasource",
        "query": "prometheus",
        "current": {},
    }
    return {
        "uid": uid,
        "title": title,
        "tags": ["dramaturg"],
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "timezone": "browser",
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "links": [
            {
                "type": "dashboards",
                "tags": ["dramaturg"],
                "title": "Dramaturg",
                "asDropdown": True,
                "keepTime": True,
                "includeVars": True,
            }
        ],
        "annotations": {
            "list": [
                {
                    "name": "Alerts",
                    "datasource": _SOURCE,
                    "enable": True,
                    "iconColor": "red",
                    "expr": 'ALERTS{service="dramaturg", alertstate="firing"}',
                    "titleFormat": "{{alertname}}",
                }
            ]
        },
        "templating": {"list": [source, *variables]},
        "panels": [one | {"id": number} for number, one in enumerate(panels, 1)],
    }


def _place(x: int, y: int, w: int, h: int) -> dict[str, int]:
    return {"x": x, "y": y, "w": w, "h": h}

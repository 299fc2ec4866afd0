"""What a Prometheus query names: metrics, and the labels it asks of them. Whether it parses, promtool says."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from pipeline.metrics.catalogue import Metric

#: Words that stand where a metric could, and are none.
_WORDS = frozenset({"and", "or", "unless", "offset", "bool", "by", "without", "on", "ignoring", "group_left",
                    "group_right", "inf", "nan", "start", "end"})  # fmt: skip

_TEXT = re.compile(r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'")
_LISTED = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")
_SELECTOR = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(\{[^}]*\})?")
_SPAN = re.compile(r"\[[^\]]*\]|\b\d+(?:\.\d+)?(?:ms|[smhdwy])\b")


@dataclass(frozen=True)
class Named:
    """What a query names: each metric with the labels its selectors match, and the labels it groups and joins by."""

    metrics: dict[str, frozenset[str]]
    grouped: frozenset[str]


def named(expression: str) -> Named:
    """Take a query apart; it must be one that Prometheus can read."""
    plain = _SPAN.sub(" ", _TEXT.sub("''", expression))
    grouped = frozenset(
        label.strip() for listed in _LISTED.findall(plain) for label in listed.split(",") if label.strip()
    )
    plain = _LISTED.sub(" ", plain)
    metrics: dict[str, frozenset[str]] = {}
    for found in _SELECTOR.finditer(plain):
        name, matchers = found.group(1), found.group(2) or ""
        called = plain[found.end() :].lstrip().startswith("(") and not matchers
        inside = plain[: found.start()].count("{") > plain[: found.start()].count("}")
        if called or inside or name.lower() in _WORDS:
            continue
        labels = frozenset(re.findall(r"([a-zA-Z_]\w*)\s*(?:=~|!~|!=|=)", matchers))
        metrics[name] = metrics.get(name, frozenset()) | labels
    return Named(metrics, grouped)


#: What a scrape adds to every metric, and Prometheus to histograms.
_ADDED = frozenset({"namespace", "part", "job", "instance"})


def unknown(expression: str, catalogue: Mapping[str, Metric], recorded: Collection[str] = ()) -> list[str]:
    """Name what a query asks for that does not exist: a metric, a part of a histogram, a label of a metric."""
    asked, wrong, labels = named(expression), [], set(_ADDED)
    for name, matched in asked.metrics.items():
        if name in recorded or name == "up":
            labels |= matched  # what a recording keeps, its own expression says
            continue
        base = re.sub(r"_(?:bucket|sum|count)$", "", name)
        metric = catalogue.get(name) or catalogue.get(base)
        if metric is None or (metric.kind == "histogram") == (metric.name == name):
            wrong.append(name)
            continue
        has = _ADDED | set(metric.labels) | ({"le"} if name.endswith("_bucket") else set())
        wrong += [f"{name}{{{label}}}" for label in sorted(matched - has)]
        labels |= has
    if not any(name in recorded for name in asked.metrics):
        wrong += [f"by ({label})" for label in sorted(asked.grouped - labels)]
    return wrong

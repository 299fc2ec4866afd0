# ruff: noqa: INP001 - a program's part, not a package's
"""The board of one kind of job, or of a few."""

from __future__ import annotations

from typing import Any

from drawing import (
    ACTOR,
    ALL,
    BOTH,
    QUEUE,
    board,
    panel,
    quantile,
    quantiles,
    rate,
    stacked,
    stat,
    told,
    total,
    variable,
)

_RUNS, _TRIES = "dramaturg_runs_total", "dramaturg_attempts_total"
_AGAIN = "dramaturg_retries_total"


def actor() -> dict[str, Any]:
    """Give the board: rate, errors, duration, saturation, quality and cost."""
    return board(
        "dramaturg-actor",
        "Dramaturg: actor",
        [
            variable("namespace", "dramaturg_worker_info"),
            variable("queue", _RUNS, within=ALL),
            variable("actor", _RUNS, within=QUEUE),
        ],
        {
            "Now": _now(),
            "Rate": [
                stacked("Runs that end", "ops", (rate(_RUNS, "outcome", BOTH), "{{outcome}}")),
                stacked("Attempts", "ops", (rate(_TRIES, "kind", BOTH), "{{kind}}")),
                stacked("Runs that end, by actor", "ops", (rate(_RUNS, "actor", BOTH), "{{actor}}")),
            ],
            "Errors": _errors(),
            "Duration": _duration(),
            "Saturation": [
                panel(
                    "Age of the oldest run of its queue",
                    "s",
                    (told("dramaturg_queue_oldest_due_age_seconds", "queue", QUEUE), "{{queue}}"),
                ),
                stacked(
                    "Runs of its queue, by state",
                    "short",
                    (f"sum by (state) ({told('dramaturg_queue_runs', 'namespace, queue, state', QUEUE)})", "{{state}}"),
                ),
                panel(
                    "Threads that serve its queue",
                    "short",
                    (told("dramaturg_queue_concurrency_limit", "queue", QUEUE), "{{queue}}"),
                ),
            ],
            "Quality and cost": _quality(),
        },
    )


def _now() -> list[dict[str, Any]]:
    dead = told("dramaturg_dead_runs", "namespace, actor, reason", ACTOR)
    ended = f"increase({_RUNS}{{{BOTH}}}[$__range])"
    died = f'increase({_RUNS}{{{BOTH}, outcome="dead"}}[$__range])'
    return [
        stat("Runs that ended", "short", f"sum({ended})"),
        stat("Of them dead", "percentunit", f"sum({died}) / (sum({ended}) > 0)"),
        stat("Dead runs that are kept", "short", f"sum({dead})"),
        stat("Spent", "currencyUSD", f"sum(increase(dramaturg_llm_cost_usd_total{{{ACTOR}}}[$__range]))"),
    ]


def _errors() -> list[dict[str, Any]]:
    died = total(_RUNS, f'{BOTH}, outcome="dead"')
    ended = total(_RUNS, f'{BOTH}, outcome=~"dead|completed"')
    dead = told("dramaturg_dead_runs", "namespace, actor, reason", ACTOR)
    failed = f'{BOTH}, kind=~"transient|model|permanent|interrupted"'
    return [
        panel("Share of runs that die", "percentunit", (f"{died} / ({ended} > 0)", "dead")),
        stacked("Attempts that fail", "ops", (rate(_TRIES, "kind", failed), "{{kind}}")),
        panel("Retries", "ops", (rate(_AGAIN, "actor", BOTH), "{{actor}}")),
        stacked("Dead runs, by reason", "short", (f"sum by (reason) ({dead})", "{{reason}}")),
        panel("Writes refused", "ops", (rate("dramaturg_fenced_writes_total", "actor", ACTOR), "{{actor}}")),
    ]


def _duration() -> list[dict[str, Any]]:
    step = "dramaturg_step_duration_seconds"
    return [
        panel("Wait, from due to start", "s", *quantiles("dramaturg_run_wait_seconds", BOTH, 0.5, 0.95, 0.99)),
        panel("Attempt", "s", *quantiles("dramaturg_attempt_duration_seconds", ACTOR, 0.5, 0.95, 0.99)),
        panel("Step, 95 %", "s", (quantile(0.95, step, ACTOR, "step"), "{{step}}")),
        panel("From queued to ended", "s", *quantiles("dramaturg_run_duration_seconds", ACTOR, 0.5, 0.95)),
    ]


def _quality() -> list[dict[str, Any]]:
    score = "dramaturg_gate_score"
    mean = f"{rate(f'{score}_sum', 'gate', ACTOR)} / ({rate(f'{score}_count', 'gate', ACTOR)} > 0)"
    return [
        panel("Mean score at gates", "short", (mean, "{{gate}}")),
        stacked(
            "Verdicts of gates",
            "ops",
            (rate("dramaturg_gate_verdicts_total", "gate, verdict", ACTOR), "{{gate}} {{verdict}}"),
        ),
        stacked(
            "Dollars an hour",
            "currencyUSD",
            (f"3600 * {rate('dramaturg_llm_cost_usd_total', 'model', ACTOR)}", "{{model}}"),
        ),
    ]

# ruff: noqa: INP001 - a program's part, not a package's
"""The board of a whole installation."""

from __future__ import annotations

from typing import Any

from drawing import (
    ALL,
    QUEUE,
    board,
    grown,
    panel,
    quantile,
    quantiles,
    rate,
    stacked,
    stat,
    table,
    told,
    total,
    variable,
)

_RUNS = "dramaturg_runs_total"
_DEPTH = told("dramaturg_queue_runs", "namespace, queue, state", QUEUE)
_WAITING = told("dramaturg_queue_runs", "namespace, queue", f'{QUEUE}, state="queued"')
_DEAD = told("dramaturg_dead_runs", "namespace, actor, reason", ALL)
_FIRING = 'ALERTS{service="dramaturg", alertstate="firing"}'


def overview() -> dict[str, Any]:
    """Give the board: rate, errors, duration, saturation, cost, schedules."""
    return board(
        "dramaturg-overview",
        "Dramaturg: overview",
        [
            variable("namespace", "dramaturg_worker_info"),
            variable("queue", "dramaturg_queue_oldest_due_age_seconds", within=ALL),
        ],
        {
            "Now": _now(),
            "Rate": _rate(),
            "Errors": _errors(),
            "Duration": _duration(),
            "Saturation": _saturation(),
            "Workers and Redis": _machines(),
            "Cost": _cost(),
            "Schedules": _schedules(),
        },
    )


def _now() -> list[dict[str, Any]]:
    return [
        stat("Oldest run that is due", "s", f"max(dramaturg_queue_oldest_due_age_seconds{{{QUEUE}}})"),
        stat("Runs that could start", "short", f"sum({_WAITING})"),
        stat("Dead runs", "short", f"sum({_DEAD})"),
        stat("Redis, how full", "percentunit", f"max(dramaturg_redis_memory_used_ratio{{{ALL}}})"),
        stat("Schedulers that lead", "short", f"sum(dramaturg_scheduler_leader{{{ALL}}})"),
        stat("Alerts that fire", "short", f"count({_FIRING}) or vector(0)"),
    ]


def _rate() -> list[dict[str, Any]]:
    return [
        stacked("Runs that end", "ops", (rate(_RUNS, "outcome", QUEUE), "{{outcome}}")),
        stacked("Runs that end, by queue", "ops", (rate(_RUNS, "queue", QUEUE), "{{queue}}")),
        stacked("Attempts", "ops", (rate("dramaturg_attempts_total", "kind", QUEUE), "{{kind}}")),
    ]


def _errors() -> list[dict[str, Any]]:
    died = total(_RUNS, f'{QUEUE}, outcome="dead"')
    ended = total(_RUNS, f'{QUEUE}, outcome=~"dead|completed"')
    return [
        panel("Share of runs that die", "percentunit", (f"{died} / ({ended} > 0)", "dead")),
        panel("Retries", "ops", (rate("dramaturg_retries_total", "actor", QUEUE), "{{actor}}")),
        stacked("Dead runs, by reason", "short", (f"sum by (reason) ({_DEAD})", "{{reason}}")),
        panel(
            "Workers that died or lost their run",
            "ops",
            (rate("dramaturg_recovered_runs_total", "cause", QUEUE), "taken over: {{cause}}"),
            (total("dramaturg_fenced_writes_total", ALL), "writes refused"),
            (total("dramaturg_quarantined_runs_total", ALL), "runs stopped: they kill workers"),
        ),
    ]


def _duration() -> list[dict[str, Any]]:
    wait, attempt = "dramaturg_run_wait_seconds", "dramaturg_attempt_duration_seconds"
    return [
        panel("Wait, from due to start", "s", *quantiles(wait, QUEUE, 0.5, 0.95, 0.99)),
        panel("Wait, 95 %, by queue", "s", (quantile(0.95, wait, QUEUE, "queue"), "{{queue}}")),
        panel("Attempt, 95 %, by actor", "s", (quantile(0.95, attempt, ALL, "actor"), "{{actor}}")),
        panel("From queued to ended", "s", *quantiles("dramaturg_run_duration_seconds", ALL, 0.5, 0.95)),
    ]


def _saturation() -> list[dict[str, Any]]:
    return [
        panel(
            "Age of the oldest run that is due",
            "s",
            (told("dramaturg_queue_oldest_due_age_seconds", "queue", QUEUE), "{{queue}}"),
            about="What QueueLate looks at; deploy/prometheus/rules/thresholds.yml says how much is too much.",
        ),
        stacked("Runs, by state", "short", (f"sum by (state) ({_DEPTH})", "{{state}}")),
        panel(
            "Threads",
            "short",
            (f"sum(dramaturg_worker_busy_slots{{{ALL}}})", "busy"),
            (f"sum(dramaturg_worker_slots{{{ALL}}})", "all"),
        ),
        panel(
            "Longest attempt under way",
            "s",
            (told("dramaturg_queue_max_attempt_age_seconds", "queue", QUEUE), "{{queue}}"),
        ),
    ]


def _machines() -> list[dict[str, Any]]:
    script = "dramaturg_redis_script_duration_seconds"
    return [
        stacked(
            "Worker processes",
            "short",
            (f"sum by (host, version) (dramaturg_worker_info{{{ALL}}})", "{{host}} {{version}}"),
        ),
        panel(
            "Memory of worker processes",
            "bytes",
            (f"dramaturg_worker_resident_memory_bytes{{{ALL}}}", "{{instance}} {{slot}}"),
        ),
        panel("Processes replaced", "short", (grown("dramaturg_worker_restarts_total", "reason", ALL), "{{reason}}")),
        panel("Redis: scripts", "s", *quantiles(script, ALL, 0.5, 0.99)),
        panel("Redis: calls that failed", "ops", (rate("dramaturg_redis_errors_total", "kind", ALL), "{{kind}}")),
        panel(
            "Since the last look for dead workers",
            "s",
            (f"time() - max(dramaturg_reconciler_last_success_timestamp_seconds{{{ALL}}})", "age"),
        ),
    ]


def _cost() -> list[dict[str, Any]]:
    call, model = "gen_ai_client_operation_duration_seconds", "gen_ai_request_model"
    return [
        stacked(
            "Dollars an hour",
            "currencyUSD",
            (f"3600 * {rate('dramaturg_llm_cost_usd_total', 'model', ALL)}", "{{model}}"),
        ),
        stacked(
            "Tokens",
            "ops",
            (rate("gen_ai_client_token_usage_sum", "gen_ai_token_type", ALL), "{{gen_ai_token_type}}"),
        ),
        panel(
            "Left of budgets",
            "percentunit",
            (f"min by (budget) (dramaturg_llm_budget_remaining_ratio{{{ALL}}})", "{{budget}}"),
        ),
        panel("Calls of models, 95 %", "s", (quantile(0.95, call, ALL, model), f"{{{{{model}}}}}")),
        panel(
            "Breakers: 0 closed, 1 probing, 2 open",
            "short",
            (told("dramaturg_breaker_state", "breaker", ALL), "{{breaker}}"),
        ),
        panel(
            "Moved to another model",
            "ops",
            (rate("dramaturg_llm_fallbacks_total", "from, to", ALL), "{{from}}, {{to}}"),
        ),
    ]


def _schedules() -> list[dict[str, Any]]:
    coming = told("dramaturg_schedule_next_timestamp_seconds", "schedule", ALL)
    good = told("dramaturg_schedule_last_success_timestamp_seconds", "schedule", ALL)
    late = quantile(0.95, "dramaturg_schedule_lateness_seconds", ALL, "schedule")
    return [
        table("Time to the next start; below 0 it is late", "s", f"{coming} - time()"),
        table("Time since a run succeeded", "s", f"time() - ({good} > 0)"),
        panel("Ticks", "short", (grown("dramaturg_schedule_fires_total", "result", ALL), "{{result}}")),
        panel("Lateness, 95 %", "s", (late, "{{schedule}}")),
    ]

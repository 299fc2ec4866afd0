"""Every metric there is: its name, kind, labels, buckets and what it tells; one table that code, docs and boards share.

Durations are in seconds and sizes in bytes, counters end in ``_total``. Labels name declared things only: no run, no
tenant, no address, no free text. The ``gen_ai_*`` names are OpenTelemetry's, which are still in development: they stand
here and nowhere else.
"""

from __future__ import annotations

from pipeline.metrics.metric import CALL, CALLS, DURATIONS, LAGS, SCORES, SHORT, TOKENS, WAITS, Metric

__all__ = ["CATALOGUE", "Metric"]

_ALL = (
    Metric(
        "dramaturg_runs_total",
        "counter",
        "Runs that reached a final state; outcome is completed, dead or cancelled.",
        ("actor", "queue", "outcome"),
        source="both",
    ),
    Metric(
        "dramaturg_attempts_total",
        "counter",
        "Attempts that ended; kind is ok, transient, model, permanent, snoozed, cancelled or interrupted.",
        ("actor", "queue", "kind"),
    ),
    Metric(
        "dramaturg_retries_total",
        "counter",
        "Attempts that were not the first of their run: a failed one, or a dead worker, came before.",
        ("actor", "queue"),
    ),
    Metric(
        "dramaturg_run_wait_seconds",
        "histogram",
        "From when a run might have started to its start; what it was told to wait is not counted.",
        ("actor", "queue"),
        WAITS,
    ),
    Metric("dramaturg_attempt_duration_seconds", "histogram", "How long attempts took.", ("actor",), DURATIONS),
    Metric(
        "dramaturg_step_duration_seconds",
        "histogram",
        "How long steps took that were really made, and not remembered.",
        ("actor", "step"),
        DURATIONS,
    ),
    Metric(
        "dramaturg_run_duration_seconds",
        "histogram",
        "From when a run was queued to its end, if an attempt ended it.",
        ("actor",),
        DURATIONS,
    ),
    Metric(
        "dramaturg_queue_runs",
        "gauge",
        "Runs in a queue; state is queued, held (at a limit, a breaker or a pause), delayed, retrying, snoozed, "
        "running, waiting, review or parked.",
        ("queue", "state"),
        source="redis",
    ),
    Metric(
        "dramaturg_queue_oldest_due_age_seconds",
        "gauge",
        "For how long the oldest run that may start has waited; 0 if none does. What a gate holds up is not counted.",
        ("queue",),
        source="redis",
    ),
    Metric(
        "dramaturg_queue_max_attempt_age_seconds",
        "gauge",
        "For how long the longest of the attempts that are under way has lasted; 0 if there is none.",
        ("queue",),
        source="redis",
    ),
    Metric("dramaturg_queue_paused", "gauge", "1 while a queue is paused, 0 otherwise.", ("queue",), source="redis"),
    Metric(
        "dramaturg_queue_concurrency_limit",
        "gauge",
        "How many runs of a queue the workers heard of can run at once, all together.",
        ("queue",),
        source="redis",
    ),
    Metric(
        "dramaturg_queue_workers",
        "gauge",
        "Worker processes that serve a queue and were heard of in the last 15 seconds.",
        ("queue",),
        source="redis",
    ),
    Metric(
        "dramaturg_queue_time_limit_seconds",
        "gauge",
        "The longest time limit of the actors of a queue, as its workers declare it.",
        ("queue",),
        source="redis",
    ),
    Metric(
        "dramaturg_recovered_runs_total",
        "counter",
        "Runs that were taken back from a worker that died; cause is lease_expired.",
        ("queue", "cause"),
        source="redis",
    ),
    Metric(
        "dramaturg_fenced_writes_total",
        "counter",
        "Writes of a worker that were refused, because its run was another's by then.",
        ("actor",),
    ),
    Metric(
        "dramaturg_quarantined_runs_total",
        "counter",
        "Runs that were stopped because their workers died of them; reason is crash_loop.",
        ("actor", "reason"),
        source="redis",
    ),
    Metric(
        "dramaturg_dead_runs",
        "gauge",
        "Dead runs that wait for somebody; reason is the first word of why.",
        ("actor", "reason"),
        source="redis",
    ),
    Metric(
        "dramaturg_reconciler_last_success_timestamp_seconds",
        "gauge",
        "When expired leases were looked through last, in Unix time.",
        source="redis",
    ),
    Metric("dramaturg_reconciler_duration_seconds", "histogram", "How long a sweep took.", (), SHORT),
    Metric(
        "dramaturg_schedule_last_success_timestamp_seconds",
        "gauge",
        "When a run of a schedule completed last, in Unix time; 0 if none is known.",
        ("schedule",),
        source="redis",
    ),
    Metric(
        "dramaturg_schedule_next_timestamp_seconds",
        "gauge",
        "When a schedule fires next, in Unix time: in the past if it is late.",
        ("schedule",),
        source="redis",
    ),
    Metric(
        "dramaturg_schedule_paused",
        "gauge",
        "1 while a schedule is paused, 0 otherwise.",
        ("schedule",),
        source="redis",
    ),
    Metric(
        "dramaturg_schedule_fires_total",
        "counter",
        "Ticks of a schedule; result is sent, caught_up (over a minute late), duplicate_suppressed or missed.",
        ("schedule", "result"),
    ),
    Metric(
        "dramaturg_schedule_lateness_seconds",
        "histogram",
        "How long after its time a tick fired.",
        ("schedule",),
        WAITS,
    ),
    Metric(
        "dramaturg_scheduler_leader",
        "gauge",
        "1 in the scheduler process that leads, 0 in the others.",
    ),
    Metric(
        "dramaturg_breaker_state",
        "gauge",
        "0 closed; 1 half open, recovering or limited for a while; 2 open, or its account fails.",
        ("breaker",),
        source="redis",
    ),
    Metric(
        "dramaturg_breaker_transitions_total",
        "counter",
        "Breakers that changed; to is open, recovering or closed.",
        ("breaker", "to"),
        source="redis",
    ),
    Metric(
        "dramaturg_limiter_wait_seconds",
        "histogram",
        "For how long a limit told a call of a model to wait.",
        ("limiter",),
        WAITS,
    ),
    Metric(
        "dramaturg_limiter_rejected_total",
        "counter",
        "Calls that a limit refused, and how often it held up a line of runs.",
        ("limiter",),
        source="both",
    ),
    Metric(
        "gen_ai_client_operation_duration_seconds",
        "histogram",
        "How long calls of models took; error_type is empty if they succeeded.",
        CALL,
        CALLS,
    ),
    Metric(
        "gen_ai_client_token_usage",
        "histogram",
        "Tokens of a call; gen_ai_token_type is input or output.",
        (*CALL, "gen_ai_token_type"),
        TOKENS,
    ),
    Metric("dramaturg_llm_cost_usd_total", "counter", "What calls of models cost, in US dollars.", ("model", "actor")),
    Metric(
        "dramaturg_llm_budget_remaining_ratio",
        "gauge",
        "What is left of a budget in its period, from 1 to 0; of one for each of several, what the shortest has left.",
        ("budget",),
        source="redis",
    ),
    Metric(
        "dramaturg_llm_fallbacks_total",
        "counter",
        "Moves of runs along their chain of models.",
        ("from", "to", "reason"),
    ),
    Metric("dramaturg_gate_score", "histogram", "Scores of drafts at a quality gate.", ("gate", "actor"), SCORES),
    Metric(
        "dramaturg_gate_verdicts_total",
        "counter",
        "What quality gates decided of a draft; verdict is passed, failed, or taken for want of a better one.",
        ("gate", "actor", "verdict"),
    ),
    Metric(
        "dramaturg_redis_errors_total",
        "counter",
        "Calls that Redis did not answer, or refused; kind is unavailable or backpressure.",
        ("kind",),
    ),
    Metric(
        "dramaturg_redis_script_duration_seconds",
        "histogram",
        "How long calls of scripts took, the way there and back included.",
        ("script",),
        SHORT,
    ),
    Metric(
        "dramaturg_redis_memory_used_ratio",
        "gauge",
        "How full Redis is, of its limit or, without one, of the machine's memory.",
        source="redis",
    ),
    Metric("dramaturg_redis_memory_used_bytes", "gauge", "How much memory Redis uses.", source="redis"),
    Metric(
        "dramaturg_redis_noeviction",
        "gauge",
        "1 if Redis refuses writes when it is full, 0 if it throws keys away.",
        source="redis",
    ),
    Metric(
        "dramaturg_redis_aof_enabled", "gauge", "1 if Redis writes every change to its log, 0 if not.", source="redis"
    ),
    Metric(
        "dramaturg_redis_up",
        "gauge",
        "1 if Redis answered this process at this scrape, 0 if not.",
        source="scrape",
    ),
    Metric(
        "dramaturg_exporter_leader",
        "gauge",
        "1 in the process that exports what is read from Redis, 0 in the others.",
        source="scrape",
    ),
    Metric("dramaturg_worker_info", "gauge", "How many worker processes there are, by version.", ("host", "version")),
    Metric("dramaturg_worker_slots", "gauge", "Threads of a worker process.", ("slot",)),
    Metric("dramaturg_worker_busy_slots", "gauge", "Those of them that run an attempt.", ("slot",)),
    Metric("dramaturg_worker_resident_memory_bytes", "gauge", "Memory of a worker process.", ("slot",)),
    Metric(
        "dramaturg_worker_restarts_total",
        "counter",
        "Worker processes that ended and were replaced; reason is oom, killed, crashed, stuck, refused or renewed.",
        ("reason",),
        source="scrape",
    ),
    Metric(
        "dramaturg_event_loop_lag_seconds",
        "histogram",
        "How late the event loop of asyncio actors gets to what is due.",
        (),
        LAGS,
    ),
)

#: Every metric by its name.
CATALOGUE: dict[str, Metric] = {metric.name: metric for metric in _ALL}

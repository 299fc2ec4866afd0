"""What is measured of calls of models, their limits and the gates that grade what they wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.metrics.labels import provider_word
from pipeline.metrics.tally import count, keeps, observe

if TYPE_CHECKING:
    from pipeline.journal import Billed


def called(actor: str, billed: Billed) -> None:
    """Count a call of a model: how long it took, its tokens, and what it cost."""
    if not keeps():
        return
    model = billed.model
    labels = ("chat", provider_word(model), model, model, "" if billed.outcome == "ok" else billed.outcome)
    observe("gen_ai_client_operation_duration_seconds", billed.seconds, *labels)
    if billed.outcome == "ok":
        observe("gen_ai_client_token_usage", billed.tokens_in, *labels, "input")
        observe("gen_ai_client_token_usage", billed.tokens_out, *labels, "output")
    count("dramaturg_llm_cost_usd_total", model, actor, by=billed.micros / 1_000_000)


def refused(gate: str, wait_ms: int) -> None:
    """Count a call that a limit refused, and for how long; what a breaker or a budget refused is told elsewhere."""
    if gate.startswith("l:"):
        count("dramaturg_limiter_rejected_total", gate[2:])
        observe("dramaturg_limiter_wait_seconds", wait_ms / 1000, gate[2:])


def moved(from_model: str, to_model: str, reason: str) -> None:
    """Count a move of a run along its chain of models."""
    count("dramaturg_llm_fallbacks_total", from_model, to_model, reason)


def graded(gate: str, actor: str, score: float, *, accepted: bool) -> None:
    """Count a draft's grade at a gate."""
    observe("dramaturg_gate_score", score, gate, actor)
    count("dramaturg_gate_verdicts_total", gate, actor, "passed" if accepted else "failed")

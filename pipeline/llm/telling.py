"""What is told of a call of a model, as a span and as a log line: never the prompt, never the answer."""

from __future__ import annotations

import structlog

from pipeline.journal import Billed
from pipeline.tracing import semantics
from pipeline.tracing.spans import NoSpan, OpenSpan, span

#: So many characters in a row are no accident.
_QUOTED = 16

log = structlog.get_logger(__name__)


def calling(model: str, most_tokens: int) -> OpenSpan | NoSpan:
    """Open the span of a call; to be used in a ``with``."""
    return span(f"chat {model}", "CLIENT", _asked(model) | {semantics.GEN_AI_MAX_TOKENS: most_tokens})


def taken(tokens_in: int, tokens_out: int, tokens_cached: int) -> dict[str, int]:
    """Give what a call took, in the words of the semantic conventions."""
    return {
        semantics.GEN_AI_INPUT_TOKENS: tokens_in,
        semantics.GEN_AI_OUTPUT_TOKENS: tokens_out,
        semantics.GEN_AI_CACHED_TOKENS: tokens_cached,
    }


def tell(billed: Billed) -> None:
    """Log a call that ended."""
    log.info(
        "model_called",
        outcome=billed.outcome,
        duration_s=billed.seconds,
        price_usd=billed.micros / 1_000_000,
        **_asked(billed.model),
        **taken(billed.tokens_in, billed.tokens_out, billed.tokens_cached),
    )


def without(said: str, *prompts: str) -> str:
    """Take out of a failure's message what it quotes of the prompts: some providers and proxies say it all again."""
    kept, at = "", 0
    while at < len(said):
        end = at + _QUOTED
        if end <= len(said) and any(said[at:end] in prompt for prompt in prompts):
            while end < len(said) and any(said[at : end + 1] in prompt for prompt in prompts):
                end += 1
            kept, at = f"{kept}[...]", end
        else:
            kept, at = kept + said[at], at + 1
    return kept


def _asked(model: str) -> dict[str, str | int]:
    provider, _, name = model.partition(":")
    return {
        semantics.GEN_AI_OPERATION: "chat",
        semantics.GEN_AI_PROVIDER: semantics.provider(provider),
        semantics.GEN_AI_REQUEST_MODEL: name or provider,
    }

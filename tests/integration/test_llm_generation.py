"""Asking a model: how each provider is spoken to, and what an answer and its price look like."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest
from pydantic import BaseModel

from pipeline.llm import Providers, configure, generate
from pipeline.testing import Answer, SimulatedProvider


class Word(BaseModel):
    """An answer."""

    word: str


@pytest.fixture
def provider() -> Iterator[SimulatedProvider]:
    """A provider under the addresses of all."""
    with SimulatedProvider() as running:
        configure(
            Providers(
                openai_api_key="openai-key",
                openai_base_url=running.url,
                openrouter_api_key="openrouter-key",
                openrouter_base_url=running.url,
                anthropic_api_key="anthropic-key",
                anthropic_base_url=running.root,
                ollama_base_url=running.url,
            )
        )
        yield running
        configure(None)


SPOKEN = {
    "openai:gpt-4o-mini": ("/v1/chat/completions", "json_schema", None, "Bearer openai-key"),
    "openrouter:openai/gpt-4o-mini": ("/v1/chat/completions", "json_schema", None, "Bearer openrouter-key"),
    "openrouter:anthropic/claude-3.5-sonnet": ("/v1/chat/completions", None, "final_result", "Bearer openrouter-key"),
    "anthropic:claude-3-5-sonnet-latest": ("/v1/messages", None, "final_result", "Bearer anthropic-key"),
    "ollama:llama3": ("/v1/chat/completions", "json_schema", None, "Bearer none"),
    "{url}#llama3": ("/v1/chat/completions", None, None, "Bearer none"),
}


@pytest.mark.parametrize("name", SPOKEN)
def test_each_provider_is_asked_in_its_own_way(provider, name):
    """Schema, tool or prompt, as the provider can; its own key and no other; once."""
    path, response_format, tool, key = SPOKEN[name]
    model = name.format(url=provider.url)
    provider.on(model.partition("#")[2] or model.partition(":")[2], Answer({"word": "yes"}, tokens_in=1200))
    made = generate(model, Word, instructions="Say a word.", prompt="Now.", max_output_tokens=100)
    (call,) = provider.calls
    assert made.output == Word(word="yes")
    assert (made.usage.model, made.usage.tokens_in) == (model, 1200)
    assert made.usage.tokens_out > 0
    assert (call.path, call.tool) == (path, tool)
    assert call.body.get("response_format", {}).get("type") == response_format
    assert call.headers["authorization"] == key
    assert call.body.get("max_tokens", call.body.get("max_completion_tokens")) == 100
    assert call.instructions.startswith("Say a word.")
    assert call.prompt == "Now."
    if tool is None and response_format != "json_schema":
        assert '"word"' in call.instructions


def test_a_known_model_has_a_price_and_an_unknown_one_none(provider):
    """Priced without the network, cached tokens at their own rate; no price is not a price of nothing."""
    provider.on("gpt-4o-mini", Answer({"word": "yes"}, tokens_in=1_000_000, tokens_cached=500_000))
    provider.on("nobody-knows-me", Answer({"word": "yes"}))
    known = generate("openai:gpt-4o-mini", Word, instructions="Say a word.", prompt="Now.").usage
    unknown = generate("openai:nobody-knows-me", Word, instructions="Say a word.", prompt="Now.").usage
    assert known.tokens_cached == 500_000
    assert known.price is not None
    assert Decimal("0.11") < known.price < Decimal("0.12")
    assert unknown.price is None
    assert 0 < known.seconds < 10


def test_an_answer_in_a_fence_or_after_a_thought_is_read(provider):
    """Servers without a mode for JSON wrap it as they please."""
    for text in ('```json\n{"word": "yes"}\n```', 'Here you are:\n```\n{"word": "yes"}\n```'):
        model = provider.on("m", Answer(text))
        assert generate(model, Word, instructions="Say a word.", prompt="Now.").output.word == "yes"

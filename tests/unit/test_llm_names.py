"""Names of models: what is understood, and what is said about the rest."""

from __future__ import annotations

import pytest

from pipeline.errors import InvalidInput
from pipeline.llm import ModelName, parse_model


@pytest.mark.parametrize(
    ("name", "parsed"),
    [
        ("openai:gpt-4o-mini", ModelName("openai", "gpt-4o-mini")),
        ("openrouter:anthropic/claude-3.5-sonnet", ModelName("openrouter", "anthropic/claude-3.5-sonnet")),
        ("openrouter:meta/llama-3:free", ModelName("openrouter", "meta/llama-3:free")),
        ("anthropic:claude-sonnet-5", ModelName("anthropic", "claude-sonnet-5")),
        ("ollama:llama3:8b", ModelName("ollama", "llama3:8b")),
        ("http://localhost:8000/v1#llama", ModelName("server", "llama", "http://localhost:8000/v1")),
        (
            "https://models.example.org/v1#org/llama#2",
            ModelName("server", "org/llama#2", "https://models.example.org/v1"),
        ),
        ("offline", ModelName("offline", "offline")),
    ],
)
def test_a_name_is_taken_apart_and_put_together_again(name, parsed):
    """Colons, slashes and hashes inside a model's own name stay in it."""
    assert parse_model(name) == parsed
    assert str(parsed) == name


@pytest.mark.parametrize(
    ("name", "mistakes"),
    [
        ("", ["it is empty"]),
        ("gpt-4o-mini", ["names no provider", "openai:..."]),
        ("gemini:flash", ["no provider 'gemini'"]),
        ("server:llama", ["no provider 'server'"]),
        ("offline:x", ["no provider 'offline'"]),
        ("openai:", ["the model is missing"]),
        ("openai:gpt 4", ["blanks"]),
        ("http://localhost:8000/v1", ["the model is missing", "after a #"]),
        ("ftp://localhost/v1#m", ["must start with http"]),
        ("file:///etc/passwd#m", ["must start with http", "names no host"]),
        ("http://localhost:port/v1#m", ["cannot be read"]),
        ("http://me:secret@localhost/v1?key=1", ["a user or password", "a query", "the model is missing"]),
        ("openai:" + "x" * 400, ["longer than 300"]),
    ],
)
def test_every_mistake_in_a_name_is_named(name, mistakes):
    """All at once, with the field at fault, and without a password that was in it."""
    with pytest.raises(InvalidInput) as caught:
        parse_model(name)
    assert caught.value.field == "model"
    for mistake in mistakes:
        assert mistake in str(caught.value)
    assert "secret" not in str(caught.value)

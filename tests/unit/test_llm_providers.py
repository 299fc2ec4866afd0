"""The providers' addresses and keys: read from the environment, checked, never shown."""

from __future__ import annotations

import subprocess
import sys

import pytest
from pydantic import BaseModel, ValidationError

from pipeline.errors import AuthFailed, InvalidInput
from pipeline.llm import Providers, configure, configured, generate

KEY = "sk-a-very-secret-key"


class Word(BaseModel):
    """An answer."""

    word: str


@pytest.fixture(autouse=True)
def _no_configuration():
    configure(None)
    yield
    configure(None)


def test_keys_and_addresses_come_from_the_environment(monkeypatch, tmp_path):
    """Each field in capitals, the .env file below the environment, and an empty value is none."""
    (tmp_path / ".env").write_text("ANTHROPIC_API_KEY=from-file\nOPENAI_API_KEY=from-file\nUNKNOWN=1\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENROUTER_API_KEY", "")
    monkeypatch.setenv("OLLAMA_BASE_URL", "http://ollama:11434/v1/")
    found = configured()
    assert found.openai_api_key is not None
    assert found.openai_api_key.get_secret_value() == KEY
    assert found.anthropic_api_key is not None
    assert found.openrouter_api_key is None
    assert found.ollama_base_url == "http://ollama:11434/v1"


def test_what_is_configured_does_not_read_the_environment(monkeypatch):
    """A value passed in is all there is."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    configure(Providers())
    assert configured().openai_api_key is None


def test_a_key_is_never_shown():
    """Not in a repr, not in JSON, not in what is said about a bad address."""
    providers = Providers(openai_api_key=KEY)
    assert KEY not in repr(providers) + str(providers) + providers.model_dump_json()
    with pytest.raises(ValidationError) as caught:
        Providers(openai_api_key=KEY, openai_base_url="https://me:hidden@host/v1")
    assert "user or password" in str(caught.value)
    assert "hidden" not in str(caught.value)


def test_all_bad_addresses_of_the_environment_are_named_at_once(monkeypatch):
    """The first call says which variables are wrong, and shows none of their values."""
    monkeypatch.setenv("OPENAI_BASE_URL", "https://me:hidden@host/v1")
    monkeypatch.setenv("OLLAMA_BASE_URL", "localhost:11434")
    with pytest.raises(InvalidInput) as caught:
        generate("openai:gpt-4o", Word, instructions="Say a word.", prompt="Now.")
    assert "OPENAI_BASE_URL" in str(caught.value)
    assert "OLLAMA_BASE_URL" in str(caught.value)
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize("address", ["localhost:11434", "ftp://host/v1", "http://", "http://host:x"])
def test_a_bad_address_is_refused(address):
    """Only http and https, and only with a host."""
    with pytest.raises(ValidationError):
        Providers(ollama_base_url=address)


@pytest.mark.parametrize(
    ("model", "failure", "says"),
    [
        ("offline", InvalidInput, "offline is no model"),
        ("gpt-4o", InvalidInput, "names no provider"),
        ("openai:gpt-4o", AuthFailed, "set OPENAI_API_KEY"),
        ("anthropic:claude-sonnet-5", AuthFailed, "set ANTHROPIC_API_KEY"),
    ],
)
def test_what_cannot_be_asked_is_refused_before_any_request(model, failure, says):
    """No provider, no name, no key: the message says what to do."""
    configure(Providers())
    with pytest.raises(failure, match=says):
        generate(model, Word, instructions="Say a word.", prompt="Now.")


def test_importing_the_interface_loads_no_client_and_starts_nothing():
    """The libraries of the providers take a second to import, and are imported by the first call."""
    program = (
        "import sys, threading, pipeline.llm, actors.study.modelled\n"
        "heavy = ('pydantic_ai', 'openai', 'anthropic', 'httpx2', 'pydantic_settings', 'genai_prices')\n"
        "print([name for name in heavy if name in sys.modules], threading.active_count())"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[] 1"

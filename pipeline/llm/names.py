"""Names of models: which provider answers, and which of its models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import urlsplit

from pipeline.errors import InvalidInput

Provider = Literal["openai", "openrouter", "anthropic", "ollama", "server", "offline"]

#: The generator that asks no model; a known name, with no provider behind it.
OFFLINE: Final = "offline"

#: Providers that are named by a prefix; a ``server`` is named by its address instead.
_PREFIXES: dict[str, Provider] = {
    "openai": "openai",
    "openrouter": "openrouter",
    "anthropic": "anthropic",
    "ollama": "ollama",
}

_LONGEST = 300


@dataclass(frozen=True)
class ModelName:
    """A model's name, taken apart."""

    provider: Provider
    model: str
    #: Only of a ``server``: where its OpenAI-compatible interface is.
    base_url: str | None = None

    def __str__(self) -> str:
        if self.provider == OFFLINE:
            return OFFLINE
        return f"{self.base_url}#{self.model}" if self.base_url else f"{self.provider}:{self.model}"


def parse_model(name: str) -> ModelName:
    """Take ``openai:gpt-4o-mini``, ``http://host/v1#llama`` or ``offline`` apart; every mistake in it is named."""
    if name == OFFLINE:
        return ModelName(OFFLINE, OFFLINE)
    mistakes = _blemishes(name)
    prefix, colon, rest = name.partition(":")
    provider: Provider | None
    if rest.startswith("//"):
        base_url, _, model = name.partition("#")
        mistakes += address_mistakes(base_url)
        if not model:
            mistakes.append("the model is missing: write it after a #, as in http://localhost:8000/v1#llama3")
        parsed = ModelName("server", model, base_url.rstrip("/"))
    else:
        provider = _PREFIXES.get(prefix)
        if provider is None:
            mistakes.append(_unknown(prefix, colon))
        elif not rest:
            mistakes.append(f"the model is missing after {prefix}:")
        parsed = ModelName(provider or OFFLINE, rest)
    if mistakes:
        raise InvalidInput(f"model {_shown(name)}: {'; '.join(mistakes)}", field="model")
    return parsed


def address_mistakes(address: str) -> list[str]:
    """Name what is wrong with a provider's address; the values in it are not repeated, for they may be secrets."""
    try:
        parts = urlsplit(address)
        host, _port = parts.hostname, parts.port
    except ValueError as error:
        return [f"the address cannot be read ({error})"]
    mistakes = []
    if parts.scheme not in ("http", "https"):
        mistakes.append("the address must start with http:// or https://")
    if not host:
        mistakes.append("the address names no host")
    if parts.username is not None or parts.password is not None:
        mistakes.append("the address holds a user or password: put the key into the settings")
    if parts.query:
        mistakes.append("the address holds a query (?...)")
    return mistakes


def _blemishes(name: str) -> list[str]:
    mistakes = []
    if not name.strip():
        mistakes.append("it is empty")
    elif any(character.isspace() or not character.isprintable() for character in name):
        mistakes.append("it holds blanks or control characters")
    if len(name) > _LONGEST:
        mistakes.append(f"it is longer than {_LONGEST} characters")
    return mistakes


def _unknown(prefix: str, colon: str) -> str:
    known = ", ".join(f"{known}:..." for known in _PREFIXES)
    what = f"there is no provider {prefix[:40]!r}" if colon else "it names no provider"
    return f"{what}; write {known}, an address with #model, or {OFFLINE}"


def _shown(name: str) -> str:
    parts = name.split("@") if "//" in name else [name]
    return repr(parts[-1][:80])

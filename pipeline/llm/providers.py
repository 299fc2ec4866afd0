"""Where the providers of models are, and the keys they ask for."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError, field_validator

from pipeline.errors import InvalidInput
from pipeline.llm.names import Provider, address_mistakes

OPENAI_URL = "https://api.openai.com/v1"


class Providers(BaseModel):
    """Addresses and keys of the providers; a key is never shown, not in a repr, a message or a log."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    openai_api_key: SecretStr | None = None
    openai_base_url: str = OPENAI_URL
    openrouter_api_key: SecretStr | None = None
    openrouter_base_url: str = "https://openrouter.ai/api/v1"
    anthropic_api_key: SecretStr | None = None
    anthropic_base_url: str = "https://api.anthropic.com"
    ollama_api_key: SecretStr | None = None
    ollama_base_url: str = "http://localhost:11434/v1"
    #: Sent to servers that are named by their address; no other key ever is.
    llm_api_key: SecretStr | None = None

    @field_validator("openai_base_url", "openrouter_base_url", "anthropic_base_url", "ollama_base_url")
    @classmethod
    def _an_address(cls, value: str) -> str:
        if mistakes := address_mistakes(value):
            raise ValueError("; ".join(mistakes))
        return value.rstrip("/")

    @classmethod
    def from_environment(cls, env_file: str | None = ".env") -> Self:
        """Read ``OPENAI_API_KEY``, ``OLLAMA_BASE_URL`` and so on: each field in capitals."""
        from pydantic_settings import BaseSettings, SettingsConfigDict

        class Environment(BaseSettings, cls):  # type: ignore[valid-type,misc]
            model_config = SettingsConfigDict(
                env_file=env_file, env_ignore_empty=True, extra="ignore", frozen=True, hide_input_in_errors=True
            )

        return cls(**{name: getattr(found, name) for found in [Environment()] for name in cls.model_fields})

    def needs_key(self, provider: Provider) -> bool:
        """Tell whether a provider answers nobody without a key; a server of one's own may."""
        if provider == "openai":
            return self.openai_base_url == OPENAI_URL
        return provider in ("openrouter", "anthropic")

    def secrets(self) -> tuple[str, ...]:
        """Every key that is set, in clear: for taking them out of text, and nothing else."""
        values = (getattr(self, name) for name in type(self).model_fields)
        return tuple(value.get_secret_value() for value in values if isinstance(value, SecretStr))


_providers: Providers | None = None


def configure(providers: Providers | None) -> None:
    """Use these providers from now on in this process; None reads the environment again at the next use."""
    global _providers  # noqa: PLW0603 - one configuration a process, set by the program that starts it
    _providers = providers


def configured() -> Providers:
    """Give the providers in use, read from the environment at first use if nobody configured any."""
    global _providers  # noqa: PLW0603 - see configure()
    if _providers is None:
        try:
            _providers = Providers.from_environment()
        except ValidationError as error:
            mistakes = [f"{str(mistake['loc'][0]).upper()}: {mistake['msg']}" for mistake in error.errors()]
            raise InvalidInput("; ".join(mistakes), field=str(error.errors()[0]["loc"][0])) from None
    return _providers

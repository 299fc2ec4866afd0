"""The clients of the providers: built once a loop, SDK retries off, redirects not followed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pipeline.errors import AuthFailed
from pipeline.llm.loop import LoopThread
from pipeline.llm.names import ModelName
from pipeline.llm.providers import Providers

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic
    from openai import AsyncOpenAI
    from pydantic import SecretStr
    from pydantic_ai.models import Model

#: SDKs insist on a key; servers on one's own machine often have none.
_NO_KEY = "none"
_CONNECT_SECONDS = 10


def model_of(name: ModelName, providers: Providers, loop: LoopThread) -> Model[Any]:
    """Give the model behind a name, on a client that this loop keeps."""
    return _BUILDERS[name.provider](name, providers, loop)


def _openai(name: ModelName, providers: Providers, loop: LoopThread) -> Model[Any]:
    key = _key(name, providers.openai_api_key, providers)
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    client = _openai_client(loop, providers.openai_base_url, key)
    return OpenAIChatModel(name.model, provider=OpenAIProvider(openai_client=client))


def _openrouter(name: ModelName, providers: Providers, loop: LoopThread) -> Model[Any]:
    key = _key(name, providers.openrouter_api_key, providers)
    from pydantic_ai.models.openrouter import OpenRouterModel
    from pydantic_ai.providers.openrouter import OpenRouterProvider

    client = _openai_client(loop, providers.openrouter_base_url, key)
    return OpenRouterModel(name.model, provider=OpenRouterProvider(openai_client=client))


def _ollama(name: ModelName, providers: Providers, loop: LoopThread) -> Model[Any]:
    from pydantic_ai.models.ollama import OllamaModel
    from pydantic_ai.providers.ollama import OllamaProvider

    client = _openai_client(loop, providers.ollama_base_url, _key(name, providers.ollama_api_key, providers))
    return OllamaModel(name.model, provider=OllamaProvider(openai_client=client))


def _server(name: ModelName, providers: Providers, loop: LoopThread) -> Model[Any]:
    from pydantic_ai import ModelProfile
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai_compatible import OpenAICompatibleProvider

    client = _openai_client(loop, str(name.base_url), _key(name, providers.llm_api_key, providers))
    # Some servers refuse one kind of response_format, some the other: nothing but text is asked of them.
    plain = ModelProfile(supports_json_object_output=False, supports_json_schema_output=False)
    provider = OpenAICompatibleProvider("server", openai_client=client, profile=plain)
    return OpenAIChatModel(name.model, provider=provider)


def _anthropic(name: ModelName, providers: Providers, loop: LoopThread) -> Model[Any]:
    base_url, key = providers.anthropic_base_url, _key(name, providers.anthropic_api_key, providers)
    from pydantic_ai.models.anthropic import AnthropicModel
    from pydantic_ai.providers.anthropic import AnthropicProvider

    def build() -> AsyncAnthropic:
        from anthropic import AsyncAnthropic
        from pydantic_ai.models import create_async_httpx2_client

        client = create_async_httpx2_client(timeout=_timeout())
        return AsyncAnthropic(base_url=base_url, api_key=key, max_retries=0, http_client=client)

    client = loop.client(("anthropic", base_url, key), build)
    return AnthropicModel(name.model, provider=AnthropicProvider(anthropic_client=client))


_BUILDERS: dict[str, Callable[[ModelName, Providers, LoopThread], Model[Any]]] = {
    "openai": _openai,
    "openrouter": _openrouter,
    "ollama": _ollama,
    "server": _server,
    "anthropic": _anthropic,
}


def _openai_client(loop: LoopThread, base_url: str, key: str) -> AsyncOpenAI:
    def build() -> AsyncOpenAI:
        from openai import AsyncOpenAI
        from pydantic_ai.models import create_async_httpx2_client

        client = create_async_httpx2_client(timeout=_timeout())
        return AsyncOpenAI(base_url=base_url, api_key=key, max_retries=0, http_client=client)

    return loop.client(("openai", base_url, key), build)


def _timeout() -> Any:
    import httpx2

    return httpx2.Timeout(600, connect=_CONNECT_SECONDS)


def _key(name: ModelName, key: SecretStr | None, providers: Providers) -> str:
    if key is not None:
        return key.get_secret_value()
    if providers.needs_key(name.provider):
        raise AuthFailed(f"{name}: no key: set {name.provider.upper()}_API_KEY")
    return _NO_KEY

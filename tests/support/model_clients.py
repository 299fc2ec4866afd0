"""The clients that actors use, each asked for one word, and what it makes of the answer."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from pydantic import BaseModel

from pipeline import llm
from tests.support.apart import apart

MESSAGES = [{"role": "user", "content": "Say a word."}]
#: Seconds that each client waits for the next byte.
LIMIT = 0.4


class Word(BaseModel):
    """An answer."""

    word: str


@dataclass(frozen=True)
class Address:
    """Where both interfaces of a provider are."""

    url: str
    root: str


def openai_create(provider: Address) -> Any:
    from openai import OpenAI

    with OpenAI(base_url=provider.url, api_key="key", max_retries=0, timeout=LIMIT) as client:
        return client.chat.completions.create(model="m", messages=MESSAGES)


def openai_stream(provider: Address) -> Any:
    from openai import AsyncOpenAI

    async def ask() -> Any:
        async with AsyncOpenAI(base_url=provider.url, api_key="key", max_retries=0, timeout=LIMIT) as client:
            return [
                one async for one in await client.chat.completions.create(model="m", messages=MESSAGES, stream=True)
            ]

    return apart(ask())


def anthropic_create(provider: Address) -> Any:
    from anthropic import Anthropic

    with Anthropic(base_url=provider.root, api_key="key", max_retries=0, timeout=LIMIT) as client:
        return client.messages.create(model="m", messages=MESSAGES, max_tokens=100)


def anthropic_stream(provider: Address) -> Any:
    from anthropic import AsyncAnthropic

    async def ask() -> Any:
        async with (
            AsyncAnthropic(base_url=provider.root, api_key="key", max_retries=0, timeout=LIMIT) as client,
            client.messages.stream(model="m", messages=MESSAGES, max_tokens=100) as stream,
        ):
            return [one async for one in stream]

    return apart(ask())


def http_post(provider: Address) -> Any:
    import httpx2

    answer = httpx2.post(f"{provider.url}/chat/completions", json={"model": "m", "messages": MESSAGES}, timeout=LIMIT)
    return answer.raise_for_status().json()


def requests_post(provider: Address) -> Any:
    requests = pytest.importorskip("requests")
    asked = {"model": "m", "messages": MESSAGES}
    answer = requests.post(f"{provider.url}/chat/completions", json=asked, timeout=LIMIT, allow_redirects=False)
    answer.raise_for_status()
    return answer.json()


def urllib_post(provider: Address) -> Any:
    asked = urllib.request.Request(f"{provider.url}/chat/completions", json.dumps({"model": "m"}).encode())
    with urllib.request.urlopen(asked, timeout=LIMIT) as answer:
        return json.loads(answer.read())


def agent_on(client: Any, model: Any) -> Any:
    from pydantic_ai import Agent

    async def ask() -> Any:
        async with client:
            return await Agent(model, output_type=Word, retries=0, model_settings={"timeout": LIMIT}).run("Say a word.")

    return apart(ask())


def agent_openai(provider: Address) -> Any:
    from openai import AsyncOpenAI
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    client = AsyncOpenAI(base_url=provider.url, api_key="key", max_retries=0)
    return agent_on(client, OpenAIChatModel("m", provider=OpenAIProvider(openai_client=client)))


def agent_anthropic(provider: Address) -> Any:
    from anthropic import AsyncAnthropic
    from pydantic_ai.models.anthropic import AnthropicModel
    from pydantic_ai.providers.anthropic import AnthropicProvider

    client = AsyncAnthropic(base_url=provider.root, api_key="key", max_retries=0)
    return agent_on(client, AnthropicModel("m", provider=AnthropicProvider(anthropic_client=client)))


def generate_openai(provider: Address) -> Any:
    limit = timedelta(seconds=LIMIT)
    return llm.generate("openai:m", Word, instructions="Say a word.", prompt="Now.", read_timeout=limit)


def generate_anthropic(provider: Address) -> Any:
    limit = timedelta(seconds=LIMIT)
    return llm.generate("anthropic:m", Word, instructions="Say a word.", prompt="Now.", read_timeout=limit)


CLIENTS: dict[str, Callable[[Address], Any]] = {
    "openai": openai_create,
    "openai stream": openai_stream,
    "anthropic": anthropic_create,
    "anthropic stream": anthropic_stream,
    "httpx2": http_post,
    "requests": requests_post,
    "urllib": urllib_post,
    "agent openai": agent_openai,
    "agent anthropic": agent_anthropic,
    "generate openai": generate_openai,
    "generate anthropic": generate_anthropic,
}

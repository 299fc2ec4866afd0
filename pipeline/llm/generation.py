"""Ask a model once, and get a checked answer or a failure with a kind."""

from __future__ import annotations

import time
from collections.abc import AsyncIterable, Coroutine
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from pipeline.errors import Failure, InvalidInput
from pipeline.llm import loop
from pipeline.llm.clients import model_of
from pipeline.llm.failures import failure_of
from pipeline.llm.names import OFFLINE, ModelName, parse_model
from pipeline.llm.providers import configured

if TYPE_CHECKING:
    from pydantic_ai import Agent, AgentRunResult, RunContext
    from pydantic_ai.messages import AgentStreamEvent
    from pydantic_ai.models import Model
    from pydantic_ai.settings import ModelSettings

T = TypeVar("T", bound=BaseModel)

#: Anthropic wants a limit; above this its SDK turns the call into a stream.
_OUTPUT_TOKENS = 8192


class CallUsage(BaseModel):
    """What one call of a language model took."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    tokens_in: int = 0
    tokens_out: int = 0
    tokens_cached: int = 0
    price: Decimal | None = Field(default=None, description="US dollars; none if the price is not known")
    seconds: float = 0.0


@dataclass(frozen=True)
class Generated(Generic[T]):
    """A model's answer, and what it took."""

    output: T
    usage: CallUsage


def generate(
    model: str,
    output: type[T],
    *,
    instructions: str,
    prompt: str,
    timeout: timedelta = timedelta(minutes=4),
    read_timeout: timedelta = timedelta(seconds=60),
    max_output_tokens: int | None = None,
) -> Generated[T]:
    """Ask a model for an answer of this shape: one HTTP request, no retry, from any thread.

    ``timeout`` is for the whole call, ``read_timeout`` for each wait for the next bytes. What goes wrong is raised as
    one of ``pipeline.errors``. An exception raised in the waiting thread from outside cancels the request.
    """
    name = parse_model(model)
    if name.provider == OFFLINE:
        raise InvalidInput("offline is no model: choose the offline generator before asking one", field="model")
    providers = configured()
    settings: ModelSettings = {"timeout": read_timeout.total_seconds()}
    if max_output_tokens is not None or name.provider == "anthropic":
        settings["max_tokens"] = max_output_tokens or _OUTPUT_TOKENS
    failure: Failure | None = None
    try:
        running = loop.current()
        target = model_of(name, providers, running)
        call = _call(target, _agent(name, output, instructions), prompt, settings)
        started = time.monotonic()
        result = running.run(call, timeout=timeout)
        return Generated(result.output, _usage(name, result, time.monotonic() - started))
    except Exception as error:
        failure = failure_of(error, name, providers.secrets())
        if failure is None:
            raise
    # Raised outside the except block: a provider's own exception holds the request and its headers, and must not be
    # chained to what is logged and kept.
    raise failure


def _call(
    target: Model[Any], agent: Agent[None, T], prompt: str, settings: ModelSettings
) -> Coroutine[Any, Any, AgentRunResult[T]]:
    from pydantic_ai import UsageLimits

    # Streamed, so that the read limit is for the wait for the next words and not for the whole answer.
    return agent.run(
        prompt,
        model=target,
        model_settings=settings,
        usage_limits=UsageLimits(request_limit=1),
        event_stream_handler=_read_to_the_end,
    )


async def _read_to_the_end(_context: RunContext[None], events: AsyncIterable[AgentStreamEvent]) -> None:
    async for _ in events:
        pass


def _agent(name: ModelName, output: type[T], instructions: str) -> Agent[None, T]:
    from pydantic_ai import Agent, NativeOutput, PromptedOutput, ToolOutput
    from pydantic_ai.profiles import DEFAULT_PROMPTED_OUTPUT_TEMPLATE

    shape: Any
    if name.provider == "openai" or (name.provider == "openrouter" and name.model.startswith("openai/")):
        shape = NativeOutput(output)  # holds the model to the schema while it writes
    elif name.provider == "ollama" and not name.model.endswith("-cloud"):
        # So does Ollama, but small models write better when they have also read what is wanted.
        shape = NativeOutput(output, template=DEFAULT_PROMPTED_OUTPUT_TEMPLATE)
    elif name.provider in ("ollama", "server"):
        shape = PromptedOutput(output)
    else:
        shape = ToolOutput(output)
    return Agent(output_type=shape, instructions=instructions, retries=0)


def _usage(name: ModelName, result: AgentRunResult[Any], seconds: float) -> CallUsage:
    used = result.usage
    return CallUsage(
        model=str(name),
        tokens_in=used.input_tokens,
        tokens_out=used.output_tokens,
        tokens_cached=used.cache_read_tokens,
        price=used.cost,
        seconds=round(seconds, 3),
    )

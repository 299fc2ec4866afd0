"""Ask a model once, and get a checked answer or a failure with a kind."""

from __future__ import annotations

import time
from collections.abc import AsyncIterable, Callable, Coroutine
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, Field

from pipeline.errors import ContextOverflow, Failure, InvalidInput
from pipeline.llm import loop
from pipeline.llm.catalogue import price
from pipeline.llm.clients import model_of
from pipeline.llm.failures import failure_of
from pipeline.llm.metering import Used, metered
from pipeline.llm.names import OFFLINE, ModelName, parse_model
from pipeline.llm.providers import configured
from pipeline.llm.telling import without

if TYPE_CHECKING:
    from pydantic_ai import Agent, AgentRunResult, RunContext
    from pydantic_ai.messages import AgentStreamEvent
    from pydantic_ai.models import Model
    from pydantic_ai.settings import ModelSettings
    from pydantic_ai.usage import RunUsage

T = TypeVar("T", bound=BaseModel)
O = TypeVar("O")  # noqa: E741 - what comes out

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
class Generated(Generic[O]):
    """A model's answer, and what it took."""

    output: O
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
    return _ask(
        parse_model(model),
        lambda name: _agent(name, output, instructions),
        instructions=instructions,
        prompt=prompt,
        extra=len(orjson.dumps(output.model_json_schema())),
        timeout=timeout,
        read_timeout=read_timeout,
        max_output_tokens=max_output_tokens or _OUTPUT_TOKENS,
    )


def write(
    model: str,
    *,
    instructions: str,
    prompt: str,
    on_text: Callable[[str], None] = lambda _: None,
    timeout: timedelta = timedelta(minutes=4),
    read_timeout: timedelta = timedelta(seconds=60),
    max_output_tokens: int | None = None,
) -> Generated[str]:
    """Ask a model for a text; ``on_text`` is called in this thread with each piece as it comes.

    Otherwise as ``generate``.
    """
    pieces: SimpleQueue[str] = SimpleQueue()

    def hand_on() -> None:
        said = ""
        while not pieces.empty():
            said += pieces.get()
        if said:
            on_text(said)

    return _ask(
        parse_model(model),
        lambda _: _writer(instructions),
        instructions=instructions,
        prompt=prompt,
        extra=0,
        timeout=timeout,
        read_timeout=read_timeout,
        max_output_tokens=max_output_tokens or _OUTPUT_TOKENS,
        listen=pieces.put,
        meanwhile=hand_on,
    )


def _ask(
    name: ModelName,
    agent: Callable[[ModelName], Agent[None, O]],
    *,
    instructions: str,
    prompt: str,
    extra: int,
    timeout: timedelta,
    read_timeout: timedelta,
    max_output_tokens: int,
    listen: Callable[[str], None] = lambda _: None,
    meanwhile: Callable[[], None] = lambda: None,
) -> Generated[O]:
    if name.provider == OFFLINE:
        raise InvalidInput("offline is no model: choose the offline generator before asking one", field="model")
    settings: ModelSettings = {"timeout": read_timeout.total_seconds(), "max_tokens": max_output_tokens}

    def call(used: Used) -> Generated[O]:
        from pydantic_ai.usage import RunUsage

        taken = RunUsage()
        failure: Failure | None = None
        started = time.monotonic()
        providers = configured()
        try:
            running = loop.current()
            target = model_of(name, providers, running)
            asked = _call(target, agent(name), prompt, settings, taken, listen)
            result = running.run(asked, timeout=timeout, meanwhile=meanwhile)
            usage = _usage(name, result.usage, time.monotonic() - started)
            used.tokens_in, used.tokens_out = usage.tokens_in, usage.tokens_out
            used.tokens_cached, used.price = usage.tokens_cached, usage.price
            return Generated(result.output, usage)
        except Exception as error:
            used.tokens_in, used.tokens_out = taken.input_tokens, taken.output_tokens
            failure = failure_of(error, name, providers.secrets())
            if failure is None:
                raise
            failure.args = (without(str(failure), *map(_on_one_line, (instructions, prompt))), *failure.args[1:])
            if isinstance(failure, ContextOverflow) and failure.tokens is None:
                failure.tokens = (len(instructions) + len(prompt)) // 4
        # Raised outside the except block: a provider's own exception holds the request and its headers, and must not
        # be chained to what is logged and kept.
        raise failure

    sent = len(instructions.encode()) + len(prompt.encode()) + extra
    return metered(str(name), call, bytes_in=sent, tokens_out=max_output_tokens)


def _call(  # noqa: PLR0917 - what a call is made of
    target: Model[Any],
    agent: Agent[None, O],
    prompt: str,
    settings: ModelSettings,
    usage: RunUsage,
    listen: Callable[[str], None],
) -> Coroutine[Any, Any, AgentRunResult[O]]:
    from pydantic_ai import UsageLimits
    from pydantic_ai.messages import PartDeltaEvent, PartStartEvent, TextPart, TextPartDelta

    async def hear(_context: RunContext[None], events: AsyncIterable[AgentStreamEvent]) -> None:
        async for event in events:
            if isinstance(event, PartStartEvent) and isinstance(event.part, TextPart):
                listen(event.part.content)
            elif isinstance(event, PartDeltaEvent) and isinstance(event.delta, TextPartDelta):
                listen(event.delta.content_delta)

    # Streamed, so that the read limit is for the wait for the next words and not for the whole answer.
    return agent.run(
        prompt,
        model=target,
        model_settings=settings,
        usage=usage,
        usage_limits=UsageLimits(request_limit=1),
        event_stream_handler=hear,
    )


def _on_one_line(text: str) -> str:
    return " ".join(text.split())  # as failures have it


def _writer(instructions: str) -> Agent[None, str]:
    from pydantic_ai import Agent

    return Agent(output_type=str, instructions=instructions, retries=0)


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


def _usage(name: ModelName, used: RunUsage, seconds: float) -> CallUsage:
    return CallUsage(
        model=str(name),
        tokens_in=used.input_tokens,
        tokens_out=used.output_tokens,
        tokens_cached=used.cache_read_tokens,
        price=used.cost if used.cost is not None else price(str(name), used.input_tokens, used.output_tokens),
        seconds=round(seconds, 3),
    )

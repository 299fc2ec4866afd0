"""Names of attributes, as OpenTelemetry's semantic conventions have them (1.37); ours begin with ``dramaturg.``."""

from __future__ import annotations

#: What runs are messages of.
SYSTEM = "dramaturg"

MESSAGING_SYSTEM = "messaging.system"
MESSAGING_OPERATION = "messaging.operation.name"
MESSAGING_OPERATION_TYPE = "messaging.operation.type"
MESSAGING_DESTINATION = "messaging.destination.name"
MESSAGING_MESSAGE_ID = "messaging.message.id"
MESSAGING_CONVERSATION_ID = "messaging.message.conversation_id"
MESSAGING_BATCH = "messaging.batch.message_count"

GEN_AI_OPERATION = "gen_ai.operation.name"
GEN_AI_PROVIDER = "gen_ai.provider.name"
GEN_AI_REQUEST_MODEL = "gen_ai.request.model"
GEN_AI_MAX_TOKENS = "gen_ai.request.max_tokens"
GEN_AI_INPUT_TOKENS = "gen_ai.usage.input_tokens"
GEN_AI_OUTPUT_TOKENS = "gen_ai.usage.output_tokens"
GEN_AI_CACHED_TOKENS = "gen_ai.usage.cache_read.input_tokens"

ERROR_TYPE = "error.type"
EXCEPTION = "exception"
EXCEPTION_TYPE = "exception.type"
EXCEPTION_MESSAGE = "exception.message"
EXCEPTION_STACK = "exception.stacktrace"

ACTOR = "dramaturg.actor"
RUN = "dramaturg.run.id"
ATTEMPT = "dramaturg.attempt"
START = "dramaturg.start"
STATE = "dramaturg.state"
KIND = "dramaturg.kind"
REASON = "dramaturg.reason"
GROUP = "dramaturg.group"
FLOW = "dramaturg.flow"
STEP = "dramaturg.step"
EFFECT = "dramaturg.effect.key"
PRICE = "dramaturg.price_usd"
LINK = "dramaturg.link"

#: Our names of providers, where the conventions have another.
_PROVIDERS = {"google": "gcp.gemini", "mistral": "mistral_ai", "xai": "x_ai"}


def provider(name: str) -> str:
    """Give the conventions' name of a provider of language models."""
    return _PROVIDERS.get(name, name)

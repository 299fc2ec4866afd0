"""What is known of models before they are asked: how much they can read, and what they cost."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from pipeline.llm.names import OFFLINE, ModelName, parse_model

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo

#: How providers are called in the price list.
_LISTED = {"openai": "openai", "anthropic": "anthropic", "openrouter": "openrouter"}


class Known(BaseModel):
    """What a deployment says of a model in place of the price list; prices in US dollars a million tokens."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    window: int | None = Field(default=None, gt=0)
    input: Decimal | None = Field(default=None, ge=0)
    output: Decimal | None = Field(default=None, ge=0)


_said: dict[str, Known] = {}


def tell(models: Mapping[str, Known]) -> None:
    """Use what a deployment says of these models from now on in this process."""
    _said.clear()
    _said.update(models)


def window(model: str) -> int | None:
    """Give how many tokens a model can read, or none if that is not known."""
    said = _said.get(model)
    if said is not None and said.window is not None:
        return said.window
    listed = _listed(model)
    return None if listed is None else listed.context_window


def price(model: str, tokens_in: int, tokens_out: int) -> Decimal | None:
    """Give what a call costs in US dollars, or none if that is not known; what needs no provider costs nothing."""
    said = _said.get(model)
    if said is not None and said.input is not None and said.output is not None:
        return (said.input * tokens_in + said.output * tokens_out) / 1_000_000
    name = parse_model(model)
    if name.provider in {OFFLINE, "ollama"}:
        return Decimal(0)
    if name.provider not in _LISTED:
        return None
    from genai_prices import Usage, calc_price

    try:
        return calc_price(
            Usage(input_tokens=tokens_in, output_tokens=tokens_out),
            model_ref=name.model,
            provider_id=_LISTED[name.provider],
        ).total_price
    except LookupError:
        return None


@lru_cache(maxsize=256)
def _listed(model: str) -> ModelInfo | None:
    name = parse_model(model)
    return None if name.provider not in _LISTED else _look_up(name)


def _look_up(name: ModelName) -> ModelInfo | None:
    from genai_prices.data_snapshot import get_snapshot

    try:
        _, found = get_snapshot().find_provider_model(name.model, None, _LISTED[name.provider], None)
    except LookupError:
        return None
    return found

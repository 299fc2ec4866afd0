"""Looks at the language models that are to be asked: whether they are known, and their keys set."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.errors import InvalidInput, PipelineError
from pipeline.finding import Finding
from pipeline.llm import OFFLINE, ModelName, Providers, parse_model


def check_models(names: Sequence[str]) -> list[Finding]:
    """Say of each model whether it can be asked; none is."""
    try:
        providers = Providers.from_environment()
    except ValueError as error:
        return [Finding("error", f"The settings of the model providers are wrong: {error}")]
    return [_model(name, providers) for name in names]


def asks_models(names: Sequence[str]) -> bool:
    """Say whether any of them is a model, and not the generator that needs none."""
    return any(_parsed(name) is not None and name != OFFLINE for name in names)


def _parsed(name: str) -> ModelName | None:
    try:
        return parse_model(name)
    except InvalidInput:
        return None


def _model(name: str, providers: Providers) -> Finding:
    try:
        parsed = parse_model(name)
    except PipelineError as error:
        return Finding("error", f"{error}.", "Set DRAMATURG_MODELS.")
    if parsed.provider == OFFLINE:
        return Finding("ok", "Model offline: no key is needed.")
    field = "llm_api_key" if parsed.provider == "server" else f"{parsed.provider}_api_key"
    key = getattr(providers, field)
    if key is not None and key.get_secret_value():
        return Finding("ok", f"Model {parsed}: {field.upper()} is set.")
    if not providers.needs_key(parsed.provider):
        return Finding("ok", f"Model {parsed}: {field.upper()} is not set, which is right if the server wants none.")
    return Finding(
        "error", f"Model {parsed}: {field.upper()} is not set.", "Set it, or take the model out of the chain."
    )

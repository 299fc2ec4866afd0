"""Language models: one call that asks a model and returns a checked answer, with what it took."""

from __future__ import annotations

from pipeline.llm.generation import CallUsage, Generated, generate, write
from pipeline.llm.loop import close
from pipeline.llm.names import OFFLINE, ModelName, parse_model
from pipeline.llm.providers import Providers, configure, configured

__all__ = [
    "OFFLINE",
    "CallUsage",
    "Generated",
    "ModelName",
    "Providers",
    "close",
    "configure",
    "configured",
    "generate",
    "parse_model",
    "write",
]

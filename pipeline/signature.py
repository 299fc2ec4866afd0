"""Signatures: what an actor's function takes, and what a payload that does not fit is told."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from pydantic import ValidationError

from pipeline.errors import InvalidInput
from pipeline.run import Run


def parameters(fn: Callable[..., Any], name: str) -> tuple[str, bool]:
    """Give the name of the payload, empty if there is none, and whether the run is taken; raises ``TypeError``."""
    payload, takes_run = "", False
    for parameter in inspect.signature(fn).parameters.values():
        if parameter.kind not in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
            raise TypeError(f"actor {name!r}: parameter {parameter} is neither a payload nor the run")
        if parameter.name == "run" or parameter.annotation in (Run, "Run"):
            takes_run = True
        elif payload or takes_run:
            raise TypeError(
                f"actor {name!r}: takes one payload and then, if it wants, run; {parameter.name!r} is one too many"
            )
        else:
            payload = parameter.name
    return payload, takes_run


def invalid(name: str, error: ValidationError) -> InvalidInput:
    """Say what is wrong with a payload, field by field."""
    problems = error.errors(include_url=False, include_input=False)
    where = [".".join(str(part) for part in problem["loc"]) or "payload" for problem in problems]
    told = "; ".join(f"{place}: {problem['msg']}" for place, problem in zip(where, problems, strict=True))
    return InvalidInput(f"{name}: {told}", field=where[0])

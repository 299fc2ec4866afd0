"""Checks the part of a payload that is there, of a run whose other inputs are still being made."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from pydantic import BaseModel, ValidationError

from pipeline.actor import Actor
from pipeline.deploy_check.wording import problem
from pipeline.errors import InvalidInput

#: Failures that code of the payload's own raises: it may have looked at what is not there yet.
_OWN = frozenset({"value_error", "assertion_error"})


def misfit(
    actor: Actor[Any, Any], given: Any, pending: Collection[str], names: frozenset[str]
) -> tuple[str, str] | None:
    """Give the place of what cannot fit, whatever comes, and what is wrong with it; nothing if it may still fit.

    ``pending`` are the fields that other runs fill; with the whole payload among them nothing can be said.
    """
    if "" in pending or not isinstance(given, dict | None) or not _is_plain(actor.payload_type):
        return None
    try:
        actor.validate({**(given or {}), **dict.fromkeys(pending)})
    except InvalidInput as refused:
        error = refused.__context__
    except Exception:  # noqa: BLE001 - the payload's own code met what is not there yet: nothing is known
        return None
    else:
        return None
    if not isinstance(error, ValidationError):
        return None
    for told in error.errors(include_url=False, include_input=False):
        if not told["loc"] or told["type"] in _OWN or "error" in (told.get("ctx") or {}):
            continue
        if told["loc"][0] not in pending or told["type"] == "extra_forbidden":
            return problem(told, names)
    return None


def _is_plain(kind: Any) -> bool:
    """Say whether a type is a model that looks at its fields one by one, and not at all of them before."""
    if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
        return False
    validators = kind.__pydantic_decorators__.model_validators.values()
    return all(validator.info.mode == "after" for validator in validators)

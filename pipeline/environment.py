"""What the environment says, and what is wrong with it."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any

from dotenv import dotenv_values
from pydantic_core import ErrorDetails

from pipeline.errors import PipelineError

#: What the name of a variable ends with whose value is never printed.
SECRET_NAME = re.compile(r"(_KEY|_TOKEN|_SECRET|_PASSWORD)$")


class SettingsError(PipelineError):
    """Settings are wrong; the text names every mistake by its variable."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("These settings are wrong:\n" + "\n".join(f"  {mistake}" for mistake in mistakes))
        self.mistakes = tuple(mistakes)


def found_in(env_file: Path | None) -> dict[str, str]:
    """Give every variable of the environment and of ``env_file``; raises ``SettingsError`` if that is no text."""
    try:
        from_file = dotenv_values(env_file, encoding="utf-8") if env_file is not None and env_file.is_file() else {}
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError([f"{env_file}: cannot be read as UTF-8 text: {error}"]) from error
    return {name: value for name, value in from_file.items() if value is not None} | dict(os.environ)


def close_to(name: str, known: AbstractSet[str]) -> str:
    """Say that there is no such setting, and which one was meant."""
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    return f"{name}: there is no such setting" + (f"; did you mean {close[0]}?" if close else "")


def explain(name: str, detail: ErrorDetails, found: Mapping[str, Any]) -> str:
    """Say what is wrong with the setting ``name``, and what it is unless it may be secret."""
    said = detail["msg"].removeprefix("Value error, ")
    given = found.get(name)
    shown = "" if given is None or name.endswith("_URL") or SECRET_NAME.search(name) else f" (it is {given[:80]!r})"
    return f"{name}: {said[:1].lower()}{said[1:]}{shown}"

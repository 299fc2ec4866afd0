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


#: Says in which folder files hold values, each named as the variable that it stands for.
SECRETS_FOLDER = "DRAMATURG_SECRETS_FOLDER"

_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*")


def found_in(env_file: Path | None) -> dict[str, str]:
    """Give every variable of the environment, of ``env_file`` and of the folder of secrets, in that order.

    Raises ``SettingsError`` for what cannot be read, or is no text.
    """
    try:
        from_file = dotenv_values(env_file, encoding="utf-8") if env_file is not None and env_file.is_file() else {}
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError([f"{env_file}: cannot be read as UTF-8 text: {error}"]) from error
    found = {name: value for name, value in from_file.items() if value is not None} | dict(os.environ)
    return _secrets(folder) | found if (folder := _folder(found)) is not None else found


def secrets_folder(env_file: Path | None) -> Path | None:
    """Give the folder whose files hold secrets, if one is set; raises ``SettingsError`` if it is not there."""
    return _folder(found_in(env_file))


def _folder(found: Mapping[str, str]) -> Path | None:
    if not (named := found.get(SECRETS_FOLDER)):
        return None
    folder = Path(named).expanduser()
    if not folder.is_dir():
        raise SettingsError([f"{SECRETS_FOLDER}: {named} is no folder"])
    return folder


def _secrets(folder: Path) -> dict[str, str]:
    try:
        files = [file for file in folder.iterdir() if _VARIABLE.fullmatch(file.name) and file.is_file()]
        return {file.name: file.read_text(encoding="utf-8").strip() for file in files}
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError([f"{SECRETS_FOLDER}: a file in {folder} cannot be read as UTF-8 text: {error}"]) from error


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

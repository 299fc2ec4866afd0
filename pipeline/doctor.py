"""Looks at everything a run needs, and says what is missing and how to mend it."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
import tempfile
from datetime import timedelta
from pathlib import Path

from pipeline.database.check import check_database
from pipeline.engine.connection import connect
from pipeline.engine.embedded import EmbeddedRedis, open_redis_url
from pipeline.engine.redis_program import NoRedis, find_redis_program
from pipeline.engine.server_checks import check_server
from pipeline.environment import SettingsError
from pipeline.errors import InvalidInput, PipelineError
from pipeline.finding import Finding
from pipeline.llm import OFFLINE, ModelName, Providers, parse_model
from pipeline.settings import Settings, hide_userinfo

OLDEST_PYTHON = (3, 11)

#: Less free space than this is told.
LITTLE_SPACE_BYTES = 1024**3

#: What each extra brings, by the names its parts are imported under.
EXTRAS = {
    "documents": ("pypdfium2", "docx", "pptx", "selectolax", "markdown_it", "PIL"),
    "llm": ("pydantic_ai", "openai", "anthropic", "genai_prices"),
}

_ASKING = timedelta(seconds=10)


def diagnose_environment(env_file: Path | None = Path(".env")) -> list[Finding]:
    """Check the settings, and with them everything else if they are right."""
    try:
        settings = Settings.load(env_file)
    except SettingsError as error:
        return [Finding("error", f"{mistake}.") for mistake in error.mistakes]
    return [Finding("ok", "The settings are right."), *diagnose(settings)]


def diagnose(settings: Settings) -> list[Finding]:
    """Check everything, the good included; a Redis of our own is started for it if none runs, and ended again."""
    return [
        _python(),
        _home(settings),
        *_redis(settings),
        *check_database(settings),
        _writable("blobs are kept", settings.blobs_folder, "DRAMATURG_BLOBS"),
        _space(settings.home),
        *_documents(settings),
        *_models(settings),
    ]


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] < OLDEST_PYTHON:
        return Finding("error", f"Python is {version}.", "Install Python 3.11 or later.")
    return Finding("ok", f"Python is {version}.")


def _home(settings: Settings) -> Finding:
    return _writable("state is kept", settings.home, "DRAMATURG_HOME")


def _writable(what: str, folder: Path, setting: str) -> Finding:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"x")
    except OSError as error:
        return Finding("error", f"{folder}, where {what}, cannot be written: {error.strerror}.", f"Set {setting}.")
    return Finding("ok", f"{folder}, where {what}, can be written.")


def _redis(settings: Settings) -> list[Finding]:
    try:
        which = _which_redis(settings)
        with open_redis_url(settings) as url, connect(url) as client:
            found = check_server(client)
    except (NoRedis, OSError) as error:
        return [Finding("error", str(error))]
    unfit = any(finding.level == "error" for finding in found)
    return found if unfit else [Finding("ok", f"Redis: {which}."), *found]


def _which_redis(settings: Settings) -> str:
    if settings.redis_url is not None:
        return f"REDIS_URL, {hide_userinfo(settings.redis_url.get_secret_value())}"
    if settings.redis_folder.exists() and EmbeddedRedis(settings.redis_folder).is_alive():
        return f"our own, running in {settings.redis_folder}"
    return f"our own, started when it is needed in {settings.redis_folder} by {find_redis_program()}"


def _space(folder: Path) -> Finding:
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    shown = f"{free / 1024**3:.1f} GB are free in {folder}."
    if free < LITTLE_SPACE_BYTES:
        return Finding("warning", shown, "Make room: Redis and the database stop when the disk is full.")
    return Finding("ok", shown)


def _documents(settings: Settings) -> list[Finding]:
    found = [_extra("documents", "documents cannot be read")]
    if any(_parsed(name) is not None and name != OFFLINE for name in settings.models):
        found.append(_extra("llm", "no language model can be asked"))
    return [*found, _tesseract()]


def _extra(extra: str, otherwise: str) -> Finding:
    missing = [name for name in EXTRAS[extra] if importlib.util.find_spec(name) is None]
    if missing:
        return Finding(
            "warning",
            f"Without {', '.join(missing)} {otherwise}.",
            f"Install the extra: pip install 'dramaturg[{extra}]'.",
        )
    return Finding("ok", f"The extra {extra} is installed.")


def _tesseract() -> Finding:
    program = shutil.which("tesseract")
    mend = "Install it: apt install tesseract-ocr, or brew install tesseract."
    if program is None:
        return Finding("warning", "The tesseract program is missing: scanned documents cannot be read.", mend)
    try:
        answer = subprocess.run(  # noqa: S603 - a program found on the path, with a fixed argument
            [program, "--list-langs"],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_ASKING.total_seconds(),
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return Finding("warning", f"{program} does not run: {error}.", mend)
    languages = sorted(set(answer.stdout.split("\n")[1:]) - {"", "osd"})
    if not languages:
        return Finding("warning", f"{program} knows no language.", "Install one: apt install tesseract-ocr-eng.")
    return Finding("ok", f"Scanned documents are read by {program} in {', '.join(languages)}.")


def _models(settings: Settings) -> list[Finding]:
    try:
        providers = Providers.from_environment()
    except ValueError as error:
        return [Finding("error", f"The settings of the model providers are wrong: {error}")]
    return [_model(name, providers) for name in settings.models]


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

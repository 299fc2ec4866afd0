"""Looks at everything a run needs, here and in the running system, and says what is missing and how to mend it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from pipeline.database.check import check_database
from pipeline.doctor.installation import check_disk, check_documents, check_machine
from pipeline.doctor.language_models import check_models
from pipeline.doctor.redis_server import check_redis
from pipeline.environment import SettingsError
from pipeline.finding import Finding
from pipeline.settings import Settings

__all__ = ["diagnose", "diagnose_environment"]


def diagnose_environment(env_file: Path | None = Path(".env")) -> list[Finding]:
    """Check the settings, and with them everything else if they are right."""
    try:
        settings = Settings.load(env_file)
    except SettingsError as error:
        return [Finding("error", f"{mistake}.", check="settings") for mistake in error.mistakes]
    return [Finding("ok", "The settings are right.", check="settings"), *diagnose(settings)]


def diagnose(settings: Settings) -> list[Finding]:
    """Check everything, the good included; a Redis of our own is started for it if none runs, and ended again."""
    return [
        *_of("machine", check_machine(settings)),
        *check_redis(settings),
        *_of("database", check_database(settings)),
        *_of("disk", check_disk(settings)),
        *_of("documents", check_documents(settings)),
        *_of("models", check_models(settings.models)),
    ]


def _of(check: str, findings: Iterable[Finding]) -> list[Finding]:
    """Name the check of findings that name none."""
    return [finding if finding.check else replace(finding, check=check) for finding in findings]

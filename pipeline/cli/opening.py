"""Opens what a command needs: settings, Redis, and the project bound to it."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.cli.exits import usage
from pipeline.errors import PipelineError

if TYPE_CHECKING:
    from pipeline.database import Database
    from pipeline.engine.broker import PipelineBroker
    from pipeline.engine.ended_feed import EndedFeed
    from pipeline.inspector import Inspector
    from pipeline.settings import Settings


@dataclass(frozen=True, slots=True)
class Opened:
    """The project, bound to its Redis, for as long as one command runs."""

    settings: Settings
    redis_url: str
    broker: PipelineBroker
    inspector: Inspector


@contextmanager
def opened(
    modules: Sequence[str] = (), *, settings: Settings | None = None, fit: bool = False, whole: bool = False
) -> Iterator[Opened]:
    """Bind the project, and the actors of ``modules``, to the Redis of the settings; close it afterwards.

    With ``fit`` a Redis that would lose runs is refused, and with ``whole`` a policy file that names other actors.
    Raises ``Unavailable`` if Redis does not answer, ``SettingsError`` for settings and the policy file, and ``Stop``
    for a module that cannot be imported.
    """
    from pipeline.engine.connection import connect
    from pipeline.engine.server_checks import require_fit_server
    from pipeline.inspector import Inspector

    with _redis(settings) as (in_force, url):
        os.environ["REDIS_URL"] = url  # pipeline.app, and the workers that are started, use the same one
        if fit:
            with connect(url) as client:
                require_fit_server(client, allow_unsafe=in_force.allow_unsafe_redis)
        from pipeline.app import broker

        try:
            with broker.policies.together(whole=whole) if broker.policies else nullcontext():
                import_modules(modules)
            inspector = Inspector(broker.store, broker.values)
            inspector.now_ms()
            yield Opened(in_force, url, broker, inspector)
        finally:
            broker.close()


@contextmanager
def inspecting() -> Iterator[Inspector]:
    """Give the means to look at runs, and act on them, without any actor's code; raises as ``opened``."""
    from pipeline.blobs import Blobs
    from pipeline.engine.connection import connect
    from pipeline.engine.store import Store
    from pipeline.engine.values import Values
    from pipeline.inspector import Inspector

    with _redis(None) as (settings, url), connect(url) as client:
        values = Values(Blobs(settings.blobs_folder), settings.inline_limit_bytes)
        inspector = Inspector(Store(client, settings.namespace), values)
        inspector.now_ms()
        yield inspector


@contextmanager
def reading_ended_runs() -> Iterator[tuple[EndedFeed, Database]]:
    """Give the feed of ended runs and the database, without any actor's code; raises as ``opened``."""
    from pipeline.database import Database
    from pipeline.engine.connection import connect
    from pipeline.engine.ended_feed import EndedFeed
    from pipeline.engine.store import Store

    with _redis(None) as (settings, url), connect(url) as client:
        database = Database(settings.database.get_secret_value())
        database.migrate()
        try:
            yield EndedFeed(Store(client, settings.namespace)), database
        finally:
            database.close()


@contextmanager
def _redis(settings: Settings | None) -> Iterator[tuple[Settings, str]]:
    from pipeline import logs
    from pipeline.engine.embedded import open_redis_url
    from pipeline.settings import Settings

    settings = settings or Settings.load()
    if not logs_are_set():
        # A client has nothing to say unless something is wrong; what it was asked for it prints itself.
        level = "warning" if settings.log_level == "info" else settings.log_level
        logs.configure(level, settings.log_format, secrets=settings.secrets())
    with open_redis_url(settings) as url:
        yield settings, url


def logs_are_set() -> bool:
    """Tell whether this process has said where its log lines go."""
    import structlog

    return structlog.is_configured()


def import_modules(modules: Sequence[str]) -> None:
    """Import a user's modules of actors, from the working directory or the path; raises ``Stop`` for a bad one."""
    if "" not in sys.path:
        sys.path.insert(0, "")
    for module in modules:
        try:
            importlib.import_module(module)
        except PipelineError:
            raise
        except (Exception, SystemExit) as error:
            raise usage(f"The module {module!r} cannot be imported: {type(error).__name__}: {error}") from error

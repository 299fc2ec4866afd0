"""The composition root: settings become a broker, a stack, and the actors bound to them.

Importing this module is what the ``dramatiq`` command does (``dramatiq pipeline.app``): it reads the environment and
connects. Everything else in the project can be imported without either.
"""

from __future__ import annotations

import atexit
import contextlib
import sys
from pathlib import Path

import dramatiq

import actors
import schedules
from middleware import stack
from pipeline import artifacts, blobs, logs, policy_file, schedule
from pipeline.database import Database, set_database
from pipeline.declaration import bind
from pipeline.ended import set_ended_runs
from pipeline.engine.broker import PipelineBroker
from pipeline.engine.connection import connect
from pipeline.engine.embedded import open_redis_url
from pipeline.engine.ended_feed import EndedFeed
from pipeline.engine.store import Store
from pipeline.engine.values import Values
from pipeline.installation import Installation, set_installation
from pipeline.policies import Policies
from pipeline.settings import Settings


def assemble(settings: Settings, redis_url: str) -> PipelineBroker:
    """Build the broker for a Redis and bind every declared actor to it."""
    store_of_blobs = blobs.Blobs(settings.blobs_folder)
    blobs.set_blobs(store_of_blobs)
    set_installation(Installation.of(settings, redis_url))
    results = Database(settings.database.get_secret_value())
    set_database(results)
    artifacts.set_artifacts(artifacts.ArtifactStore(results))
    broker = PipelineBroker(
        Store(connect(redis_url), settings.namespace),
        Values(store_of_blobs, settings.inline_limit_bytes),
        middleware=stack(models=settings.models),
        lease=settings.lease,
        grace=settings.shutdown_grace,
        payload_limit=settings.payload_limit_bytes,
        models=settings.models,
        retention=settings.retention(),
        on_boot=lambda: logs.configure(
            settings.log_level, settings.log_format, secrets=settings.secrets(), worker_id=broker.worker_id
        ),
    )
    set_ended_runs(EndedFeed(broker.store))
    policies = Policies(broker, None if settings.policies is None else policy_file.read(settings.policies))
    actors.declare()
    with policies.together():
        bind(broker)
    schedules.declare()
    schedule.offer(broker)
    dramatiq.set_broker(broker)
    return broker


_held = contextlib.ExitStack()
atexit.register(_held.close)

#: What is in force, read once.
settings = Settings.load()

#: The broker of this process.
broker = assemble(settings, _held.enter_context(open_redis_url(settings)))

if Path(sys.argv[0]).name == "periodiq":  # the one command of a library that starts no worker, which would tell broker
    broker.on_boot()

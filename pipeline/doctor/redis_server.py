"""Looks at Redis, and through it at the system that runs on it."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.doctor import running
from pipeline.engine.connection import connect
from pipeline.engine.embedded import EmbeddedRedis, open_redis_url
from pipeline.engine.redis_program import NoRedis, find_redis_program
from pipeline.engine.server_checks import check_server
from pipeline.engine.server_health import check_health
from pipeline.engine.store import Store
from pipeline.errors import Unavailable
from pipeline.finding import Finding
from pipeline.settings import Settings, hide_userinfo

#: Findings after which nothing more can be asked of a server.
_SILENT = frozenset({"redis.reach", "redis.writing"})


def check_redis(settings: Settings) -> list[Finding]:
    """Say how Redis and the running system do; one of our own is started for it if none runs, and ended again."""
    try:
        which = _which(settings)
        with open_redis_url(settings) as url:
            return list(_look(settings, which, url))
    except NoRedis as error:
        return [Finding("error", str(error), check="redis.reach")]
    except (OSError, Unavailable) as error:
        return [Finding("error", f"Redis: {hide_userinfo(str(error))}.", "See its log.", "redis.reach")]


def _look(settings: Settings, which: str, url: str) -> Iterator[Finding]:
    with connect(url) as client:
        found = check_server(client)
        if not any(finding.level == "error" for finding in found):
            yield Finding("ok", f"Redis: {which}.", check="redis.reach")
        yield from found
        if any(finding.level == "error" and _ends_it(finding) for finding in found):
            return
        store = Store(client, settings.namespace)
        try:
            yield from check_health(store, url)
            yield from running.check_running(store, settings)
        except Unavailable as error:
            mend = "Ask again; if that stays so, see the log of Redis."
            yield Finding("error", f"Redis stopped to answer, or refuses to: {error}.", mend, "redis.reach")


def _ends_it(finding: Finding) -> bool:
    return finding.check in _SILENT or "refuses the user" in finding.what or "let us ask" in finding.what


def _which(settings: Settings) -> str:
    if settings.redis_url is not None:
        return f"REDIS_URL, {hide_userinfo(settings.redis_url.get_secret_value())}"
    if settings.redis_folder.exists() and EmbeddedRedis(settings.redis_folder).is_alive():
        return f"our own, running in {settings.redis_folder}"
    return f"our own, started when it is needed in {settings.redis_folder} by {find_redis_program()}"

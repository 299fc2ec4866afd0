"""A real Prometheus scrapes two machines and a scheduler: what it tells is what happened."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos import scraping
from tests.chaos.stage import stage
from tests.support.prometheus import program
from tests.support.redis_server import RedisServer


@pytest.mark.slow
def test_what_prometheus_tells_is_what_happened(redis_url: str, redis_server: RedisServer, tmp_path: Path) -> None:
    """Over a killed worker and a change of exporter: nothing falls, doubles, jumps or stays behind."""
    program("prometheus")
    with stage(redis_url, tmp_path, server=redis_server) as here:
        report = scraping.scraped(here, runs=200, kills=1)
    assert not report.broken, report

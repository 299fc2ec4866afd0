"""A real Prometheus and its promtool, for the tests of rules, boards and figures."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
import yaml

from tests.support.processes import ROOT, Process, Processes
from tests.support.waiting import eventually

#: Where the configuration, the rules and their tests are.
FOLDER = ROOT / "deploy" / "prometheus"


def program(name: str) -> str:
    """Find a program of Prometheus; without it a test is skipped, or fails where ``DRAMATURG_CI`` is 1."""
    found = shutil.which(name)
    if found is None:
        told = f"needs {name} on the path (Debian, Ubuntu: apt-get install prometheus)"
        if os.environ.get("DRAMATURG_CI") == "1":
            pytest.fail(told)
        pytest.skip(told)
    return found


def promtool(*arguments: str, cwd: Path = FOLDER) -> subprocess.CompletedProcess[str]:
    """Run promtool; what it says is in the failure when it finds something wrong."""
    ran = subprocess.run(
        [program("promtool"), *arguments], cwd=cwd, capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran


@cache
def rules() -> list[dict[str, Any]]:
    """Give every rule there is, alerts and recordings, each with the name of its file."""
    return [
        {"file": path.name, **rule}
        for path in sorted((FOLDER / "rules").glob("*.yml"))
        for group in yaml.safe_load(path.read_text("utf-8"))["groups"]
        for rule in group["rules"]
    ]


def alerts() -> dict[str, dict[str, Any]]:
    """Give the alerts by name."""
    return {rule["alert"]: rule for rule in rules() if "alert" in rule}


def parses(expressions: list[str]) -> None:
    """Fail unless Prometheus can read each of these."""
    listed = [{"record": f"checked:{number}", "expr": expression} for number, expression in enumerate(expressions)]
    with tempfile.TemporaryDirectory(prefix="dt-rules-") as folder:
        file = Path(folder) / "rules.yml"
        file.write_text(yaml.safe_dump({"groups": [{"name": "checked", "rules": listed}]}), "utf-8")
        promtool("check", "rules", "--lint=none", str(file))


class Prometheus:
    """A private Prometheus that scrapes ``targets`` every second, and answers questions."""

    def __init__(self, running: Processes, folder: Path, port: int, targets: dict[str, dict[str, str]]) -> None:
        self.port = port
        scraped = [{"targets": [address], "labels": labels} for address, labels in targets.items()]
        config = yaml.safe_load((FOLDER / "prometheus.yml").read_text("utf-8"))
        config["global"] = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
        config["rule_files"] = [str(FOLDER / "rules" / "*.yml")]
        for job in config["scrape_configs"]:
            del job["file_sd_configs"]
            job["static_configs"] = scraped
        del config["alerting"]
        file = folder / "prometheus.yml"
        file.write_text(yaml.safe_dump(config), "utf-8")
        self.process: Process = running.start(
            [
                program("prometheus"),
                f"--config.file={file}",
                f"--storage.tsdb.path={folder / 'tsdb'}",
                f"--web.listen-address=127.0.0.1:{port}",
                "--log.level=warn",
            ]
        )
        eventually(self._answers)

    def query(self, expression: str, *, at: float | None = None) -> list[dict[str, Any]]:
        """Ask for a vector, or with a range in brackets for a matrix, as the HTTP API gives them."""
        asked = {"query": expression} | ({} if at is None else {"time": f"{at:.3f}"})
        answer = json.loads(self._get(f"/api/v1/query?{urlencode(asked)}"))
        assert answer["status"] == "success", answer
        found: list[dict[str, Any]] = answer["data"]["result"]
        return found

    def value(self, expression: str) -> float | None:
        """Ask for one number; ``None`` if there is none."""
        found = self.query(expression)
        assert len(found) <= 1, f"{expression} is more than one number: {found}"
        return float(found[0]["value"][1]) if found else None

    def by(self, label: str, expression: str) -> dict[str, float]:
        """Ask for one number for each value of a label."""
        return {found["metric"].get(label, ""): float(found["value"][1]) for found in self.query(expression)}

    def up(self) -> dict[str, bool]:
        """Tell which targets answered when they were last scraped, by address."""
        return {found["metric"]["instance"]: found["value"][1] == "1" for found in self.query("up")}

    def _answers(self) -> bool:
        assert self.process.alive, self.process.output
        try:
            return bool(self._get("/-/ready"))
        except OSError:
            return False

    def _get(self, path: str) -> bytes:
        with urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
            body: bytes = answer.read()
        return body

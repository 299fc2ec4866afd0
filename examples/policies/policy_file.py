"""What policies.toml, which lies beside, says of an actor; and how mistakes in such a file are told."""

import tomllib
from datetime import timedelta
from pathlib import Path

from here import project

from pipeline import Retry, actor
from pipeline.policy_file import PolicyFile, PolicyFileError

WRONG = """
[actors."report.build"]
retry = { atempts = 5, base = "2 parsecs" }

[limits.night]
per = "1m"
"""


@actor(name="report.build", queue="reports", retry=Retry(attempts=3, cap=timedelta(minutes=2)))
def build(day: str) -> str:
    """Build the report of a day."""
    return day


def main() -> None:
    policies = project().policies
    for setting in policies.of(build, {}, timeout=timedelta(minutes=10)):
        if setting.origin in {"file", "code"}:
            print(f"{setting.option}: {setting.value}, from {setting.origin}")
    try:
        PolicyFile(Path("wrong.toml"), tomllib.loads(WRONG))
    except PolicyFileError as error:
        print(error)


if __name__ == "__main__":
    main()

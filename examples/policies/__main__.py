"""Runs the examples that are named, or all of them, in one process: ``python examples/policies retry limits``."""

import importlib
import sys

from here import worker

#: One a page of docs/policies.
ALL = [
    *("retry", "classification", "fallback", "breakers", "limits"),
    *("fairness", "budgets", "idempotency", "versions", "pause", "policy_file"),
]


def main(names: list[str]) -> None:
    chosen = [importlib.import_module(name) for name in names or ALL]  # their actors are there before the worker is
    with worker():
        for one in chosen:
            print(f"== {one.__name__}", flush=True)
            one.main()


if __name__ == "__main__":
    main(sys.argv[1:])

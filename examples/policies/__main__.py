"""Runs the examples that are named, or all of them, in one process: ``python examples/policies retry limits``."""

import importlib
import sys

ALL = (
    (
        "retry classification fallback breakers limits fairness budgets idempotency versions pause"  # one a page of docs/policies
    ).split()
)


def main(names: list[str]) -> None:
    chosen = [importlib.import_module(name) for name in names or ALL]  # their actors are there before the worker is
    for one in chosen:
        print(f"== {one.__name__}", flush=True)
        one.main()


if __name__ == "__main__":
    main(sys.argv[1:])

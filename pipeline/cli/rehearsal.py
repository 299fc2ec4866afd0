"""``python -m pipeline.cli.rehearsal QUEUES [MODULE...]``: can a worker start with these? What it cannot is named."""

from __future__ import annotations

import sys

from pipeline.cli.exits import Exit, Stop
from pipeline.cli.opening import import_modules


def main(queues: str, *modules: str) -> int:
    """Import the modules as a worker would, and look for an actor of every queue; give the exit code."""
    from pipeline.app import broker

    try:
        import_modules(modules)
    except Stop as stop:
        return _refuse(str(stop))
    unknown = sorted(set(filter(None, queues.split(","))) - set(broker.queues))
    if unknown:
        return _refuse(f"--queues: no actor uses {', '.join(unknown)}; there are {', '.join(sorted(broker.queues))}")
    return Exit.COMPLETED


def _refuse(message: str) -> int:
    sys.stderr.write(message + "\n")
    return Exit.USAGE


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

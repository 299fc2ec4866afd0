"""``python -m pipeline.cli.rehearsal QUEUES [MODULE...]``: can a worker start with these? What it cannot is named."""

from __future__ import annotations

import sys
from contextlib import nullcontext

from pipeline.cli.exits import Exit, Stop
from pipeline.cli.opening import import_modules
from pipeline.environment import SettingsError


def main(queues: str, *modules: str) -> int:
    """Import the modules as a worker would, and look for an actor of every queue and policy; give the exit code."""
    try:
        from pipeline.app import broker

        with broker.policies.together(whole=True) if broker.policies else nullcontext():
            import_modules(modules)
    except (Stop, SettingsError) as mistake:
        return _refuse(str(mistake))
    unknown = sorted(set(filter(None, queues.split(","))) - set(broker.queues))
    if unknown:
        return _refuse(f"--queues: no actor uses {', '.join(unknown)}; there are {', '.join(sorted(broker.queues))}")
    return Exit.COMPLETED


def _refuse(message: str) -> int:
    sys.stderr.write(message + "\n")
    return Exit.USAGE


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

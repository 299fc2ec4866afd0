"""What the commands share that change limits, breakers, budgets and queues while workers run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from pipeline.cli.exits import Exit, Stop, usage

if TYPE_CHECKING:
    from pipeline.engine.controls import Controls
    from pipeline.engine.gates import Gates, Kind
    from pipeline.inspector import Inspector


@dataclass(frozen=True, slots=True)
class Control:
    """What is in front of runs and calls, for as long as one command runs."""

    gates: Gates
    controls: Controls
    inspector: Inspector

    @property
    def now_ms(self) -> int:
        """The time of Redis."""
        return self.inspector.now_ms()


@contextmanager
def controlling() -> Iterator[Control]:
    """Give the means to change what stands in front of runs, without any actor's code; raises as ``opened``."""
    from pipeline.cli.opening import inspecting
    from pipeline.engine.controls import Controls
    from pipeline.engine.gates import Gates

    with inspecting() as inspector:
        yield Control(Gates(inspector.store), Controls(inspector.store), inspector)


def take_back(gates: Gates, kind: Kind, name: str) -> None:
    """Remove what was set by hand; raises ``Stop`` if nothing was."""
    if f"set:{name}" not in gates.policies(kind):
        raise Stop(f"Nothing was set by hand for {name}. See: dramaturg {kind} ls", Exit.FAILED)
    gates.put(kind, name, None)


def span(option: str, text: str | None) -> timedelta | None:
    """Give the duration that an option says, if it says one; raises ``Stop`` for what is none, or is nothing."""
    from pipeline.duration import read

    if text is None:
        return None
    try:
        found = read(float(text) if text.replace(".", "", 1).isdigit() else text)
    except ValueError as error:
        raise usage(f"{option}: {error}") from None
    if found <= timedelta(0):
        raise usage(f"{option} {text}: must be more than nothing")
    return found


def nothing_asked(command: str) -> Stop:
    """Give what to raise when a command is to change something and is not told what."""
    return usage(f"Nothing is to be changed. See: dramaturg {command} --help")

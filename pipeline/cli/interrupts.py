"""Ctrl-C and its kin, turned into a question that the command asks at moments of its own choosing."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any, Self


class Interrupts:
    """Inside, SIGINT, SIGTERM and SIGHUP only set ``asked``; from the second on ``again`` is called as well.

    A command that was asked to stop is on its way out when the block ends: one Ctrl-C more changes nothing then.
    """

    def __init__(self) -> None:
        self._asked = threading.Event()
        self._insisted = False
        self._before: dict[signal.Signals, Any] = {}
        self.again: Callable[[], object] = lambda: None

    @property
    def asked(self) -> bool:
        """Whether somebody wants the command to stop."""
        return self._asked.is_set()

    @property
    def insisted(self) -> bool:
        """Whether somebody said so more than once."""
        return self._insisted

    def pause(self, seconds: float) -> None:
        """Wait, or return at once when somebody wants the command to stop."""
        self._asked.wait(seconds)

    def check(self) -> None:
        """Raise ``KeyboardInterrupt`` if somebody wants the command to stop."""
        if self.asked:
            raise KeyboardInterrupt

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            ending = number is signal.SIGINT and self.asked
            signal.signal(number, signal.SIG_IGN if ending else handler)

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        if self.asked:
            self._insisted = True
            self.again()
        self._asked.set()

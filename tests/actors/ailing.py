"""What a worker loads that is to fall ill: actors that block, compute and rest, and one that harms its process."""

from __future__ import annotations

import ctypes
import threading
import time

from pipeline import actor
from tests.actors import deaf

__all__ = ["deaf", "lose_consumer"]


@actor(name="test.lose_consumer")
def lose_consumer(seconds: float) -> None:
    """End the thread that claims runs, as a defect in it would, and go on for a while."""
    (intake,) = [thread for thread in threading.enumerate() if thread.name == "intake"]
    assert intake.ident is not None
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(intake.ident), ctypes.py_object(SystemExit))
    time.sleep(seconds)

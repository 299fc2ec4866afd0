"""Exceptions that nobody catches, told as log lines: without secrets, and where the other lines are."""

from __future__ import annotations

import sys
import threading
from types import TracebackType
from typing import Any

import structlog

log = structlog.get_logger("python")


def tell() -> None:
    """Have the exceptions that end the program or a thread, and those that cannot be raised, logged from now on.

    What an event loop catches is told by asyncio itself, as a library's line.
    """
    sys.excepthook = _of_the_program
    threading.excepthook = _of_a_thread
    sys.unraisablehook = _unraisable


def _of_the_program(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    log.critical("uncaught_exception", exc_info=error)


def _of_a_thread(told: threading.ExceptHookArgs) -> None:
    if told.exc_value is None or issubclass(told.exc_type, SystemExit):
        return
    name = told.thread.name if told.thread is not None else ""
    log.critical("uncaught_exception", thread=name, exc_info=told.exc_value)


def _unraisable(told: Any) -> None:
    # The object is not told: its text is made by code that may just have failed.
    log.error("exception_ignored", where=type(told.object).__name__, why=told.err_msg, exc_info=told.exc_value)

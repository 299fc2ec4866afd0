"""Exit codes, and which failure has which."""

from __future__ import annotations

from enum import IntEnum

from pipeline.errors import Cancelled, InvalidInput, PipelineError, Timeout, Unavailable


class Exit(IntEnum):
    """What the exit code of a command says."""

    COMPLETED = 0
    FAILED = 1
    USAGE = 2
    CANCELLED = 3
    TIMED_OUT = 4
    UNREACHABLE = 5
    UNFIT = 78


class Stop(PipelineError):  # noqa: N818 - says what the command does
    """The command ends here, with this message and this exit code."""

    def __init__(self, message: str, code: Exit) -> None:
        super().__init__(message)
        self.code = code


def usage(message: str) -> Stop:
    """Give what to raise when the command was called wrongly."""
    return Stop(message, Exit.USAGE)


def code_of(error: BaseException) -> Exit:
    """Give the exit code for a failure."""
    from pipeline.environment import SettingsError

    if isinstance(error, Stop):
        return error.code
    if isinstance(error, Unavailable):
        from pipeline.engine.server_checks import UnfitRedis

        return Exit.UNFIT if isinstance(error, UnfitRedis) else Exit.UNREACHABLE
    for kinds, code in (
        ((InvalidInput, SettingsError), Exit.USAGE),
        ((Cancelled, KeyboardInterrupt), Exit.CANCELLED),
        ((Timeout, TimeoutError), Exit.TIMED_OUT),
    ):
        if isinstance(error, kinds):
            return code
    return Exit.FAILED

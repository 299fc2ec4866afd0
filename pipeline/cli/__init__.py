"""The command line, one file a command; the words it understands are in ``program``."""

from __future__ import annotations


def main() -> None:
    """Run the ``dramaturg`` command and end the process with its exit code."""
    import signal
    import sys

    # A command that is told to end cleans up as after Ctrl-C; the ones with workers have handlers of their own.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        from pipeline.cli.program import program

        program(prog_name="dramaturg")
    except KeyboardInterrupt:
        sys.exit(3)

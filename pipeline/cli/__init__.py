"""The command line, one file a command; the words it understands are in ``program``."""

from __future__ import annotations


def main() -> None:
    """Run the ``dramaturg`` command and end the process with its exit code."""
    from pipeline.cli.program import program

    program(prog_name="dramaturg")

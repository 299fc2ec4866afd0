"""``doctor``: is everything here that is needed, and what mends what is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from pipeline.cli.asking import AsJson
from pipeline.cli.exits import Exit

if TYPE_CHECKING:
    from pipeline.finding import Finding

EXAMPLES = """\
[bold]Examples[/bold]

  dramaturg doctor
  REDIS_URL=redis://cache:6379 dramaturg doctor

The exit code is 1 when there is an error; warnings leave it at 0.

[bold]With --json[/bold]: {"ok": true or false, "findings": [{"level", "what",
"mend"}]}; level is ok, warning or error.
"""

_MARKS = {"ok": ("ok", "green"), "warning": ("warning", "yellow"), "error": ("error", "bold red")}


def doctor(*, as_json: AsJson = False) -> None:
    """Check settings, Redis, database, folders, programs and models, and say what mends what is wrong."""
    from dataclasses import asdict

    from rich.text import Text

    from pipeline.cli.output import clean, console, print_json
    from pipeline.doctor import diagnose_environment

    findings = [*diagnose_environment(), *_backups()]
    ok = all(finding.level != "error" for finding in findings)
    if as_json:
        print_json({"ok": ok, "findings": [asdict(finding) for finding in findings]})
    else:
        for finding in findings:
            mark, style = _MARKS[finding.level]
            console().print(Text(f"{mark:<9}", style=style) + Text(clean(finding.what)), soft_wrap=True)
            if finding.mend:
                console().print(Text(f"{'':<9}{clean(finding.mend)}", style="dim"), soft_wrap=True)
    raise typer.Exit(Exit.COMPLETED if ok else Exit.FAILED)


def _backups() -> list[Finding]:
    from actors.upkeep.backup.freshness import look
    from pipeline.environment import SettingsError
    from pipeline.finding import Finding

    try:
        found = look()
    except SettingsError as error:
        return [Finding("error", f"{mistake}.") for mistake in error.mistakes]
    return [] if found is None else [Finding(*found)]

"""``doctor``: is everything here that is needed, how does the running system do, and what mends what is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.asking import AsJson
from pipeline.cli.exits import Exit

if TYPE_CHECKING:
    from pipeline.finding import Finding

EXAMPLES = """\
[bold]Examples[/bold]

  dramaturg doctor
  dramaturg doctor --strict                  for a monitor: warnings count
  dramaturg doctor --json | jq '.findings[] | select(.level != "ok")'
  REDIS_URL=redis://cache:6379 dramaturg doctor

It looks at this machine, at Redis and the database, and at what runs there:
workers, schedules, queues, dead and parked runs, gates, backups. It changes
nothing. What cannot be reached is an error; the rest is told all the same.

The exit code is 1 when there is an error, with --strict also when there is
a warning, and 0 otherwise.

[bold]With --json[/bold]: {"ok", "level", "took_s", "findings": [{"level", "check",
"what", "mend"}]}; level is ok, warning or error, on top the worst of all; ok
is whether there is no error; check names what was looked at: redis.policy.
"""

_MARKS = {"ok": ("ok", "green"), "warning": ("warning", "yellow"), "error": ("error", "bold red")}


_ORDER = ("ok", "warning", "error")


def doctor(
    *,
    strict: Annotated[bool, typer.Option("--strict", help="Let warnings count as errors do.")] = False,
    as_json: AsJson = False,
) -> None:
    """Check this machine, Redis, the database and the running system, and say what mends what is wrong."""
    import time

    from pipeline.cli.output import print_json
    from pipeline.doctor import diagnose_environment

    began = time.monotonic()
    findings = [*diagnose_environment(), *_backups()]
    worst = max((finding.level for finding in findings), key=_ORDER.index, default="ok")
    if as_json:
        rows = [{name: getattr(finding, name) for name in ("level", "check", "what", "mend")} for finding in findings]
        took_s = round(time.monotonic() - began, 3)
        print_json({"ok": worst != "error", "level": worst, "took_s": took_s, "findings": rows})
    else:
        _print(findings)
    failed = worst == "error" or (strict and worst == "warning")
    raise typer.Exit(Exit.FAILED if failed else Exit.COMPLETED)


def _print(findings: list[Finding]) -> None:
    from rich.text import Text

    from pipeline.cli.output import clean, console

    for finding in findings:
        mark, style = _MARKS[finding.level]
        console().print(Text(f"{mark:<9}", style=style) + Text(clean(finding.what)), soft_wrap=True)
        if finding.mend:
            console().print(Text(f"{'':<9}{clean(finding.mend)}", style="dim"), soft_wrap=True)


def _backups() -> list[Finding]:
    from actors.upkeep.backup.freshness import look
    from pipeline.environment import SettingsError
    from pipeline.finding import Finding

    try:
        found = look()
    except SettingsError as error:
        return [Finding("error", f"{mistake}.", check="backups.age") for mistake in error.mistakes]
    return [] if found is None else [Finding(*found, check="backups.age")]

"""``backup``: make one now, list them, try one out, put one back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.cli.asking import AsJson, Yes, confirm
from pipeline.cli.exits import Exit, Stop, usage

if TYPE_CHECKING:
    from actors.upkeep.backup.work import Work
    from actors.upkeep.backups import BackupReport
    from pipeline.cli.opening import Opened
    from pipeline.handle import RunHandle

backup = typer.Typer(
    name="backup", no_args_is_help=True, rich_markup_mode="rich", help="Make backups, try them out and put them back."
)

_NOW = """\
[bold]Examples[/bold]

  DRAMATURG_BACKUP_TO=/mnt/backups dramaturg backup now
  dramaturg backup now --only redis,database

It is a run of backup.daily like any other: stopped or killed, it goes on
where it was when a worker takes it up. This command brings its own workers.

[bold]With --json[/bold]: {"id", "place", "proof", "notes", "keys", "tables",
"rows", "blobs", "new_blobs", "damaged_blobs", "encrypted", "stored",
"held_ms", "removed"}; proof is restored, read or checksums.
"""

_LS = """\
[bold]Examples[/bold]

  dramaturg backup ls
  dramaturg backup ls --json | jq -r '.backups[-1].id'

[bold]With --json[/bold]: {"backups": [{"id", "at", "proof", "encrypted", "stored",
"what"}]}, oldest first; a damaged one has "id" and "problem" only.
"""

_VERIFY = """\
[bold]Examples[/bold]

  dramaturg backup verify
  dramaturg backup verify 20260203T030000Z-1a2b3c4d

Without a name, the newest. It is read back, restored into databases made
for it, and counted; nothing of yours is touched. The exit code is 1 if it
is damaged.

[bold]With --json[/bold]: {"id", "proof", "checked": {what: {"proof", "note"}}}
"""

_RESTORE = """\
[bold]Examples[/bold]

  dramaturg backup restore 20260203T030000Z-1a2b3c4d
  dramaturg backup restore latest --only database --force database
  dramaturg backup restore latest --nothing-since

Stop the workers first. What is not empty is overwritten only if --force
names it. Runs that were being worked on are in line again; before an effect
that may have happened since the copy was taken they look it up, or wait for
a person (dramaturg review ls). --nothing-since says that nothing can have:
the workers were stopped before the backup was made.

[bold]With --json[/bold]: {"id", "blobs", "tables", "rows", "keys", "running",
"taken_at"}
"""

Only = Annotated[str, typer.Option(metavar="WHAT[,WHAT]", help="Only redis, database or blobs.", show_default=False)]


@backup.command("now", epilog=_NOW)
def now(*, only: Only = "", as_json: AsJson = False) -> None:
    """Make a backup, try it out by restoring it, and remove old ones."""
    from actors.upkeep.backup.settings import BackupSettings
    from actors.upkeep.backups import BackupRequest, backup_daily
    from pipeline.cli.crew import Crew, logging_to, new_log
    from pipeline.cli.opening import opened
    from pipeline.cli.output import print_json
    from pipeline.settings import Settings

    if not BackupSettings.current().to:
        raise usage("Nobody said where backups go: set DRAMATURG_BACKUP_TO to a folder or to s3://bucket/prefix.")
    request = BackupRequest(what=_what(only)) if only else BackupRequest()
    settings = Settings.load()
    log = new_log(settings.home / "logs")
    with logging_to(log, settings), opened(settings=settings, fit=True) as project, Crew(settings, log=log) as crew:
        handle = backup_daily.send(request)
        report = _followed(handle, project, crew, quiet=as_json)
    if as_json:
        print_json(report.model_dump(mode="json"))
    else:
        _print_report(report)


@backup.command("ls", epilog=_LS)
def ls(*, as_json: AsJson = False) -> None:
    """List the backups that are there, oldest first."""
    from actors.upkeep.backup.manifest import backups, read_manifest
    from actors.upkeep.backup.place import open_place
    from actors.upkeep.backup.settings import BackupSettings
    from pipeline.cli.output import print_json, print_table
    from pipeline.errors import Failure

    place = open_place(BackupSettings.current())
    rows: list[dict[str, Any]] = []
    for name in backups(place):
        try:
            found = read_manifest(place, name)
        except Failure as error:
            rows.append({"id": name, "problem": str(error)})
            continue
        stored = sum(part.stored for parts in found.parts.values() for part in parts)
        rows.append(
            {
                "id": name,
                "at": found.at,
                "proof": found.proof,
                "encrypted": bool(found.recipients),
                "stored": stored,
                "what": list(found.parts),
            }
        )
    if as_json:
        print_json({"backups": rows})
        return
    print_table(
        ("!backup", "has", "tried out", "encrypted", ">stored"),
        (
            (row["id"], "damaged", row["problem"], "-", "-")
            if "problem" in row
            else (row["id"], ", ".join(row["what"]), row["proof"], "yes" if row["encrypted"] else "no", row["stored"])
            for row in rows
        ),
        empty=f"There are no backups in {place}.",
    )


@backup.command("verify", epilog=_VERIFY)
def verify(
    name: Annotated[str, typer.Argument(metavar="[BACKUP]", help="Which one; the newest if none is named.")] = "latest",
    *,
    as_json: AsJson = False,
) -> None:
    """Read a backup back, restore it beside everything, and count."""
    from actors.upkeep.backup.manifest import Manifest
    from actors.upkeep.backup.trying import try_all
    from pipeline.cli.output import print_json, say

    with _at_work() as work:
        manifest: Manifest = _named(work, name)
        checked = try_all(work, manifest)
        found = manifest.model_copy(update={"checked": checked})
    if as_json:
        told = {what: one.model_dump() for what, one in checked.items()}
        print_json({"id": found.id, "proof": found.proof, "checked": told})
        return
    for what, one in checked.items():
        say(f"{what}: {one.proof}{f'. {one.note}' if one.note else ''}")
    say(f"{found.id} is whole.", "green")


@backup.command("restore", epilog=_RESTORE)
def restore(
    name: Annotated[str, typer.Argument(metavar="BACKUP", help="Which one, or latest.")],
    *,
    only: Only = "",
    force: Annotated[
        list[str] | None, typer.Option(metavar="WHAT", help="Overwrite this: redis or database.", show_default=False)
    ] = None,
    nothing_since: Annotated[
        bool, typer.Option("--nothing-since", help="No run did anything after the copy was taken.")
    ] = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Put a backup back into the Redis, the database and the blobs of the settings."""
    from actors.upkeep.backup.restoring import WHAT
    from actors.upkeep.backup.restoring import restore as put_back
    from pipeline.cli.output import print_json, say

    forced = _what(",".join(force or ()))
    if forced:
        confirm(f"What {' and '.join(forced)} hold will be lost.", yes=yes)
    with _at_work() as work:
        manifest = _named(work, name)
        what = _what(only) or tuple(one for one in WHAT if one in manifest.parts)
        done = put_back(work, manifest, what=what, force=forced, ask=not nothing_since)
    if as_json:
        print_json(done.model_dump(mode="json"))
        return
    say(f"{done.id}: {done.blobs} blobs, {done.rows} rows in {done.tables} tables, {done.keys} keys of Redis.")
    if done.taken_at is not None:
        say(f"The copy of Redis is of {done.taken_at:%Y-%m-%d %H:%M:%S} UTC; {done.running} runs are in line again.")
        if not nothing_since:
            say("Effects that may have happened since are looked up, or wait for a person: dramaturg review ls")


def _what(text: str) -> tuple[Any, ...]:
    from actors.upkeep.backup.restoring import WHAT

    asked = [one.strip() for one in text.split(",") if one.strip()]
    for one in asked:
        if one not in WHAT:
            raise usage(f"There is no {one!r} in a backup; there are {', '.join(WHAT)}")
    return tuple(one for one in WHAT if one in asked)


@contextmanager
def _at_work() -> Iterator[Work]:
    """Open place and installation, without any actor bound and without a worker."""
    from actors.upkeep.backup.work import working
    from pipeline import logs
    from pipeline.cli.opening import logs_are_set
    from pipeline.engine.embedded import open_redis_url
    from pipeline.installation import Installation
    from pipeline.settings import Settings

    settings = Settings.load()
    if not logs_are_set():
        logs.configure("warning", settings.log_format, secrets=settings.secrets())
    with open_redis_url(settings) as url, working(Installation.of(settings, url)) as work:
        yield work


def _named(work: Work, name: str) -> Any:
    from actors.upkeep.backup.manifest import backups, read_manifest

    if name == "latest":
        name = max(backups(work.place), default="")
        if not name:
            raise Stop(f"There are no backups in {work.place}.", Exit.FAILED)
    return read_manifest(work.place, name)


def _followed(handle: RunHandle[BackupReport], project: Opened, crew: Any, *, quiet: bool) -> BackupReport:
    from datetime import timedelta

    from pipeline.cli.output import tell
    from pipeline.handle import RunFailed

    said = ""
    while True:
        try:
            return handle.result(timedelta(seconds=0.5))
        except TimeoutError:
            crew.check()
            progress = (project.inspector.show(handle.id) or {}).get("progress") or {}
            told = f"{progress.get('percent', 0):3.0f} %  {progress.get('stage', 'waiting')}"
            if told != said and not quiet:
                tell(told)
            said = told
        except RunFailed as error:
            raise Stop(str(error), Exit.CANCELLED if error.state == "cancelled" else Exit.FAILED) from error
        except KeyboardInterrupt:
            handle.cancel()
            raise


def _print_report(report: BackupReport) -> None:
    from pipeline.cli.output import say, tell

    say(f"{report.id} in {report.place}: {report.proof}")
    say(f"{report.keys} keys of Redis, {report.rows} rows in {report.tables} tables, {report.blobs} blobs")
    for note in report.notes:
        tell(note, "yellow")
    if report.damaged_blobs:
        tell(f"{report.damaged_blobs} blobs here are damaged and were left out.", "red")
    if report.removed:
        say(f"removed: {', '.join(report.removed)}")

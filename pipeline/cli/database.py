"""``database``: is it there and in the newest shape, and bring it to that before the workers start."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.asking import AsJson
from pipeline.cli.exits import Exit, usage

if TYPE_CHECKING:
    from pipeline.settings import Settings

_STATUS = """\
[bold]Examples[/bold]

  dramaturg database
  DATABASE_URL=postgresql://me@db/pipeline dramaturg database --json

The exit code is 1 when the database is not in the newest shape, and 5 when it
is out of reach.

[bold]With --json[/bold]: {"database", "kind", "version", "revision", "newest",
"migrated", "latency_ms"}; revision is null before the first migration, and
version and latency_ms are null for a file that is not there yet.
"""

_MIGRATE = """\
[bold]Examples[/bold]

  dramaturg database migrate

A deployment runs it before it starts workers; they wait for one another, and
else the first of them does it. One that was killed is called again.

[bold]With --json[/bold]: {"database", "outcome", "from", "to"}; outcome is
migrated, or was migrated.
"""

_COPY = """\
[bold]Examples[/bold]

  dramaturg database copy ~/.local/state/dramaturg/dramaturg.db

Copies what a SQLite file holds to the database of the settings, which must
hold nothing yet: all of it or nothing. Stop the workers before. The file
stays as it is.

[bold]With --json[/bold]: {"database", "rows"}; rows says how many by table.
"""

database = typer.Typer(
    name="database",
    invoke_without_command=True,
    rich_markup_mode="rich",
    epilog=_STATUS,
    help="Look at the database, and bring it to the newest shape.",
)


@database.callback()
def show(ctx: typer.Context, *, as_json: AsJson = False) -> None:
    """Show the database, its version and its shape."""
    if ctx.invoked_subcommand is not None:
        return
    from pipeline.cli.output import print_json, say
    from pipeline.database import Database, newest_revision
    from pipeline.database.address import kind_of
    from pipeline.database.check import look_at

    settings = _settings()
    url, shown = settings.database.get_secret_value(), str(settings.database)
    found = Database(url)
    kind = kind_of(url)
    seen = look_at(found, kind) if found.is_there() else None
    found.close()
    migrated = seen is not None and seen.migrated
    if as_json:
        print_json(
            {
                "database": shown,
                "kind": kind,
                "version": seen.version if seen else None,
                "revision": seen.revision if seen else None,
                "newest": newest_revision(),
                "migrated": migrated,
                "latency_ms": round(seen.latency_ms, 2) if seen else None,
            }
        )
    elif seen is None:
        say(f"{shown} is not there yet: dramaturg database migrate makes it", "yellow")
    else:
        say(f"{shown}: {kind} {seen.version}, answers in {seen.latency_ms:.1f} ms")
        if migrated:
            say(f"It has the newest shape, {seen.newest}.")
        elif seen.newer:
            say(f"It has the shape {seen.revision} of a newer version of dramaturg; ours is {seen.newest}.", "red")
        else:
            say(f"It has {_shape(seen.revision)}, not {seen.newest}: dramaturg database migrate", "yellow")
    raise typer.Exit(Exit.COMPLETED if migrated else Exit.FAILED)


@database.command("migrate", epilog=_MIGRATE)
def migrate(*, as_json: AsJson = False) -> None:
    """Bring the database to the newest shape; it is made if it is a file that is not there."""
    from pipeline.cli.output import print_json, say
    from pipeline.database import Database, newest_revision

    settings = _settings()
    found = Database(settings.database.get_secret_value())
    before = found.revision()
    found.migrate()
    found.close()
    outcome = "was migrated" if before == newest_revision() else "migrated"
    if as_json:
        print_json({"database": str(settings.database), "outcome": outcome, "from": before, "to": newest_revision()})
    elif outcome == "migrated":
        say(f"{settings.database}: from {_shape(before)} to {newest_revision()}")
    else:
        say(f"{settings.database}: has the newest shape, {newest_revision()}")


@database.command("copy", epilog=_COPY)
def copy(
    file: Annotated[Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, show_default=False)],
    *,
    as_json: AsJson = False,
) -> None:
    """Copy what a SQLite file holds to the database of the settings."""
    from pipeline.cli.output import print_json, say
    from pipeline.database import Database
    from pipeline.database.copy import copy_database

    settings = _settings()
    _declare_tables()
    source, target = Database(f"sqlite:///{file.absolute()}"), Database(settings.database.get_secret_value())
    if source.is_same(target):
        raise usage(f"{file} is the database of the settings: set DATABASE_URL to where it is to go.")
    counts = copy_database(source, target)
    source.close()
    target.close()
    if as_json:
        print_json({"database": str(settings.database), "rows": counts})
    else:
        say(f"{settings.database}: {sum(counts.values()):,} rows of {len(counts)} tables were copied")


def _declare_tables() -> None:
    import importlib
    import pkgutil

    for package in ("actors.growth.tables", "actors.upkeep.tables"):
        for found in pkgutil.iter_modules(importlib.import_module(package).__path__, f"{package}."):
            importlib.import_module(found.name)


def _settings() -> Settings:
    from pipeline.settings import Settings

    return Settings.load()


def _shape(revision: str | None) -> str:
    return "no shape" if revision is None else f"the shape {revision}"

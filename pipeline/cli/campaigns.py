"""``campaigns``: make an audience and its campaigns the same here and at the platform, and look at their results."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.cli.asking import AsJson
from pipeline.cli.exits import Exit, Stop

if TYPE_CHECKING:
    from datetime import datetime

    from actors.growth.campaign_plan import Change
    from actors.growth.campaign_results import CampaignRow
    from actors.growth.campaigns import Synced

_SYNC = """\
[bold]Examples[/bold]

  dramaturg campaigns sync --dry-run
  dramaturg campaigns sync 2b5f0e1a4c
  dramaturg campaigns sync --no-wait --json

A dry run asks the platform and our tables, and prints what a sync would
change on either side, one change a line. It writes nothing, not to Redis
either.

[bold]With --json[/bold]: what was done: {list_id, read, changed, gone, told, refused,
later, campaigns, renamed, failed}; with --no-wait {id}; with --dry-run a line
a change: {side, what, kind, name, values}; a value is [before, after]. The
exit code is 1 if a part failed; the next sync goes on with it.
"""

_LS = """\
[bold]Examples[/bold]

  dramaturg campaigns ls
  dramaturg campaigns ls 2b5f0e1a4c --json

[bold]With --json[/bold]: {"list_id", "members": {status: number}, "campaigns": [...]};
these as in campaigns show. Members without a status are not there yet.
"""

_SHOW = """\
[bold]Example[/bold]

  dramaturg campaigns show 42694e9e57

[bold]With --json[/bold]: {id, list_id, status, title, subject, agreed, created_at,
sent_at, emails_sent, opens, unique_opens, clicks, unique_clicks, bounces,
unsubscribed, results_at}.
"""

_RESULTS = ("emails_sent", "unique_opens", "unique_clicks", "bounces")

campaigns = typer.Typer(
    name="campaigns",
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="Keep audiences and campaigns the same here and at the platform.",
)

Audience = Annotated[
    str, typer.Argument(metavar="[AUDIENCE]", help="Id of an audience; else that of the settings.", show_default=False)
]


@campaigns.command("sync", epilog=_SYNC)
def sync(
    list_id: Audience = "",
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would change, and change nothing.")] = False,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until it is done.")] = True,
    as_json: AsJson = False,
) -> None:
    """Read what changed at the platform, then tell it what changed here."""
    if dry_run:
        _plan(list_id, as_json=as_json)
        return
    from actors.growth.campaigns import Sync, audience
    from actors.growth.campaigns import sync as campaign_sync
    from pipeline.cli.opening import opened
    from pipeline.cli.output import print_json, say, tell

    wanted = Sync(list_id=audience(list_id))
    with opened() as project:
        handle = campaign_sync.send(wanted)
        if not wait:
            print_json({"id": handle.id}) if as_json else say(handle.id)
            return
        if not project.inspector.workers():
            tell("No worker is running, so this waits for one: dramaturg worker", "yellow")
        done = handle.result()
    if as_json:
        print_json(done.model_dump())
    else:
        _say(done)
    raise typer.Exit(Exit.FAILED if done.failed else Exit.COMPLETED)


@campaigns.command("ls", epilog=_LS)
def ls(
    list_id: Audience = "",
    *,
    limit: Annotated[int, typer.Option(min=1, max=10_000, metavar="N", help="At most so many, the newest.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List the campaigns of an audience with their results, and count its members."""
    from actors.growth.campaign_results import Campaigns
    from actors.growth.campaigns import audience
    from actors.growth.members import Members
    from pipeline.cli.output import print_json, print_table, say

    wanted = audience(list_id)
    with _database():
        members, rows = Members().store.count(wanted), Campaigns().all(wanted, limit)
    if as_json:
        told = [row.model_dump(mode="json") for row in rows]
        print_json({"list_id": wanted, "members": members, "campaigns": told})
        return
    counts = ", ".join(f"{number} {status or 'not there yet'}" for status, number in sorted(members.items()))
    say(f"members of {wanted}: {counts or 'none'}")
    print_table(
        ("id", "status", "sent", ">emails", ">opened", ">clicked", ">bounced", ">left", "*title"),
        (
            (r.id, r.status, _time(r.sent_at), *(getattr(r, name) for name in _RESULTS), r.unsubscribed, r.title)
            for r in rows
        ),
        empty="There are no campaigns.",
    )


@campaigns.command("show", epilog=_SHOW)
def show(
    campaign: Annotated[str, typer.Argument(metavar="CAMPAIGN", help="Id of a campaign.", show_default=False)],
    *,
    as_json: AsJson = False,
) -> None:
    """Show a campaign and its results."""
    from actors.growth.campaign_results import Campaigns
    from pipeline.cli.output import print_json, say

    with _database():
        row = Campaigns().find(campaign)
    if row is None:
        raise Stop(f"There is no campaign {campaign} here. See: dramaturg campaigns ls", Exit.FAILED)
    if as_json:
        print_json(row.model_dump(mode="json"))
        return
    for name, value in _shown(row).items():
        say(f"{name.replace('_', ' ')}: {value}")


@contextmanager
def _database() -> Iterator[None]:
    """Bind the database of the settings for reading; where there is none yet, an empty one that is gone afterwards."""
    import tempfile
    from pathlib import Path

    from pipeline.database import Database, set_database
    from pipeline.settings import Settings

    found = Database(Settings.load().database.get_secret_value())
    with tempfile.TemporaryDirectory(prefix="dramaturg-") as folder:
        if not found.is_there():
            found = Database(f"sqlite:///{Path(folder) / 'empty.db'}")
        elif not found.is_migrated():
            raise Stop("The database has not the newest shape: dramaturg database migrate", Exit.FAILED)
        set_database(found)
        try:
            yield
        finally:
            found.close()


def _plan(list_id: str, *, as_json: bool) -> None:
    from datetime import UTC, datetime

    from actors.growth.campaigns import plan
    from pipeline.cli.output import print_json, say, tell

    number = 0
    with _database():
        for change in plan(list_id, datetime.now(UTC)):
            number += 1
            print_json(change.model_dump(mode="json")) if as_json else say(_line(change))
    if not as_json:
        tell(f"{number} changes; nothing was written." if number else "Both sides are the same already.")


def _line(change: Change) -> str:
    values = ", ".join(f"{name}: {_value(old)} -> {_value(new)}" for name, (old, new) in change.values.items())
    return f"{change.side:5} {change.kind:11} {change.what} {change.name}" + (f"  {values}" if values else "")


def _value(value: Any) -> str:
    return "-" if value in ("", None) else str(value)


def _say(done: Synced) -> None:
    from pipeline.cli.output import say, tell

    say(f"read from {done.list_id}: {done.read} members; changed here: {done.changed}; gone there: {done.gone}")
    say(f"told there: {done.told}; refused: {done.refused}; later: {done.later}")
    say(f"campaigns changed here: {done.campaigns}; renamed there: {done.renamed}")
    if done.failed:
        tell(f"{done.failed} parts of the audience could not be told; the next sync goes on with them", "yellow")


def _shown(row: CampaignRow) -> dict[str, Any]:
    told = row.model_dump(exclude={"agreed"})
    times = {name: _time(told[name]) for name in ("created_at", "sent_at", "results_at")}
    waits = {"to be told there": ", ".join(row.to_tell)} if row.to_tell else {}
    return {**told, **times, **waits}


def _time(at: datetime | None) -> str:
    from pipeline.cli.output import clock

    return clock(None if at is None else int(at.timestamp() * 1000))

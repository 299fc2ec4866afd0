"""``leads``: where people are in their sequences, what was sent to them; and stopping them, or going on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from pipeline.cli.asking import AsJson

if TYPE_CHECKING:
    from datetime import datetime

    from actors.growth.leads_control import Leads, PersonShown, Standing

_LS = """\
[bold]Examples[/bold]

  dramaturg leads ls
  dramaturg leads ls --state stopped --json

[bold]With --json[/bold]: {"leads": [{contact, who, sequence, state, run, began_at,
next_step, next_at, why}]}; state is active, stopped or completed.
"""

_SHOW = """\
[bold]Examples[/bold]

  dramaturg leads show ann@example.org
  dramaturg leads show +4915112345678 --json

[bold]With --json[/bold]: {contact, may_message, answers, standings, steps}; a step has
sequence, step, does, state, at, reference, detail and deliveries.
"""

_STOP = """\
[bold]Examples[/bold]

  dramaturg leads stop ann@example.org --why "asked by phone"
  dramaturg leads stop ann@example.org --sequence welcome

Nothing more is sent to them by their sequences. This takes back no consent.

[bold]With --json[/bold]: {"leads": [...]}, as in leads ls.
"""

_SKIP = """\
[bold]Examples[/bold]

  dramaturg leads skip ann@example.org
  dramaturg leads skip ann@example.org --to follow-up-2

The next step is done now, or the one named; those before it are left out.

[bold]With --json[/bold]: {"leads": [...]}, as in leads ls.
"""

_RESUME = """\
[bold]Example[/bold]

  dramaturg leads resume ann@example.org

A new run goes on where they were; what was done is not done again.

[bold]With --json[/bold]: {"leads": [...]}, as in leads ls.
"""

leads = typer.Typer(
    name="leads",
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="Look at people in sequences, stop them, skip ahead, go on.",
)

Person = Annotated[str, typer.Argument(metavar="PERSON", help="Id, address, phone number or external id.")]
Modules = Annotated[
    list[str] | None,
    typer.Option("--module", "-m", metavar="MODULE", help="Import a module that declares sequences; may be repeated."),
]
InSequence = Annotated[str, typer.Option("--sequence", metavar="NAME", help="Only in this sequence.")]


@leads.command("ls", epilog=_LS)
def ls(
    *,
    state: Annotated[
        Literal["active", "stopped", "completed"] | None, typer.Option(help="Only those in this state.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, metavar="N", help="At most so many.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List who is in sequences, those whose next step is nearest first."""
    with _database() as people:
        _tell(people.standings(state or "", limit), as_json=as_json)


@leads.command("show", epilog=_SHOW)
def show(who: Person, *, modules: Modules = None, as_json: AsJson = False) -> None:
    """Show where a person is, what was sent to them when, and what they allowed."""
    from pipeline.cli.output import print_json

    with _database(modules) as people:
        shown = people.show(who)
    if as_json:
        print_json(shown.model_dump(mode="json"))
    else:
        _print(shown)


@leads.command("stop", epilog=_STOP)
def stop(
    who: Person,
    *,
    why: Annotated[str, typer.Option(metavar="TEXT", help="For whoever looks at it later.")] = "",
    sequence: InSequence = "",
    as_json: AsJson = False,
) -> None:
    """Stop a person's sequences; one that sleeps ends at once."""
    from pipeline.cli.opening import inspecting

    with inspecting() as inspector, _database(cancel=inspector.cancel) as people:
        _tell(people.stop(who, why=why, sequence=sequence), as_json=as_json)


@leads.command("skip", epilog=_SKIP)
def skip(
    who: Person,
    *,
    to: Annotated[str, typer.Option("--to", metavar="STEP", help="The step to go on with.")] = "",
    sequence: InSequence = "",
    modules: Modules = None,
    as_json: AsJson = False,
) -> None:
    """Go on with a person's next step, or a later one, now."""
    with _people(modules) as people:
        _tell(people.skip(who, to=to, sequence=sequence), as_json=as_json)


@leads.command("resume", epilog=_RESUME)
def resume(who: Person, *, sequence: InSequence = "", as_json: AsJson = False) -> None:
    """Go on with a person who was stopped, or whose run is gone."""
    with _people() as people:
        _tell(people.resume(who, sequence=sequence), as_json=as_json)


@contextmanager
def _people(modules: Sequence[str] | None = None) -> Iterator[Leads]:
    """Give people to act on: what runs go on with them is sent to the workers of the settings."""
    from pipeline.cli.opening import opened

    with opened(modules or ()):
        from actors.growth.leads_control import Leads

        yield Leads()


@contextmanager
def _database(modules: Sequence[str] | None = None, cancel: Callable[[str], object] | None = None) -> Iterator[Leads]:
    """Give people to look at, and to stop by ``cancel``, without a worker's parts."""
    from actors.growth.leads_control import Leads
    from pipeline.cli.opening import import_modules
    from pipeline.database import Database, set_database
    from pipeline.settings import Settings

    database = Database(Settings.load().database.get_secret_value())
    set_database(database)
    try:
        import_modules(modules or ())
        yield Leads(cancel=cancel)
    finally:
        database.close()


def _tell(rows: list[Standing], *, as_json: bool) -> None:
    from pipeline.cli.output import print_json, print_table

    if as_json:
        print_json({"leads": [row.model_dump(mode="json") for row in rows]})
        return
    print_table(
        ("who", "sequence", "state", "next step", "at", "!run", "*why"),
        ((r.who, r.sequence, r.state, r.next_step or "-", _time(r.next_at), r.run or "-", r.why) for r in rows),
        empty="There is nobody in a sequence.",
    )


def _print(shown: PersonShown) -> None:
    from pipeline.cli.output import print_table, say

    told: dict[str, Any] = shown.contact.model_dump(exclude={"created_at", "tags"})
    for name, value in told.items():
        say(f"{name.replace('_', ' ')}: {value or '-'}")
    say(f"tags: {', '.join(shown.contact.tags) or '-'}")
    say("may be written to by: " + (", ".join(name for name, may in shown.may_message.items() if may) or "nothing"))
    say("")
    print_table(
        ("answered", "channel", "said", "*where or why"),
        ((_time(one.at), one.channel, "yes" if one.given else "no", one.place) for one in shown.answers),
        empty="Never asked whether they may be written to.",
    )
    say("")
    _tell(list(shown.standings), as_json=False)
    say("")
    print_table(
        ("sequence", "step", "does", "state", "at", "then", "*reference or reason"),
        (
            (
                step.sequence,
                step.step,
                step.does,
                step.state,
                _time(step.at),
                ", ".join(one.status for one in step.deliveries) or "-",
                step.reference or step.detail,
            )
            for step in shown.steps
        ),
        empty="No step was begun.",
    )


def _time(at: datetime | None) -> str:
    from pipeline.cli.output import clock

    return clock(None if at is None else int(at.timestamp() * 1000))

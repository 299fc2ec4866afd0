"""``review``: what waits for a person - drafts that are not good enough, effects of which nobody knows the outcome."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.cli.asking import AsJson, Limit
from pipeline.cli.exits import usage

if TYPE_CHECKING:
    from pipeline.review import Review, Reviews

review = typer.Typer(
    name="review", no_args_is_help=True, rich_markup_mode="rich", help="Decide what no model and no retry can."
)

_LS = """\
[bold]Examples[/bold]

  dramaturg review ls
  dramaturg review ls --json | jq '.reviews[] | select(.kind == "effect")'

[bold]With --json[/bold]: {"reviews": [{run, actor, queue, kind, name, since_ms,
reason, item}]}; kind is gate, effect or other.
"""

_SHOW = """\
[bold]Examples[/bold]

  dramaturg review show 1a200195b3c2f76c958bbe638
  dramaturg review show 1a200195b3c2f76c958bbe638 --draft > draft.json

[bold]With --json[/bold]: one object as in review ls, with the draft.
"""

_APPROVE = """\
[bold]Example[/bold]

  dramaturg review approve 1a200195b3c2f76c958bbe638 --why "good enough"

The run goes on with the draft as it is.
"""

_EDIT = """\
[bold]Examples[/bold]

  dramaturg review show ID --draft > draft.json
  dramaturg review edit ID draft.json
  jq '.title = "Cells"' draft.json | dramaturg review edit ID -

The run goes on with what the file holds; if that has the wrong shape, the run
comes back to review and says which field is wrong.
"""

_REJECT = """\
[bold]Example[/bold]

  dramaturg review reject 1a200195b3c2f76c958bbe638 --why "it is a menu"

The run is dead, with the reason; dramaturg dead retry takes that back.
"""

_DONE = """\
[bold]Examples[/bold]

  dramaturg review done 1a200195b3c2f76c958bbe638
  dramaturg review done 1a200195b3c2f76c958bbe638 --result '{"id": "msg_17"}'

The effect happened: it is not called again; the run goes on with the result.
"""

_UNDONE = """\
[bold]Example[/bold]

  dramaturg review undone 1a200195b3c2f76c958bbe638

The effect did not happen: it is called again. If it did, it happens twice.
"""

RunId = Annotated[str, typer.Argument(metavar="ID", help="Id of a run that waits for a person.", show_default=False)]
Why = Annotated[str, typer.Option(metavar="TEXT", help="The reason; it is kept.")]
By = Annotated[str, typer.Option(metavar="NAME", help="Who decides; you, if nobody is named.")]


@review.command("ls", epilog=_LS)
def ls(*, limit: Limit = 50, as_json: AsJson = False) -> None:
    """List what waits for a person, the oldest first."""
    from pipeline.cli.output import clock, print_json, print_table

    with _reviews() as reviews:
        rows = reviews.list(limit)
    if as_json:
        print_json({"reviews": [_as_json(row) for row in rows]})
        return
    print_table(
        ("!run", "actor", "asks about", "since", "*why"),
        (
            (row.run, row.actor, f"{row.kind} {row.name}", clock(row.since_ms), row.problem or row.reason)
            for row in rows
        ),
        empty="Nothing waits for a person.",
    )


@review.command("show", epilog=_SHOW)
def show(
    run_id: RunId,
    *,
    draft: Annotated[bool, typer.Option("--draft", help="Print the draft alone, as JSON to edit.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show what a run asks: its grades and its draft, or the call that may have happened."""
    from pipeline.cli.output import print_json

    with _reviews() as reviews:
        row, made = reviews.show(run_id), reviews.draft(run_id)
    if draft:
        print_json(made)
    elif as_json:
        print_json(_as_json(row) | {"draft": made})
    else:
        _print(row, made)


@review.command("approve", epilog=_APPROVE)
def approve(run_id: RunId, *, why: Why = "", by: By = "", as_json: AsJson = False) -> None:
    """Take a draft as it is."""
    with _reviews() as reviews:
        reviews.approve(run_id, by=_who(by), why=why)
    _told(run_id, "approved", as_json=as_json)


@review.command("edit", epilog=_EDIT)
def edit(
    run_id: RunId,
    file: Annotated[str, typer.Argument(metavar="FILE", help="JSON to take in its place; - reads it from here.")] = "-",
    *,
    why: Why = "",
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Take another draft in its place."""
    value = _json(_read(file), f"the file {file}")
    with _reviews() as reviews:
        reviews.edit(run_id, value, by=_who(by), why=why)
    _told(run_id, "edited", as_json=as_json)


@review.command("reject", epilog=_REJECT)
def reject(run_id: RunId, *, why: Why = "", by: By = "", as_json: AsJson = False) -> None:
    """Give a run up."""
    with _reviews() as reviews:
        reviews.reject(run_id, by=_who(by), why=why)
    _told(run_id, "rejected", as_json=as_json)


@review.command("done", epilog=_DONE)
def done(
    run_id: RunId,
    *,
    result: Annotated[str, typer.Option(metavar="JSON", help="What came of it, if the run needs that.")] = "null",
    why: Why = "",
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Say that an effect happened."""
    value = _json(result.encode(), "--result")
    with _reviews() as reviews:
        reviews.done(run_id, value, by=_who(by), why=why)
    _told(run_id, "done", as_json=as_json)


@review.command("undone", epilog=_UNDONE)
def undone(run_id: RunId, *, why: Why = "", by: By = "", as_json: AsJson = False) -> None:
    """Say that an effect did not happen, so that it is called again."""
    with _reviews() as reviews:
        reviews.undone(run_id, by=_who(by), why=why)
    _told(run_id, "undone", as_json=as_json)


@contextmanager
def _reviews() -> Iterator[Reviews]:
    from pipeline.cli.opening import inspecting
    from pipeline.review import Reviews

    with inspecting() as inspector:
        yield Reviews.seen_by(inspector)


def _as_json(row: Review) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(row)


def _print(row: Review, made: Any) -> None:
    import json

    from pipeline.cli.output import clock, say, tell

    say(f"{row.actor}  {row.run}  asks about {row.kind} {row.name}", "bold")
    say(f"  since         {clock(row.since_ms)}")
    say(f"  why           {row.reason}")
    for name in ("problem", "function", "arguments", "idempotency_key", "why"):
        if row.item.get(name):
            say(f"  {name.replace('_', ' '):<13} {row.item[name]}")
    for number, grade in enumerate(row.item.get("grades", ()), 1):
        said = f"{grade['score']:.2f} of {grade['threshold']:.2f} by {grade['model']}"
        say(f"  draft {number:<7} {said}{': ' + grade['feedback'] if grade['feedback'] else ''}")
    if made is not None:
        say("draft", "bold")
        say(json.dumps(made, ensure_ascii=False, indent=2))
    answers = "done, undone" if row.kind == "effect" else "approve, edit"
    tell(f"Answer with: dramaturg review {answers} or reject {row.run}", "dim")


def _told(run_id: str, outcome: str, *, as_json: bool) -> None:
    from pipeline.cli.runs import print_outcomes

    print_outcomes({run_id: outcome}, as_json=as_json)


def _who(by: str) -> str:
    import getpass

    try:
        return by or getpass.getuser()
    except (KeyError, OSError):  # a container whose user has no name
        return "unknown"


def _read(file: str) -> bytes:
    from pathlib import Path

    try:
        return sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise usage(f"The file {file} cannot be read: {error.strerror}") from None


def _json(text: bytes, what: str) -> Any:
    import orjson

    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise usage(f"What {what} holds is not JSON: {error}") from None

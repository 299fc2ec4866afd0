"""``report``: what came of a run or a flow, and what it took."""

from __future__ import annotations

from typing import Annotated

import typer

from pipeline.cli.asking import AsJson, unknown
from pipeline.cli.exits import Exit, usage

EXAMPLES = """\
[bold]Examples[/bold]

  dramaturg report 1a200195b3c2f76c958bbe638
  dramaturg report 1a200195b3c2f76c958bbe638 --markdown > report.md
  dramaturg report 1a200195b3c2f76c958bbe638 --json | jq .failures

The id is a run's or a flow's. Sums include every run that took part.
Ends with code 1 if it failed or is partial.

[bold]With --json[/bold]: one object: id, kind, name, status (running, success,
partial, failed), state, started_ms, finished_ms, seconds, attempts, waits,
items, steps, models, calls, tokens_in, tokens_out, tokens_cached, micros
(millionths of a dollar), gates, effects, failures (run, actor, kind, message,
input, retryable ...), runs.
"""


def report(
    owner: Annotated[str, typer.Argument(metavar="ID", help="Id of a run or a flow.", show_default=False)],
    *,
    as_json: AsJson = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown, as it is.")] = False,
) -> None:
    """Report on a run or a flow: how it ended, what failed, what it cost."""
    from pipeline.cli.opening import inspecting
    from pipeline.cli.output import console, print_json, tell
    from pipeline.reports import Reports

    if as_json and as_markdown:
        raise usage("Pass --json or --markdown, not both.")
    with inspecting() as inspector:
        found = Reports(inspector).find(owner)
    if found is None:
        raise unknown(owner)
    if as_json:
        print_json(found.model_dump(mode="json"))
    elif as_markdown or not console().is_terminal:
        typer.echo(found.markdown(), nl=False)
    else:
        from rich.markdown import Markdown

        console().print(Markdown(found.markdown(), hyperlinks=False))
    if found.status in {"failed", "partial"}:
        if not as_json:
            tell(f"{found.status}: {len(found.failures)} without a result", "red")
        raise typer.Exit(Exit.FAILED)

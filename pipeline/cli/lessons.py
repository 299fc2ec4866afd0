"""``lessons``: a course's lessons out of its documents, with workers of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.exits import Exit
from pipeline.cli.study import AsJson, Timeout, Verbose

EXAMPLES = """\
[bold]Examples[/bold]

  dramaturg lessons course.json             then read lessons/001-....md
  dramaturg lessons course.json --out botany --models openai:gpt-4o-mini
  dramaturg lessons --retry-failed 1a200195b3c2f76c958bbe638 --out botany

[bold]The file[/bold] is JSON; paths in it are looked for beside it:

  {"title": "Botany", "audience": "gardeners", "documents": ["plants.pdf"],
   "lessons": [{"title": "How plants make sugar", "level": "beginner",
     "objectives": ["Explain how chlorophyll captures light"],
     "words": 500, "questions": 3, "key_terms": [], "notes": ""}]}

Each lesson is a run of its own, and kept as soon as it is made. One of a
quality below 0.75 is repaired, then written by the next model, then put up
for review (dramaturg review ls). The exit code is 1 if a lesson is missing.
With --retry-failed what failed and may end well is tried again; what was
made stays.

[bold]With --json[/bold] stdout gets one object: status (complete, partial, failed),
batch, title, retries, total, succeeded, failed, success_rate, tokens,
seconds, out, files, lessons (item, title, run, quality, model, words,
tokens), failures (item, title, input, state, reason, message, retryable,
review), problems (documents that were not read).
"""


def lessons(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="FILE.json", help="The course: its documents and lessons.", show_default=False),
    ] = None,
    *,
    out: Annotated[
        Path, typer.Option(help="Folder to write the lessons to: new, empty, or one of lessons, which are kept.")
    ] = Path("lessons"),
    models: Annotated[
        str,
        typer.Option(
            metavar="CHAIN", help="Language models, best first, with commas between.", show_default="settings"
        ),
    ] = "",
    retry_failed: Annotated[
        str,
        typer.Option(metavar="BATCH", help="Try again what failed in this batch and may end well.", show_default=False),
    ] = "",
    timeout: Timeout = None,
    as_json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """Write the lessons of a course from its documents; good ones are kept, the others named with their reason."""
    from pipeline.cli.counting import Counting
    from pipeline.cli.exits import code_of
    from pipeline.cli.output import print_json, tell
    from pipeline.cli.taught import as_json as summary
    from pipeline.cli.taught import print_summary
    from pipeline.cli.teaching import order, teach

    asked = order(file, out=out, models=models, retry_failed=retry_failed, timeout=timeout)
    try:
        taught = teach(asked, Counting(show=not (as_json or verbose)), verbose=verbose)
    except (KeyboardInterrupt, TimeoutError) as error:
        status = "cancelled" if isinstance(error, KeyboardInterrupt) else "timeout"
        message = str(error) or "Cancelled; lessons that were made before are kept in the database."
        if as_json:
            print_json({"status": status, "message": message})
        tell(message, "yellow")
        raise typer.Exit(code_of(error)) from None
    if as_json:
        print_json(summary(taught))
    else:
        print_summary(taught)
    raise typer.Exit(Exit.COMPLETED if taught.status == "complete" else Exit.FAILED)

"""``study`` and ``demo``: from documents to a study pack, with workers of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.exits import Exit

EXAMPLES = """\
[bold]Examples[/bold]

  dramaturg study lecture.pdf          then open study-pack/index.html
  dramaturg study *.pdf --out biology --questions 20
  dramaturg study notes.md --models openai:gpt-4o-mini,offline
  dramaturg study https://example.com/lecture.pdf
  dramaturg study notes.md --json | jq .documents

A document that cannot be read spoils no other: the pack is made of the good
ones, the bad ones are listed with their reason, and the exit code is 1.
Ctrl-C cancels the study and leaves nothing running.

[bold]With --json[/bold] stdout gets one object: status (complete, partial, failed),
title, out, files, seconds, stages (seconds by actor), concepts, relations,
questions, explanations, dropped (reason: count), models, tokens_in,
tokens_out, price, documents (document, status, pages, format, language,
problems), problems. A study that was cancelled or took too long gives status
(cancelled, timeout) and message.
"""

DEMO_EXAMPLES = """\
[bold]Examples[/bold]

  dramaturg demo
  dramaturg demo --out /tmp/pack --json
"""

Out = Annotated[Path, typer.Option(help="Folder to write: new, empty, or a former pack, which is replaced.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object, and no progress.")]
Verbose = Annotated[bool, typer.Option("--verbose", help="Show the workers' logs instead of keeping them in a file.")]
Timeout = Annotated[
    float | None, typer.Option(min=0.001, metavar="SECONDS", help="Cancel the study when it takes longer.")
]


def study(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE...",
            help="Documents: PDF, DOCX, PPTX, HTML, Markdown, text, PNG, JPEG; what one is, its content says."
            " An https:// address is fetched.",
            show_default=False,
        ),
    ],
    *,
    out: Out = Path("study-pack"),
    models: Annotated[
        str,
        typer.Option(
            metavar="CHAIN", help="Language models, best first, with commas between.", show_default="settings"
        ),
    ] = "",
    questions: Annotated[
        int | None, typer.Option(metavar="N", help="Questions on each document.", show_default="12")
    ] = None,
    title: Annotated[str, typer.Option(help="Title of the pack.", show_default="the document's")] = "",
    timeout: Timeout = None,
    as_json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """Turn documents into a study pack: knowledge graph, quiz and explanations, each with its source."""
    from pipeline.cli.studying import order

    asked = order(files, out=out, models=models, questions=questions, title=title, timeout=timeout)
    _make(asked, as_json=as_json, verbose=verbose)


def demo(
    *,
    out: Out = Path("study-pack"),
    timeout: Timeout = None,
    as_json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """Make the study pack of a document that comes along: no key, no server, no configuration."""
    from pipeline.cli.studying import demo_documents, order

    asked = order(demo_documents(), out=out, models="", questions=None, title="", timeout=timeout)
    _make(asked, as_json=as_json, verbose=verbose)


def _make(asked: object, *, as_json: bool, verbose: bool) -> None:
    from pipeline.cli.exits import code_of
    from pipeline.cli.output import print_json, tell
    from pipeline.cli.showing import view_of
    from pipeline.cli.studying import Order, make
    from pipeline.cli.summary import as_json as summary
    from pipeline.cli.summary import print_summary

    assert isinstance(asked, Order)
    try:
        made = make(asked, view_of(len(asked.files), quiet=as_json or verbose), verbose=verbose)
    except (KeyboardInterrupt, TimeoutError) as error:
        status = "cancelled" if isinstance(error, KeyboardInterrupt) else "timeout"
        message = str(error) or "Cancelled; nothing was written."
        if as_json:
            print_json({"status": status, "message": message})
        tell(message, "yellow")
        raise typer.Exit(code_of(error)) from None
    if as_json:
        print_json(summary(made))
    else:
        print_summary(made)
    raise typer.Exit(Exit.COMPLETED if made.pack.status == "complete" else Exit.FAILED)

"""``metrics``: what Redis knows of queues, breakers, budgets and schedules, as numbers for programs that watch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.asking import AsJson
from pipeline.cli.exits import usage

if TYPE_CHECKING:
    from pipeline.metrics.scraped import Row

EXAMPLES = """\
[bold]Examples[/bold]

  dramaturg metrics
  dramaturg metrics --scale queue=default
  dramaturg metrics --json | jq '.metrics[].name'

Without options it prints what /metrics tells of Redis, in the text format of
Prometheus; what workers count themselves is at their own /metrics. --scale
prints one number, for how many seconds the oldest run of the queue that may
start has waited: what an autoscaler without Prometheus has to know. A queue
that nobody ever used has waited for 0.

[bold]With --json[/bold]: {"metrics": [{name, labels, value}]}; with --scale as well:
{queue, oldest_due_age_s, queued, running, workers, concurrency_limit}.
"""

Scale = Annotated[
    str | None,
    typer.Option("--scale", metavar="queue=NAME", help="Print only how old its oldest due run is.", show_default=False),
]


def metrics(*, scale: Scale = None, as_json: AsJson = False) -> None:
    """Print the metrics that are read from Redis."""
    from pipeline.cli.opening import inspecting
    from pipeline.cli.output import print_json
    from pipeline.engine.export import Exporter
    from pipeline.metrics.catalogue import CATALOGUE
    from pipeline.metrics.scraped import page_of, rows_of

    queue = None if scale is None else _queue(scale)
    with inspecting() as inspector:
        rows = list(rows_of(Exporter(inspector.store, "").look()))
    if queue is not None:
        found = _of_queue(rows, queue)
        if as_json:
            print_json(found)
        else:
            typer.echo(f"{found['oldest_due_age_s']:g}")
    elif as_json:
        told = [
            {"name": name, "labels": dict(zip(CATALOGUE[name].labels, labels, strict=True)), "value": value}
            for name, labels, value in rows
        ]
        print_json({"metrics": told})
    else:
        typer.echo(page_of(rows), nl=False)


def _queue(scale: str) -> str:
    what, _, name = scale.partition("=")
    if what != "queue" or not name:
        raise usage(f"--scale {scale}: write queue=NAME")
    return name


def _of_queue(rows: list[Row], queue: str) -> dict[str, str | float]:
    def of(figure: str, *labels: str) -> float:
        wanted = (f"dramaturg_queue_{figure}", (queue, *labels))
        return next((value for name, values, value in rows if (name, values) == wanted), 0.0)

    return {
        "queue": queue,
        "oldest_due_age_s": of("oldest_due_age_seconds"),
        "queued": of("runs", "queued"),
        "running": of("runs", "running"),
        "workers": of("workers"),
        "concurrency_limit": of("concurrency_limit"),
    }

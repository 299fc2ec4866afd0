"""``queues``: what waits, what runs, and who works."""

from __future__ import annotations

from pipeline.cli.asking import AsJson

EXAMPLES = """\
[bold]Examples[/bold]

  dramaturg queues
  dramaturg queues --json | jq '.queues[] | select(.oldest_s > 60)'

[bold]With --json[/bold]: {"queues": [{queue, ready, tiers, running, delayed,
oldest_s}], "workers": [{worker, seen_s}]}.
"""


def queues(*, as_json: AsJson = False) -> None:
    """Show every queue, how long its oldest run has waited, and the workers that are alive."""
    from pipeline.cli.opening import inspecting
    from pipeline.cli.output import print_json, print_table, say, took
    from pipeline.priority import TIERS

    with inspecting() as inspector:
        rows, workers = inspector.queues(), inspector.workers()
    if as_json:
        print_json({"queues": rows, "workers": workers})
        return
    print_table(
        ("queue", ">ready", *(f">{tier}" for tier in TIERS), ">running", ">delayed", ">oldest waits"),
        (
            (
                row["queue"],
                row["ready"],
                *(row["tiers"][tier] for tier in TIERS),
                row["running"],
                row["delayed"],
                took(row["oldest_s"]),
            )
            for row in rows
        ),
        empty="There are no queues: nothing was ever sent.",
    )
    say(f"{len(workers)} worker processes" if workers else "No worker is running.", "" if workers else "yellow")

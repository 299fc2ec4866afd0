"""Scenarios in which the database is away while runs keep their results in it."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import timedelta

from pipeline.artifacts import ArtifactStore
from tests.actors import keeping
from tests.actors.keeping import Pages, keep
from tests.chaos.stage import Report, Stage
from tests.support.databases import DatabaseServer
from tests.support.waiting import eventually


def away(
    here: Stage,
    server: DatabaseServer,
    *,
    runs: int,
    pages: int,
    times: int,
    length: timedelta,
    settled: timedelta,
    workers: int = 2,
) -> Report:
    """F29: the server is killed while runs write, stays away, and comes back; every result is there, and once.

    The workers begin with an empty database and migrate it.
    """
    report, url = Report(), server.fresh()
    here.workers(workers, threads=4, env={"DATABASE_URL": url}, modules=(keeping.__name__,))
    ids = here.accept(keep.send_many([Pages(count=pages, seconds=0.05) for _ in range(runs)]))
    for number in range(times):
        seen = here.ledger.count("step")
        eventually(lambda seen=seen: here.ledger.count("step") >= seen + runs // 2, timedelta(seconds=30))  # type: ignore[misc] # of this round
        server.kill()
        threading.Event().wait(length.total_seconds())
        report.expect(f"nothing ends badly while it is away: {number}", not _badly(here, ids))
        server.start()
    states = here.settle(ids, settled)
    shown = [here.inspector.show(run) or {} for run in ids]
    store = ArtifactStore(url)
    kept = store.list(limit=runs * pages + 1)
    store.close()
    waits = Counter(event for run in ids for event in here.events_of(run))["snoozed"]
    report.figures = {"runs": runs, "results": len(kept), "waits": waits}
    report.expect_clean(here.findings())
    report.expect(f"all completed: {Counter(states.values())}", set(states.values()) == {"completed"})
    report.expect("some run met the outage", waits)
    report.expect("no attempt is spent", {one.get("attempt") for one in shown} == {1})
    wanted = {(run, f"page {number}", number) for run in ids for number in range(pages)}
    report.expect("every result is there", {(one.run_id, one.kind, one.body["number"]) for one in kept} == wanted)
    report.expect("every result is there once", len(kept) == len(wanted))
    answers = {answer for one in shown for answer in one.get("result") or ()}
    report.expect("the answers name the results", answers == {one.id for one in kept})
    return report


def _badly(here: Stage, ids: list[str]) -> list[str]:
    return [run for run, state in here.states(ids).items() if state in {"dead", "cancelled"}]

"""Scenarios in which everything is lost and a backup is put back, and in which backups are killed in the making."""

from __future__ import annotations

import os
import random
import sqlite3
from collections import Counter
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest

from pipeline import Send
from pipeline.blobs import Blobs
from pipeline.errors import PipelineError
from pipeline.events import FINAL
from pipeline.installation import Installation
from pipeline.settings import SecretUrl
from tests.actors import mailing
from tests.actors.mailing import Mail, mail
from tests.chaos.stage import Report, Stage
from tests.support.backups import DiskJournal, Kept, in_child
from tests.support.waiting import eventually

KNOWS = ("lookup", "key", "nothing")


def drill(here: Stage, *, count: int, settled: timedelta) -> Report:
    """A copy is taken while workers send, they go on sending, everything is lost, and the copy is put back.

    Every run that was accepted before the copy ends, or waits for a person. What can be looked up, or is known by its
    key, is sent once; of the others none is sent twice, though some were sent after the copy was taken.
    """
    report = Report()
    letters = [Mail(to=f"{n}@example.org", knows=KNOWS[n % 3], seconds=0.04) for n in range(count)]  # type: ignore[arg-type] # one of its literals
    runs = here.accept(mail.send_many([Send(payload=letter) for letter in letters]))
    knows = {run: letter.knows for run, letter in zip(runs, letters, strict=True)}
    workers = here.workers(2, modules=(mailing.__name__,))
    eventually(lambda: len(here.ledger.entries(what="mailed")) >= count // 6, timedelta(seconds=60))
    home = here.folder / "home"
    kept = Installation(SecretUrl(here.url), here.store.namespace, SecretUrl("sqlite://"), Blobs(home / "blobs"), home)
    with kept.redis_copy(folder=here.folder) as (held, lines):
        told = list(lines)
    at_copy = len(here.ledger.entries(what="mailed"))
    goal = at_copy + max(1, (count - at_copy) // 2)
    eventually(lambda: len(here.ledger.entries(what="mailed")) >= goal, timedelta(seconds=60))
    for worker in workers:
        worker.kill()
    since = len(here.ledger.entries(what="mailed")) - at_copy
    here.store.client.flushall()
    here.final.clear()
    kept.require_free_redis(force=False)
    copy = kept.put_back(ask=True)
    for line in told:
        copy.add(line)
    running = copy.finish()[1]
    here.workers(2, modules=(mailing.__name__,))

    def done() -> bool:
        return all(state in FINAL or state == "review" for state in here.states(runs).values())

    eventually(done, settled)
    states = here.states(runs)
    mailed = Counter(entry.run for entry in here.ledger.entries(what="mailed"))
    report.figures |= {
        "runs": count,
        "sent after the copy": since,
        "running at the copy": running,
        "held_ms": held.held_ms,
        "in review": sum(state == "review" for state in states.values()),
        "sent twice": sum(times > 1 for times in mailed.values()),
    }
    report.expect("nothing is sent twice", max(mailed.values()) == 1)
    report.expect("something was sent after the copy", since > 0)
    asked = {run for run, state in states.items() if state == "review"}
    report.expect("only what nobody can look up is asked about", all(knows[run] == "nothing" for run in asked))
    report.expect("no run is lost", all(states[run] in {"completed", "review"} for run in runs))
    report.expect("what completed was sent", all(mailed[run] == 1 for run in runs if states[run] == "completed"))
    return report


def killed(here: Stage, *, points: int, seed: int) -> Report:
    """Backups are killed before their n-th deed, for many n: what is visible is whole, and the next attempt ends it."""
    report, chance = Report(), random.Random(seed)
    with pytest.MonkeyPatch.context() as patch:
        kept = Kept(here.folder / "kept", here.url, patch)
        (here.folder / "kept").mkdir()
        kept.set(daily="2", weekly="0", monthly="0", to=str(here.folder / "kept" / "backups"))
        for number in range(500):
            here.store.client.hset(f"{{kept}}:run:{number}", mapping={"state": "completed", "message": "x" * 300})
        kept.fill_database(2000)
        for _ in range(30):
            kept.blobs.put(os.urandom(chance.randrange(100, 150_000)))
        kept.backup()
        deeds = in_child(lambda: kept.backup("redis", "database", "blobs"))[1]
        kept.clock.forward(timedelta(days=1))
        broken: list[str] = []
        for point in range(points):
            journal = here.folder / f"journal-{point}"

            def attempt(journal: Any = journal) -> None:
                kept.backup(journal=DiskJournal(clock=kept.clock).at(journal))

            before = kept.names()
            kept.blobs.put(os.urandom(5000))
            at = max(1, (deeds * (2 * point + 1)) // (2 * points))
            status, _ = in_child(attempt, killed_at=at)
            broken += _broken(kept, f"killed at {at}")
            report.expect(f"killed at {at}", os.WIFSIGNALED(status) or kept.names() != before)
            report.expect(f"one backup at least at {at}", set(kept.names()) & set(before) or len(kept.names()) >= 1)
            done = kept.backup(journal=DiskJournal(clock=kept.clock).at(journal))
            report.expect(f"the attempt after {at} ends it", done.id in kept.names() and done.proof == "restored")
            kept.clock.forward(timedelta(days=1))
        broken += _broken(kept, "the end")
        leftover = [name for name in kept.files() if "unfinished" in name]
        restored = _restored(kept, here)
        report.figures |= {"points": points, "deeds": deeds, "broken": len(broken), "unfinished": len(leftover)}
        report.expect(f"nothing visible is broken: {broken}", not broken)
        report.expect(f"all rows and hashes come back: {restored}", restored == (2000, 30 + points))
    return report


def _broken(kept: Kept, when: str) -> list[str]:
    found = []
    for name in kept.names():
        try:
            kept.verify(name)
        except PipelineError as error:
            found.append(f"{when}: {name}: {error}")
    return found


def _restored(kept: Kept, here: Stage) -> tuple[int, int]:
    (here.folder / "kept" / "here.db").unlink()
    empty = Blobs(here.folder / "empty")
    kept.restore(kept.names()[-1], what=["blobs", "database"], blobs=empty)
    with closing(sqlite3.connect(here.folder / "kept" / "here.db")) as database:
        (rows,) = database.execute("SELECT count(*) FROM notes").fetchone()
    return int(rows), sum(1 for digit in "0123456789abcdef" for sha in empty.listed(digit) if empty.get(sha))

"""Goes through everything that waits in Redis, portion by portion, and asks what this code would do with it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from pipeline.deploy_check.examiner import Examiner, Results
from pipeline.deploy_check.report import Report, Trouble
from pipeline.engine.payload_reader import PLACES, PayloadReader
from pipeline.engine.schedules import Schedules

if TYPE_CHECKING:
    from pipeline.engine.broker import PipelineBroker
    from pipeline.engine.payload_reader import Kept

#: Results that are read with one call.
_AT_ONCE = 100


def check_deploy(
    broker: PipelineBroker,
    *,
    places: Iterable[str] = PLACES,
    blobs: bool = True,
    schedules: bool = True,
) -> Report:
    """Check every run of the deployment against the actors of a broker, and the schedules too.

    Without ``blobs`` what lies in the blob store is not looked for. Nothing is written. Raises ``Unavailable`` when
    Redis does not answer.
    """
    began, report = time.monotonic(), Report()
    for kept, troubles, unused in look_through(broker, places, blobs=blobs):
        report.saw(kept.state)
        for trouble in troubles:
            report.add(trouble, kept.state, kept.id)
        for step in unused:
            report.notes[f"{kept.actor}: the step {step} is remembered and not used any more"] += 1
    if schedules:
        _check_schedules(broker, report)
    report.took_s = time.monotonic() - began
    return report


def look_through(
    broker: PipelineBroker, places: Iterable[str] = PLACES, *, blobs: bool = True
) -> Iterator[tuple[Kept, set[Trouble], set[str]]]:
    """Give every run, what stops it in this code, and the steps it remembers that this code does not use."""
    reader, examiner = PayloadReader(broker.store), Examiner(broker, blobs=blobs)
    for portion in reader.read(places):
        results = _results(broker, examiner, portion)
        names = reader.step_names([kept.id for kept in portion if kept.begun])
        for kept in portion:
            trouble = examiner.examine(kept, results)
            if trouble is not None:  # it stops before its first step
                yield kept, {trouble}, set()
            else:
                yield kept, *_steps(reader, examiner, kept, names.get(kept.id, []))


def _results(broker: PipelineBroker, examiner: Examiner, portion: list[Kept]) -> Results:
    wanted = list(dict.fromkeys(run_id for kept in portion for run_id in examiner.wanted(kept)))
    found: dict[str, tuple[str, bytes | None, str, str]] = {}
    for at in range(0, len(wanted), _AT_ONCE):
        ids = wanted[at : at + _AT_ONCE]
        found |= zip(ids, broker.store.results(ids), strict=True)
    return found


def _steps(reader: PayloadReader, examiner: Examiner, kept: Kept, names: list[str]) -> tuple[set[Trouble], set[str]]:
    declared = examiner.steps_of(kept.actor) if names else None
    if declared is None:
        return set(), set()
    unused = {_plain(name) for name in names if declared.is_step(name) and not declared.knows(name)}
    typed = [name for name in names if declared.function_of(name) is not None]
    found = (examiner.examine_step(kept, name, stored) for name, stored in reader.steps(kept.id, typed))
    return {trouble for trouble in found if trouble is not None}, unused


def _plain(step: str) -> str:
    """Give the function's name of a step's."""
    return step.partition("[")[0].partition("#")[0]


def _check_schedules(broker: PipelineBroker, report: Report) -> None:
    from pipeline.schedule import SCHEDULES

    for name, state in Schedules(broker.store).known().items():
        actor = str(state.get("actor", ""))
        if name in SCHEDULES or not actor:
            continue
        if actor in broker.actors:
            report.notes[f"the schedule {name} is not in this code: nothing fires it any more"] += 1
        elif state.get("paused_ms") is None:
            report.add(Trouble("schedule", actor, why=f"the schedule {name} starts it"), "scheduled", name)

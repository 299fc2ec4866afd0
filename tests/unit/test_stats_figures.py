"""What is made of figures: spans without holes, names told apart, and lines of blocks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from actors.upkeep.figures import Span, by_name, by_time, figures, only, total
from actors.upkeep.tallies import by_day, by_hour
from pipeline.cli.stats_view import sparks
from pipeline.ended import EndedRun, ModelUse

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


def ended(at: datetime, state: str = "completed", *uses: ModelUse, **fields: object) -> EndedRun:
    """A run that ended at a moment, after ten seconds; it waited for two."""
    at_ms = int(at.timestamp() * 1000)
    run = EndedRun("r", "a", "q", "", state, "", 1, at_ms - 12_000, at_ms - 10_000, at_ms, uses)
    return run._replace(**fields)


def test_a_span_has_every_hour_and_every_day() -> None:
    """Where nothing ended there are zeros; the present hour is the last."""
    span = Span.of(NOON + timedelta(minutes=59), 3, HOUR)
    tallies = by_hour([ended(NOON - 2 * HOUR), ended(NOON), ended(NOON)])

    assert [(at.hour, tally.runs) for at, tally in by_time(tallies, span).items()] == [(10, 1), (11, 0), (12, 2)]
    assert Span.of(NOON, 2, DAY).starts() == [datetime(2026, 10, 31, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)]
    assert {at: tally.runs for (at, _), tally in by_day(tallies).items()} == {datetime(2026, 11, 1, tzinfo=UTC): 3}


def test_a_run_counts_once_and_each_call_with_its_model() -> None:
    """A run that fell back from one model to another is the second one's; the first keeps what it took."""
    first, second = ModelUse("large", 2, 100, 10, 5000), ModelUse("small", 1, 50, 5, 70)
    tallies = by_hour([ended(NOON, "completed", first, second), ended(NOON, "dead", reason="timeout: model")])

    rows = by_name(tallies, "model")
    assert {name: (tally.runs, tally.calls, tally.micros) for name, tally in rows.items()} == {
        "small": (1, 1, 70),
        "": (1, 0, 0),
        "large": (0, 2, 5000),
    }
    summed = figures(total(tallies))
    assert (summed["runs"], summed["success_rate"], summed["micros"]) == (2, 0.5, 5070)
    assert summed["reasons"] == {"timeout": 1}
    assert total(only(tallies, {"model": "large"})).runs == 0


def test_reasons_are_few() -> None:
    """The kind of a reason is kept, and what it says besides is not: names and texts of people are without number."""
    told = ["attempts_exhausted: transient", "models_exhausted: quality", "rejected: I do not like it", "", "timeout"]
    tallies = by_hour(ended(NOON, "dead", reason=reason) for reason in told)

    assert sorted(total(tallies).reasons) == [
        "attempts_exhausted: transient",
        "models_exhausted: quality",
        "rejected",
        "timeout",
        "unknown",
    ]


def test_cancelled_runs_are_no_failures_and_what_never_started_has_no_times() -> None:
    """A success rate is of those that could decide it."""
    tallies = by_hour([ended(NOON, "cancelled", started_ms=None, attempts=0), ended(NOON)])
    shown = figures(total(tallies))

    assert shown["success_rate"] == 1.0
    assert total(tallies).wait.count == 1
    assert figures(total({}))["wait_ms"] == {"p50": None, "p95": None, "p99": None}


def test_counts_become_blocks() -> None:
    """The largest is the highest, nothing is a dot, and a long line is added up in groups."""
    assert sparks([0, 1, 8, 4]) == "·▁█▄"
    assert len(sparks([1] * 500)) <= 48
    assert sparks([]) == ""

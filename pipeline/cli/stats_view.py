"""How figures of runs look on a terminal: a table, and bars for each hour or day."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from actors.upkeep.figures import PERCENTILES, By, Span, by_name, by_time, figures, total
from actors.upkeep.tallies import Tallies, Tally
from pipeline.cli.output import console, print_table, say, took

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actors.upkeep.sketches import Sketch
    from actors.upkeep.stores.stats import FeedRow

_SPARKS = "▁▂▃▄▅▆▇█"
_BAR = 40
_MOST_SPARKS = 48

#: Columns that are left out where there is nothing in them.
_RARE = frozenset({">dead", ">cancelled", ">retries", ">calls", ">tokens", ">cost"})


@dataclass(frozen=True, slots=True)
class Shown:
    """What is shown: the figures of a span, by what they are told apart, and how far the feeds were read."""

    by: By
    span: Span
    tallies: Tallies
    feeds: Sequence[FeedRow]

    def json(self) -> dict[str, Any]:
        """Give all of it, for programs."""
        rows = by_name(self.tallies, self.by)
        times = by_time(self.tallies, self.span)
        return {
            "by": self.by,
            "grain": self.span.grain,
            "since": self.span.since.isoformat(),
            "until": self.span.until.isoformat(),
            "rolled_up_at": self.feeds[0].rolled_up_at.isoformat() if self.feeds else None,
            "rows": [{"name": name} | figures(tally) for name, tally in rows.items()],
            "times": [{"starts_at": at.isoformat()} | figures(tally) for at, tally in times.items()],
            "total": figures(total(self.tallies)),
            "cut": [
                {"runs": feed.cut, "since": _iso(feed.cut_from), "until": _iso(feed.cut_until)}
                for feed in self.feeds
                if feed.cut
            ],
        }


def print_stats(shown: Shown) -> None:
    """Print the table, and what it does not hold."""
    if not shown.feeds:
        say("Nothing was counted yet: stats.rollup does it once an hour, and dramaturg stats rollup at once.")
        return
    rows = by_name(shown.tallies, shown.by)
    since, until = (f"{moment:%Y-%m-%d %H:%M}" for moment in (shown.span.since, shown.span.until))
    say(f"{since} to {until} UTC, counted until {shown.feeds[0].rolled_up_at:%Y-%m-%d %H:%M:%S}")
    for feed in shown.feeds:
        if feed.cut and feed.cut_from and feed.cut_until:
            say(
                f"{feed.cut:,} runs that ended from {feed.cut_from:%Y-%m-%d %H:%M} to {feed.cut_until:%Y-%m-%d %H:%M} "
                "are missing: the feed was full before it was rolled up",
                "yellow",
            )
    lines = [(_named(name), _cells(tally)) for name, tally in rows.items()]
    summed = _cells(total(shown.tallies))
    if len(rows) > 1:
        lines.append(("all", summed))
    columns = [at for at, (heading, _, count) in enumerate(summed) if count or heading not in _RARE]
    headings = [summed[at][0] for at in columns]
    table = [(name, *(cells[at][1] for at in columns)) for name, cells in lines]
    print_table((shown.by, *headings), table, empty="No runs ended in this time.")


def print_plot(shown: Shown) -> None:
    """Draw the runs of each hour or day: a bar of what completed and of what did not; and one line for each name."""
    from rich.table import Table
    from rich.text import Text

    times = by_time(shown.tallies, shown.span)
    most = max((tally.runs for tally in times.values()), default=0)
    if not most:
        return
    chart = Table(box=None, pad_edge=False, header_style="bold")
    for heading, side in (("UTC", "left"), ("runs", "left"), ("", "right"), ("success", "right"), ("p95", "right")):
        chart.add_column(heading, justify=side, no_wrap=True)  # type: ignore[arg-type] # left or right
    form = "%m-%d" if shown.span.grain == "days" else "%m-%d %H:%M"
    for at, tally in times.items():
        good, bad = _bar(tally, most)
        bar = Text("█" * good, "green") + Text("█" * bad, "red")
        p95 = _took(tally.duration, 95)
        chart.add_row(Text(at.strftime(form)), bar, Text(f"{tally.runs:,}"), Text(_rate(tally)), Text(p95))
    say("")
    console().print(chart)
    say("")
    lines = [
        (_named(name), sparks([tally.runs for tally in _times(shown, name)]), f"{of_name.runs:,}")
        for name, of_name in by_name(shown.tallies, shown.by).items()
    ]
    print_table((shown.by, "runs", ">in all"), lines, empty="")


def sparks(counts: Sequence[int]) -> str:
    """Draw counts as one line of blocks, the largest as the highest; more than fit are added up in groups."""
    size = -(-len(counts) // _MOST_SPARKS) or 1
    sums = [sum(counts[at : at + size]) for at in range(0, len(counts), size)]
    most = max(sums, default=0)
    return "".join("·" if not count else _SPARKS[(count * len(_SPARKS) - 1) // most] for count in sums)


def _times(shown: Shown, name: str) -> list[Tally]:
    mine = {key: tally for key, tally in shown.tallies.items() if getattr(key[1], shown.by) == name}
    return list(by_time(mine, shown.span).values())


def _bar(tally: Tally, most: int) -> tuple[int, int]:
    whole = -(-tally.runs * _BAR // most)
    bad = -(-(tally.runs - tally.completed) * whole // tally.runs) if tally.runs else 0
    return whole - bad, bad


def _cells(tally: Tally) -> list[tuple[str, str, int]]:
    """Give each cell with its heading, and how much there is in it."""
    tokens = tally.tokens_in + tally.tokens_out
    return [
        (">runs", f"{tally.runs:,}", tally.runs),
        (">success", _rate(tally), tally.runs),
        (">dead", f"{tally.dead:,}", tally.dead),
        (">cancelled", f"{tally.cancelled:,}", tally.cancelled),
        (">retries", f"{tally.retries:,}", tally.retries),
        *_times_of("wait", tally.wait),
        *_times_of("took", tally.duration),
        (">calls", f"{tally.calls:,}", tally.calls),
        (">tokens", f"{tokens:,}", tokens),
        (">cost", f"${tally.micros / 1_000_000:,.4f}", tally.micros),
    ]


def _times_of(name: str, sketch: Sketch) -> list[tuple[str, str, int]]:
    headings = (f">{name} p50", ">p95", ">p99")
    return [(heading, _took(sketch, p), sketch.count) for heading, p in zip(headings, PERCENTILES, strict=True)]


def _rate(tally: Tally) -> str:
    rate = tally.success_rate
    # Rounded down: what is not all of them is not shown as all of them.
    return "-" if rate is None else f"{int(rate * 1000) / 10:.1f} %"


def _took(sketch: Sketch, percent: float) -> str:
    found = sketch.percentile(percent)
    return took(None if found is None else found / 1000)


def _named(name: str) -> str:
    return name or "-"


def _iso(moment: Any) -> str | None:
    return None if moment is None else str(moment.isoformat())

"""Cron specs made at random, each with the numbers it means, which are made first and spelled then."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_WEEKDAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_LAST = {1: 31, 2: 29, 3: 31, 4: 30, 5: 31, 6: 30, 7: 31, 8: 31, 9: 30, 10: 31, 11: 30, 12: 31}
_SHORT = {
    "@yearly": ({0}, {0}, {1}, {1}, set(range(7))),
    "@monthly": ({0}, {0}, {1}, set(range(1, 13)), set(range(7))),
    "@weekly": ({0}, {0}, set(range(1, 32)), set(range(1, 13)), {0}),
    "@daily": ({0}, {0}, set(range(1, 32)), set(range(1, 13)), set(range(7))),
    "@hourly": ({0}, set(range(24)), set(range(1, 32)), set(range(1, 13)), set(range(7))),
}


@dataclass(frozen=True)
class Spec:
    """A spec, the numbers of its fields, and whether one of day and weekday is enough."""

    text: str
    sets: tuple[set[int], ...]
    either: bool


@st.composite
def _field(draw: st.DrawFn, least: int, most: int, names: tuple[str, ...]) -> tuple[str, set[int]]:
    words: list[str] = []
    numbers: set[int] = set()

    def spell(number: int) -> str:
        named = names and draw(st.booleans())
        word = names[number - least] if named else str(number)
        return draw(st.sampled_from([word, word.upper(), word.capitalize()])) if named else word

    for _ in range(draw(st.sampled_from([1, 1, 1, 2, 3]))):
        kind = draw(st.sampled_from(["one"] * 6 + ["range", "range/step", "one/step", "*/step", "*"]))
        by = draw(st.integers(1, most - least)) if "step" in kind else 1
        low = draw(st.integers(least, most))
        high = draw(st.integers(low, most))
        if kind.startswith("*"):
            low, high = least, most - (len(names) == 8)
        elif kind == "one":
            high = low
        elif kind == "one/step":
            high = most
        span = "*" if kind.startswith("*") else spell(low)
        if kind.startswith("range"):
            # A name for 7 stands for 0 at the beginning of a range, and for 7 at its end.
            span = f"{low if low == 7 else span}-{high if names and high == least else spell(high)}"
        numbers |= set(range(low, high + 1, by))
        words.append(f"{span}/{by}" if "step" in kind else span)
    return ",".join(words), numbers


@st.composite
def specs(draw: st.DrawFn) -> Spec:
    """Draw a spec that fires at some time."""
    if draw(st.integers(0, 19)) == 0:
        text = draw(st.sampled_from(sorted(_SHORT)))
        return Spec(text, _SHORT[text], either=False)
    star = st.just("*")
    minute, minutes = draw(_field(0, 59, ()))
    hour, hours = draw(_field(0, 23, ()))
    day, days = draw(st.one_of(star.map(lambda w: (w, set(range(1, 32)))), _field(1, 31, ())))
    month, months = draw(st.one_of(star.map(lambda w: (w, set(range(1, 13)))), _field(1, 12, tuple(_MONTHS))))
    weekday, weekdays = draw(st.one_of(star.map(lambda w: (w, set(range(7)))), _field(0, 7, tuple(_WEEKDAYS))))
    either = "*" not in day and "*" not in weekday
    if not either and not any(d <= _LAST[m] for d in days for m in months):
        day, days = "29", {29}
        months |= {2}
        month = f"{month},feb"
        either = "*" not in weekday
    return Spec(
        f"{minute} {hour} {day} {month} {weekday}", (minutes, hours, days, months, {d % 7 for d in weekdays}), either
    )

"""A list that changes while it is read is read whole: seconds are shared, and what moves is read again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from actors.growth.reading_place import Item, Spot

START = datetime(2030, 1, 1, tzinfo=UTC)


class Listing:
    """Entries in the order of their last change, to the second, as a platform lists them."""

    def __init__(self, seconds: list[int]) -> None:
        self.changed = {f"{number:03}": START + timedelta(seconds=at) for number, at in enumerate(seconds)}
        self.asked = 0

    def page(self, spot: Spot, count: int) -> list[Item]:
        """What is answered."""
        self.asked += 1
        ask = spot.ask(count)
        found = sorted((at, key) for key, at in self.changed.items() if ask.since is None or at > ask.since)
        return [Item(key, at) for at, key in found[ask.offset : ask.offset + ask.size]]


def read_whole(listing: Listing, spot: Spot, count: int, moves: list[int]) -> tuple[dict[str, datetime], Spot]:
    """Read to the end, with one entry moving before each page as long as there are moves."""
    seen: dict[str, datetime] = {}
    last = False
    now = max(listing.changed.values(), default=START)
    while not last:
        if moves:
            key = f"{moves.pop() % len(listing.changed):03}"
            now += timedelta(seconds=len(moves) % 2)  # every other move shares its second with the one before
            listing.changed[key] = now
        page = listing.page(spot, count)
        spot, known, last = spot.after(page, count)
        seen |= {one.id: one.at for one in page[known:]}
        assert listing.asked < 2000, "reading never ends"
    return seen, spot


@settings(max_examples=200, deadline=None)
@given(
    seconds=st.lists(st.integers(0, 4), min_size=1, max_size=40),
    count=st.integers(1, 6),
    moves=st.lists(st.integers(0, 39), max_size=30),
)
def test_every_entry_is_read_as_it_is_in_the_end(seconds: list[int], count: int, moves: list[int]) -> None:
    """However many share a second, and whatever moves between two pages, nothing is left out."""
    listing = Listing(seconds)
    seen, _ = read_whole(listing, Spot(), count, moves)
    assert seen == listing.changed


@settings(max_examples=100, deadline=None)
@given(
    seconds=st.lists(st.integers(0, 3), min_size=1, max_size=20),
    more=st.lists(st.integers(0, 3), max_size=10),
    count=st.integers(1, 6),
)
def test_the_next_reading_finds_what_came_late_to_the_last_second(
    seconds: list[int], more: list[int], count: int
) -> None:
    """Entries that appear in the last second that was read, or up to the overlap before it, are found."""
    listing = Listing(seconds)
    seen, spot = read_whole(listing, Spot(), count, [])
    newest = max(listing.changed.values())
    for number, before in enumerate(more):
        listing.changed[f"9{number:02}"] = newest - timedelta(seconds=before)
    again, _ = read_whole(listing, spot.earlier(timedelta(seconds=3)), count, [])
    assert seen | again == listing.changed


def test_reading_costs_about_as_many_pages_as_there_are() -> None:
    """A long list of a few in each second is asked for once, and its places stay near the beginning of each second."""
    listing = Listing([number // 3 for number in range(300)])
    _, spot = read_whole(listing, Spot(), 50, [])
    assert listing.asked <= 8
    assert spot.offset <= 3

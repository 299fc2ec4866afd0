"""An actor in ten lines: ``dramaturg worker shop`` runs it, ``dramaturg send order.pack --module shop`` sends to it."""

from pydantic import BaseModel

from pipeline import Run, actor


class Order(BaseModel):
    """What goes in."""

    number: int
    items: list[str]


@actor(name="order.pack", queue="shop")
def pack_order(order: Order, run: Run) -> str:
    """Wrap each item, then label the parcel."""
    boxes = run.each(wrap, order.items)  # one step an item, reported as done of total
    return run.step(label, order.number, boxes)  # remembered: a retry goes on after it


def wrap(item: str) -> str:
    """Put one item in a box."""
    return f"[{item}]"


def label(number: int, boxes: list[str]) -> str:
    """Write what is inside."""
    return f"#{number}: {' '.join(boxes)}"

"""A payload that changed twice, read by code of the third version."""

from pydantic import BaseModel

from pipeline import InvalidInput, actor


class Order(BaseModel):
    first_name: str
    last_name: str
    items: list[str]


def with_items(old: dict[str, object]) -> dict[str, object]:
    """Version 1 had one item; version 2 has a list."""
    return {"name": old["name"], "items": [old["item"]]}


def with_two_names(old: dict[str, object]) -> dict[str, object]:
    """Version 2 had one name; version 3 has two."""
    first, _, last = str(old["name"]).partition(" ")
    return {"first_name": first, "last_name": last, "items": old["items"]}


@actor(name="order.pack", version=3, upgrades={1: with_items, 2: with_two_names})
def pack(order: Order) -> int:
    """Pack an order of the third version."""
    return len(order.items)


@actor(name="order.print", version=3, upgrades={2: with_two_names})
def print_order(order: Order) -> None:
    """Print an order; version 1 is not supported any more."""


def main() -> None:
    oldest = {"name": "Ada Lovelace", "item": "engine"}
    print("version 1:", pack.validate(pack.upgrade(oldest, 1)))
    print("version 2:", pack.validate(pack.upgrade({"name": "Ada Lovelace", "items": []}, 2)))
    try:
        print_order.upgrade(oldest, 1)
    except InvalidInput as error:
        print("refused:  ", error)


if __name__ == "__main__":
    main()

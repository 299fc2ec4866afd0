"""A first integration: a courier is told of a parcel once, also when its answer gets lost."""

import httpx2
from pydantic import BaseModel

from actors.growth.wire import Reply, Wire
from pipeline import Breaker, Failure, Limit, Permanent, Run, actor
from pipeline.testing import MemoryJournal, run_inline
from pipeline.testing.simulated_api import Answer, Request, SimulatedApi


class Parcel(BaseModel):
    """Where the courier is, and where the parcel goes."""

    url: str
    to: str


def explain(reply: Reply) -> Failure | None:
    """Say what the courier's own codes stand for; all else goes by its HTTP status."""
    return Permanent("nobody lives there") if b"no_such_address" in reply.body else None


@actor(name="parcel.order", limits=[Limit("courier", concurrency=2)], breaker=Breaker("courier"))
def order(parcel: Parcel, run: Run) -> int:
    wire = Wire("courier", parcel.url, explain=explain)

    def place(to: str, *, idempotency_key: str) -> int:  # one call, without retries
        return wire.call("POST", "/parcels", json={"to": to, "reference": idempotency_key}).json()["number"]

    def find(reference: str) -> int | None:  # asked first when it is not known what became of the call
        return wire.call("GET", "/parcels", params={"reference": reference}, ok=(404,)).json().get("number")

    return run.effect(place, parcel.to, key="order", lookup=find)


class Courier(SimulatedApi):
    """A courier for tests: what it knows is in plain attributes, how it fails is said by the test."""

    def __init__(self) -> None:
        super().__init__()
        self.parcels: dict[str, str] = {}

    def answer(self, request: Request) -> Answer:
        reference = request.json["reference"] if request.method == "POST" else request.params["reference"]
        if request.method == "POST":
            self.parcels[reference] = request.json["to"]
        if reference not in self.parcels:
            return 404, {}, {"code": "not_found"}
        return 200, {}, {"number": list(self.parcels).index(reference) + 1}


def main() -> None:
    with Courier() as courier:
        parcel, journal = Parcel(url=courier.url, to="Rue de Rivoli 1"), MemoryJournal()
        courier.lose_answer("POST /parcels")  # it is done, and the line goes dead
        try:
            run_inline(order, parcel, journal=journal)
        except httpx2.TransportError:
            print("first attempt: the answer got lost")
        print(f"second attempt: number {run_inline(order, parcel, journal=journal).result}")
        print(f"the courier was asked: {[call.method for call in courier.calls]}")
        print(f"parcels: {list(courier.parcels.values())}")


if __name__ == "__main__":
    main()

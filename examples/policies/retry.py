"""Three jobs that fail: one that another try mends, one that nobody knows, and one that no try can mend."""

from datetime import timedelta

from here import story, worker

from pipeline import Permanent, Retry, Transient, actor

QUICK = Retry(attempts=4, base=timedelta(milliseconds=50), jitter=0.5)
tries: list[str] = []


@actor(name="parcel.ship", retry=QUICK)
def ship(parcel: str) -> str:
    """Ship a parcel; the carrier is down at first."""
    tries.append(parcel)
    if len(tries) < 3:  # noqa: PLR2004 - the third time it is up
        raise Transient("the carrier does not answer")
    return f"{parcel} is on its way"


@actor(name="parcel.weigh", retry=QUICK)
def weigh(parcel: str) -> int:
    """Weigh a parcel, with a mistake that nobody has seen yet."""
    return int(parcel)


@actor(name="parcel.refuse", retry=QUICK)
def refuse(parcel: str) -> None:
    """Refuse a parcel for good."""
    raise Permanent(f"{parcel}: there is no such address")


def main() -> None:
    with worker() as inspector:
        for one in (ship, weigh, refuse):
            print(f"{one.actor_name}: {story(inspector, one.send('a vase').id)}")


if __name__ == "__main__":
    main()

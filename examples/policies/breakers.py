"""A customer database that is down: after four failures nobody calls it until a probe says that it is back."""

import threading
from datetime import timedelta

from here import project, until, worker

from pipeline import Breaker, Retry, Transient, actor
from pipeline.engine.controls import Controls

crm_is_up = threading.Event()
calls: list[str] = []


@actor(
    name="customer.update",
    queue="customers",
    retry=Retry(attempts=2, base=timedelta(seconds=1)),
    breaker=Breaker("customers", minimum=4, open_for=timedelta(seconds=1), ramp=timedelta(seconds=1)),
)
def update(name: str) -> str:
    """Update a customer in the database of another department."""
    calls.append(name)
    if not crm_is_up.is_set():
        raise Transient("the crm does not answer")
    return name


def main() -> None:
    with worker() as inspector:
        controls = Controls(project().store)

        def breaker() -> dict[str, object]:
            return controls.breakers("customers")[0]

        first = update.send_many(["Ada", "Bo", "Cy", "Di"])
        until(lambda: breaker()["state"] == "open")
        print(f"after {len(calls)} failures the breaker is {breaker()['state']}")
        second = update.send_many([f"customer {number}" for number in range(20)])
        print(f"20 more are sent, and {len(calls) - 4} of them call")
        crm_is_up.set()
        states = {inspector.wait(run.id) for run in [*first, *second]}
        print(f"the crm is back: all 24 runs are {', '.join(states)}, with {len(calls)} calls")


if __name__ == "__main__":
    main()

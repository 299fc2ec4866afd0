"""A tenant with many runs and one with few, one worker thread: they take turns; then the first one gets two for one."""

import threading
from datetime import timedelta

from here import project, worker

from pipeline import Run, actor
from pipeline.engine.controls import Controls
from pipeline.engine.gates import Gates

lock = threading.Lock()
order: list[str] = []


@actor(name="page.render", queue="fair")
def render(page: int, run: Run) -> int:
    """Render a page, and note whose it was."""
    with lock:
        order.append(run.group)
    return page


def rendered(**wanted: int) -> str:
    """Send pages of several tenants, the one with most first, and tell in which order they were rendered."""
    gates = Gates(project().store)
    order.clear()
    gates.pause("queue:fair")  # so that all are there before the first is taken
    sent = [render.send(number, group=group) for group, count in wanted.items() for number in range(count)]
    gates.resume("queue:fair")
    for run in sent:
        run.result(timedelta(seconds=20))
    return " ".join(order)


def main() -> None:
    with worker():
        print("acme has 6 pages, zeta 3: ", rendered(acme=6, zeta=3))
        Controls(project().store).weigh("acme", 2)
        print("acme has a weight of 2:   ", rendered(acme=6, zeta=3))
        Controls(project().store).weigh("acme", 1)


if __name__ == "__main__":
    main()

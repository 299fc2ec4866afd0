"""A queue that is paused: what runs goes on, what waits stays where it is."""

import threading

from here import project, until, worker

from pipeline import actor
from pipeline.engine.controls import Controls
from pipeline.engine.gates import Gates

may_go_on = threading.Event()


@actor(name="letter.print", queue="printer")
def print_letter(text: str) -> str:
    """Print a letter; the first one takes a while."""
    if text == "first":
        may_go_on.wait(20)
    return text


def main() -> None:
    with worker() as inspector:
        gates, controls = Gates(project().store), Controls(project().store)
        first = print_letter.send("first")
        until(lambda: first.state() == "running")
        gates.pause("queue:printer")
        second = print_letter.send("second")
        print(f"paused:  first is {first.state()}, second is {second.state()}")
        may_go_on.set()
        until(lambda: controls.running("queue", "printer") == 0)
        print(f"drained: first is {first.state()}, second is {second.state()}")
        gates.resume("queue:printer")
        print(f"resumed: second is {inspector.wait(second.id)}")


if __name__ == "__main__":
    main()

"""The same key sent again, in the four modes."""

from datetime import timedelta

from here import project, worker

from pipeline import actor
from pipeline.engine.gates import Gates

PERIOD = timedelta(milliseconds=300)


@actor(name="index.build", queue="index")
def build(version: int) -> int:
    """Build an index of a version."""
    return version


def sent(mode: str, **options: timedelta) -> str:
    """Send two versions under one key before either starts, and tell what came of them."""
    gates = Gates(project().store)
    gates.pause("queue:index")
    runs = [build.send(version, key=f"site-{mode}", mode=mode, **options) for version in (1, 2)]
    gates.resume("queue:index")
    results = [run.result(timedelta(seconds=20)) for run in runs]
    same = "one run" if runs[0].id == runs[1].id else "two runs"
    return f"{same}, built {results[1]}"


def main() -> None:
    with worker():
        print("return:  ", sent("return"))
        print("replace: ", sent("replace"))
        print("debounce:", sent("debounce", period=PERIOD))
        print("throttle:", sent("throttle", period=PERIOD))
        again = build.send(3, key="site-return")
        print("return, once it has ended:", again.result(timedelta(seconds=20)))


if __name__ == "__main__":
    main()

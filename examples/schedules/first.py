"""A first schedule: an actor, a line that says when, and a scheduler; here all in one process, for some seconds."""

import os
import tempfile
import threading
import time
from datetime import UTC, datetime, timedelta

from pydantic import BaseModel

from pipeline import actor, every


class Place(BaseModel):
    """Where to look."""

    city: str


@actor(name="weather.note")
def note_weather(place: Place) -> str:
    """Stand for the job."""
    return f"sunny in {place.city}"


every("0 3 * * *", note_weather, Place(city="Paris"), timezone="Europe/Paris", name="weather.nightly")
every(timedelta(seconds=1), note_weather, Place(city="Rome"), name="weather.often", misfire="all")


#: So many ticks of the second one are waited for.
TICKS = 3


def main() -> None:
    os.environ.setdefault("DRAMATURG_HOME", tempfile.mkdtemp(prefix="schedules-"))
    import dramatiq

    from pipeline import logs
    from pipeline.app import broker
    from pipeline.engine.scheduler import Scheduler
    from pipeline.inspector import Inspector
    from pipeline.schedule import SCHEDULES
    from pipeline.timetable import Timetable

    logs.configure("critical")  # an example prints what it shows, and nothing else
    table, stop = Timetable(broker), threading.Event()
    for tick in table.next("weather.nightly", 2, since=datetime(2026, 10, 24, tzinfo=UTC)):
        print(f"weather.nightly  {tick.at:%a %d %b %H:%M %z}")

    schedules = [schedule for name, schedule in SCHEDULES.items() if name.startswith("weather.")]
    scheduler = threading.Thread(target=Scheduler(broker, schedules).run, args=(stop,))
    worker = dramatiq.Worker(broker, worker_threads=2, worker_timeout=100)
    worker.start()
    scheduler.start()
    try:
        while len(history := table.show("weather.often")["history"]) < TICKS:
            time.sleep(0.1)
        inspector = Inspector(broker.store, broker.values)
        first = history[-1]["tick_ms"]
        for entry in reversed(history[-TICKS:]):
            inspector.wait(entry["run"])
            result = inspector.show(entry["run"])["result"]
            print(f"weather.often    after {(entry['tick_ms'] - first) // 1000} s: {result}")
    finally:
        stop.set()
        scheduler.join()
        worker.stop()


if __name__ == "__main__":
    main()

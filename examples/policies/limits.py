"""Letters that go out two at a time, and uploads that are limited for each user."""

import threading
import time
from datetime import timedelta

from here import worker
from pydantic import BaseModel

from pipeline import Limit, actor

MAIL = Limit("mail", concurrency=2)
UPLOADS = Limit("uploads", rate=5, per=timedelta(seconds=1), burst=1, by="user")

lock = threading.Lock()
open_now, most = 0, 0


@actor(name="letter.send", limits=[MAIL])
def send_letter(to: str) -> str:
    """Send a letter, and count how many are on their way."""
    global open_now, most  # noqa: PLW0603 - the threads of one process count together
    with lock:
        open_now += 1
        most = max(most, open_now)
    time.sleep(0.1)
    with lock:
        open_now -= 1
    return to


class Upload(BaseModel):
    user: str
    file: str


@actor(name="file.upload", limits=[UPLOADS])
def upload(one: Upload) -> tuple[str, float]:
    """Upload a file, and tell when that was."""
    return one.file, time.monotonic()


def main() -> None:
    with worker() as inspector:
        letters = send_letter.send_many(["Ada", "Bo", "Cy", "Di", "Ed", "Flo"])
        states = {inspector.wait(run.id) for run in letters}
        print(f"6 letters are {', '.join(states)}; on their way at the same time: {most}")

        runs = {user: upload.send_many([Upload(user=user, file=str(n)) for n in range(4)]) for user in ("ada", "bo")}
        for user, sent in runs.items():
            times = sorted(run.result(timedelta(seconds=20))[1] for run in sent)
            print(f"{user}: 4 uploads took more than half a second: {times[-1] - times[0] > 0.5}")  # noqa: PLR2004
        attempts = {inspector.show(run.id)["attempt"] for sent in runs.values() for run in sent}
        print(f"attempts spent on each: {', '.join(map(str, attempts))}")


if __name__ == "__main__":
    main()

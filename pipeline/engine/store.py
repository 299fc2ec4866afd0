"""The run record in Redis: one typed method for each Lua script.

Every method may be called again with the same arguments after a lost reply: nothing happens twice. A Redis that does
not answer raises ``Unavailable``; whether to call again is the caller's decision.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, cast

import orjson
import redis

from pipeline.engine import keys
from pipeline.engine.connection import aim
from pipeline.engine.listener import Listener
from pipeline.engine.records import CRASH_LIMIT, FEED_LIMIT, RETENTION, Commit, Lease, NewRun, Retention
from pipeline.engine.script import Lines, Script
from pipeline.errors import Unavailable

#: How many runs one call enqueues; more go in several calls, so that none holds up Redis for long.
ENQUEUE_BATCH = 100


class Store:
    """Every transition a run can make, each in one call."""

    def __init__(self, client: redis.Redis, namespace: str = "dramaturg") -> None:
        self.client = client
        self.namespace = namespace
        aim(client, namespace)
        lines = Lines(client)

        self._lines, self._prefix = lines, keys.prefix(namespace)
        self._scripts: dict[str, Script] = {}
        script = self.script
        self._enqueue = script("enqueue")
        self._claim = script("claim")
        self._renew = script("renew")
        self._save_checkpoint = script("save_checkpoint")
        self._report_progress = script("report_progress")
        self._commit = script("commit")
        self._cancel_run = script("cancel_run")
        self._retry_run = script("retry_run")
        self._discard_run = script("discard_run")
        self._sweep = script("sweep")
        self._watch_logs = script("watch_logs")
        self._expect_children = script("expect_children")
        self._reopen = script("reopen")

    def script(self, name: str) -> Script:
        """Give a Lua file as something to call with its arguments."""
        found = self._scripts.get(name)
        if found is None:
            found = self._scripts[name] = Script(self._lines, name, self._prefix)
        return found

    def enqueue(self, runs: Sequence[NewRun]) -> list[str]:
        """Accept runs; gives each one's id, or the id of the run that came first under its key."""
        ids: list[str] = []
        for at in range(0, len(runs), ENQUEUE_BATCH):
            ids += self._accept(runs[at : at + ENQUEUE_BATCH], flow="", name="", last="")
        return ids

    def start_flow(self, flow_id: str, name: str, runs: Sequence[NewRun], last: str) -> list[str]:
        """Accept all nodes of a flow, or none; ``last`` is the run whose end decides how the flow ended."""
        return self._accept(runs, flow=flow_id, name=name, last=last)

    def _accept(self, runs: Sequence[NewRun], *, flow: str, name: str, last: str) -> list[str]:
        args: list[str | bytes | float] = [flow, name, last, len(runs)]
        for run in runs:
            args += run.words()
        return [item.decode() for item in self._enqueue(*args)]

    def claim(
        self,
        worker: str,
        claim_id: str,
        queues: Mapping[str, int],
        actors: Mapping[str, int],
        *,
        want: int,
        lease_ms: int,
        again: bool = False,
        suspects: int | None = None,
    ) -> tuple[list[Lease], int | None]:
        """Take up to ``want`` runs, and say in how many ms something is due that waits now, if anything.

        ``queues`` says how many runs of each may be taken, ``actors`` the version of each that is known here.
        At most ``suspects`` of them are runs on their last start; any number if none is given.
        """
        most = want if suspects is None else suspects
        asked = time.monotonic()
        reply = self._claim(
            worker,
            claim_id,
            int(again),
            lease_ms,
            want,
            CRASH_LIMIT,
            most,
            len(queues),
            *(word for pair in queues.items() for word in pair),
            *(word for pair in actors.items() for word in pair),
        )
        held_until = asked + lease_ms / 1000
        leases = []
        for i in range(1, len(reply), 12):
            run_id, message, fence, attempt, starts, steps, cancel, snoozes, tier, memo, waited, age = reply[i : i + 12]
            leases.append(
                Lease(
                    run_id.decode(),
                    message,
                    fence,
                    attempt,
                    starts,
                    bool(steps),
                    bool(cancel),
                    snoozes,
                    tier,
                    held_until,
                    memo,
                    waited,
                    age,
                )
            )
        return leases, None if reply[0] < 0 else reply[0]

    def wait(self, names: Sequence[str], timeout: timedelta) -> str | None:
        """Block until a token lies at one of the wake-up lists, at most ``timeout``; takes it, and says at which."""
        try:
            woken = self.client.blpop(
                [keys.wake(self.namespace, name) for name in names], timeout=timeout.total_seconds()
            )
        except redis.RedisError as error:
            raise Unavailable(f"Redis: {error}") from error
        return None if woken is None else cast("bytes", woken[0]).decode().removeprefix(keys.wake(self.namespace, ""))

    def nudge(self, name: str) -> None:
        """Put a token at a wake-up list: a worker's own, or a queue's."""
        try:
            key = keys.wake(self.namespace, name)
            self.client.lpush(key, "1")
            self.client.pexpire(key, 60_000)
        except redis.RedisError as error:
            raise Unavailable(f"Redis: {error}") from error

    def renew(self, worker: str, held: Iterable[tuple[str, int]], *, lease_ms: int) -> dict[str, str]:
        """Extend a process's leases; gives the runs that are 'lost' or 'cancelled'."""
        args: list[str | int] = []
        for run_id, fence in held:
            args += (run_id, fence)
        reply = [item.decode() for item in self._renew(worker, lease_ms, *args)]
        return dict(zip(reply[::2], reply[1::2], strict=True))

    def holds(self, run_id: str, fence: int) -> bool:
        """Say whether a lease is still its worker's."""
        try:
            found = self.client.hmget(keys.run(self.namespace, run_id), "fence", "state")
        except redis.RedisError as error:
            raise Unavailable(f"Redis: {error}") from error
        return found == [str(fence).encode(), b"running"]

    def save_checkpoint(self, run_id: str, fence: int, step: str, value: bytes, *, replace: bool = False) -> int:
        """Remember a finished step: 1 saved, 2 saved and asked to stop, -1 refused because the lease is another's."""
        return cast("int", self._save_checkpoint(run_id, fence, step, value, int(replace)))

    def load_checkpoints(self, run_id: str) -> dict[str, bytes]:
        """Give the results of the steps finished so far."""
        found = self.read("hgetall", keys.steps(self.namespace, run_id))
        return {name.decode(): value for name, value in found.items()}

    def expect_children(self, run_id: str, fence: int, name: str, total: int) -> int:
        """Have a run wait for so many others that feed it: 1 expected, -1 refused because the lease is another's."""
        return cast("int", self._expect_children(run_id, fence, name, total))

    def report_progress(self, run_id: str, fence: int, progress: bytes) -> int:
        """Publish a report: 1 written, 2 written and asked to stop, -1 refused because the lease is another's."""
        return cast("int", self._report_progress(run_id, fence, progress))

    def commit(self, commits: Sequence[Commit]) -> list[int]:
        """End attempts: for each 1 committed, 2 so but as cancelled, 0 so before, -1 refused: another's lease."""
        args: list[str | bytes | float] = []
        for c in commits:
            args += (
                c.run_id,
                c.fence,
                c.state,
                c.delay_ms,
                c.result,
                c.reason,
                c.error,
                int(c.spends),
                c.notes,
                c.cost,
                c.health,
            )
        return cast("list[int]", self._commit(*args))

    def read(self, command: str, *args: Any, **kwargs: Any) -> Any:
        """Call a command of Redis that changes nothing."""
        try:
            return getattr(self.client, command)(*args, **kwargs)
        except redis.RedisError as error:
            raise Unavailable(f"Redis: {error}") from error

    def read_each(self, command: str, every: Iterable[tuple[Any, ...]]) -> list[Any]:
        """Call a command that changes nothing once for each of some arguments, all in one round trip."""
        try:
            pipe = self.client.pipeline(transaction=False)
            for args in every:
                getattr(pipe, command)(*args)
            return pipe.execute() if len(pipe) else []
        except redis.RedisError as error:
            raise Unavailable(f"Redis: {error}") from error

    def listen(self, records: Iterable[str]) -> Listener:
        """Give something that hears of new entries in the logs of records."""
        records = list(records)
        return Listener(self.client, [f"{record}:log" for record in records], lambda: self._watch_logs(*records))

    def results(self, run_ids: Sequence[str]) -> list[tuple[str, bytes | None, str, str]]:
        """Give state, packed result, reason and last error of each run; the state of an unknown run is empty."""
        try:
            pipe = self.client.pipeline(transaction=False)
            for run_id in run_ids:
                pipe.hmget(keys.run(self.namespace, run_id), "state", "result", "reason")
                pipe.lindex(keys.errors(self.namespace, run_id), -1)
            rows = pipe.execute()
        except redis.RedisError as error:
            raise Unavailable(f"Redis: {error}") from error
        return [
            (
                (state or b"").decode(),
                result,
                (reason or b"").decode(),
                orjson.loads(last)["message"] if last else "",
            )
            for (state, result, reason), last in zip(rows[::2], rows[1::2], strict=True)
        ]

    def cancel_run(self, run_id: str) -> str | None:
        """Stop a run: 'cancelled', 'asked' if it is running, its final state if it ended, none if unknown."""
        reply = self._cancel_run(run_id)
        return None if reply is None else reply.decode()

    def retry_run(self, run_id: str) -> int:
        """Queue a dead run again with fresh attempts: 1 queued, 0 not dead, -1 unknown."""
        return cast("int", self._retry_run(run_id))

    def reopen(self, flow_id: str, reason: str, messages: Mapping[str, bytes], *, keep_steps: bool) -> int:
        """Begin ended runs anew, each with its message unless that is empty, and in a flow all that was made from them.

        Gives how many begin, 0 if one of them has not ended, -1 if one of them, or the flow, is not there.
        """
        words = (word for pair in messages.items() for word in pair)
        return cast("int", self._reopen(flow_id, int(keep_steps), reason, *words))

    def discard_run(self, run_id: str) -> int:
        """Remove a finished run: 1 removed, 0 not finished, -1 unknown."""
        return cast("int", self._discard_run(run_id))

    def sweep(
        self, worker: str, *, lease_ms: int, retention: dict[str, Retention] = RETENTION, feed_limit: int = FEED_LIMIT
    ) -> tuple[int, ...]:
        """Reconcile a portion: gives leader, stalled, crash loops, promoted, removed, cut from the feed."""
        args: list[str | int] = []
        for state, kept in retention.items():
            args += (state, kept.count, int(kept.age.total_seconds() * 1000))
        return tuple(self._sweep(worker, lease_ms, CRASH_LIMIT, feed_limit, *args))

"""A copy of everything one installation keeps in Redis, as it was at one moment, while work goes on.

Keys are read one after another while others change them. Redis tells which ones changed after they were read
(``CLIENT TRACKING`` of our prefix); those are read again, round after round, until only a few are left. Then writing is
held up for some milliseconds (``CLIENT PAUSE ... WRITE``), the last few are read, and the copy is what Redis held in
that moment. What has been read waits in a file, so memory is bounded, and nothing is asked of Redis that a remote or a
rented one would refuse. Lists and sorted sets are read in portions; only hashes and sets are read whole.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import redis

from pipeline.engine import keys
from pipeline.engine.copied import LINE_ELEMENTS, Digest, Row, door_of, read_row, rows_of, text
from pipeline.engine.tracked import Tracked
from pipeline.errors import Permanent, ResourceExhausted, Transient

#: Keys read in one call.
BATCH = 200

#: So few changed keys are read while writing is held up; or as many as are left after so many rounds.
FEW, ROUNDS = 200, 8

#: For how long writing may be held up: the first time, and each time after that.
HOLDS_MS = (250, 500, 1_000, 2_000, 3_000)

#: What belongs to the moment and the workers, and would only mislead when it is put back.
PASSING = ("wake:", "workers", "sweep", "pressure", "schedulers", "serving", "served", "exporter", "tally")

_READERS: dict[bytes, Callable[[bytes], Sequence[str | bytes | float]]] = {
    b"string": lambda key: ("GET", key),
    b"hash": lambda key: ("HGETALL", key),
    b"set": lambda key: ("SMEMBERS", key),
}


class Snapshot:
    """A copy being made in ``folder``; ``rows`` gives it when ``take`` is done."""

    def __init__(self, client: redis.Redis, namespace: str, folder: Path) -> None:
        self._prefix = keys.prefix(namespace).encode()
        self._client = client
        self._dirty: dict[bytes, None] = {}
        self._draft = sqlite3.connect(folder / "redis.draft", isolation_level=None, check_same_thread=False)
        self.taken_ms = 0
        self.held_ms = 0

    def __enter__(self) -> Self:
        for said in (
            "PRAGMA journal_mode = OFF",
            "PRAGMA synchronous = OFF",
            "CREATE TABLE rows (door INT, key TEXT, number INT, line BLOB, PRIMARY KEY (key, number)) WITHOUT ROWID",
            "BEGIN",
        ):
            self._draft.execute(said)
        return self

    def __exit__(self, *_: object) -> None:
        self._draft.close()

    def take(self, proceed: Callable[[int], object] = int) -> None:
        """Make the copy; ``proceed`` is called with the number of keys read so far, and may stop it by raising.

        Raises ``Transient`` when Redis is too busy to be held still, ``ResourceExhausted`` when the disk is full.
        """
        try:
            with Tracked(self._client, self._prefix, self._note) as line:
                self._sweep(line, proceed)
                self._finish(line)
            self._draft.execute("COMMIT")
        except sqlite3.OperationalError as error:
            raise ResourceExhausted(f"The copy of Redis cannot be kept on disk: {error}.") from error

    def rows(self) -> Iterator[Row]:
        """Give the copy, what opens the way to runs last."""
        for (line,) in self._draft.execute("SELECT line FROM rows ORDER BY door, key, number"):
            yield read_row(line)

    def digest(self) -> Digest:
        """Give the number of keys in the copy, and the hash of all of them."""
        digest = Digest()
        for row in self.rows():
            digest.add(row)
        return digest

    def _note(self, key: bytes) -> None:
        if not self._passes(key):
            self._dirty[key] = None

    def _passes(self, key: bytes) -> bool:
        return text(key[len(self._prefix) :]).startswith(PASSING)

    def _sweep(self, line: Tracked, proceed: Callable[[int], object]) -> None:
        cursor, read = b"0", 0
        while True:
            cursor, found = line.ask("SCAN", cursor, "MATCH", self._prefix + b"*", "COUNT", BATCH * 2)
            # What changes meanwhile is read after all of them: some keys change all the time.
            found = [key for key in found if not self._passes(key)]
            self._read_all(line, found)
            read += len(found)
            proceed(read)
            if cursor == b"0":
                return

    def _finish(self, line: Tracked) -> None:
        for limit_ms in HOLDS_MS:
            for _ in range(ROUNDS):
                if len(self._dirty) <= FEW:
                    break
                self._read_dirty(line)
            with line.held_still(limit_ms) as still:
                began_ms = line.now_ms()
                self._read_dirty(line)
                self.taken_ms = line.now_ms()
                if still() and not self._dirty:
                    self.held_ms = self.taken_ms - began_ms
                    return
        raise Transient(f"Redis is too busy to be copied: it could not be held still for {HOLDS_MS[-1]} ms.")

    def _read_dirty(self, line: Tracked) -> None:
        """Read what has changed by now; what changes meanwhile is noted anew."""
        todo = list(self._dirty)
        self._dirty.clear()
        self._read_all(line, todo)

    def _read_all(self, line: Tracked, wanted: Sequence[bytes]) -> None:
        for at in range(0, len(wanted), BATCH):
            self._read(line, wanted[at : at + BATCH])

    def _read(self, line: Tracked, batch: Sequence[bytes]) -> None:
        asked = line.ask_all([question for key in batch for question in (("TYPE", key), ("PEXPIRETIME", key))])
        kinds = dict(zip(batch, asked[::2], strict=True))
        ends = dict(zip(batch, asked[1::2], strict=True))
        whole = [key for key in batch if kinds[key] in _READERS]
        values = dict(zip(whole, line.ask_all([_READERS[kinds[key]](key) for key in whole]), strict=True))
        for key in batch:
            kind, name = kinds[key], text(key[len(self._prefix) :])
            self._draft.execute("DELETE FROM rows WHERE key = ?", (name,))
            if kind == b"none":
                continue
            if kind in {b"list", b"zset"}:
                rows = self._portions(line, key, name, kind.decode(), ends[key])
            elif kind == b"stream":
                rows = self._stream(line, key, name, ends[key])
            elif kind in _READERS:
                rows = rows_of(name, kind.decode(), ends[key], _items(values[key]))
            else:
                raise Permanent(f"The key {name} is a {kind.decode()}: such a thing cannot be copied.")
            self._keep(rows)

    def _portions(self, line: Tracked, key: bytes, name: str, kind: str, expires_ms: int) -> Iterator[Row]:
        command = "LRANGE" if kind == "list" else "ZRANGE"
        more = () if kind == "list" else ("WITHSCORES",)
        at = 0
        while True:
            found = line.ask_all([(command, key, at, at + LINE_ELEMENTS - 1, *more)])[0]
            for row in rows_of(name, kind, expires_ms, _items(found)):
                yield row._replace(number=at // LINE_ELEMENTS)
            if isinstance(found, redis.RedisError) or len(found) < LINE_ELEMENTS:
                return
            at += LINE_ELEMENTS

    def _stream(self, line: Tracked, key: bytes, name: str, expires_ms: int) -> Iterator[Row]:
        (told,) = line.ask_all([("XINFO", "STREAM", key)])
        if isinstance(told, redis.RedisError):
            return  # it went away, or became something else: it has changed, and is read again
        items: list[Any] = [["", [text(told[b"last-generated-id"])]]]
        after, number = b"-", 0
        while True:
            (found,) = line.ask_all([("XRANGE", key, after, "+", "COUNT", LINE_ELEMENTS)])
            if not isinstance(found, list):
                return
            items += [[text(one), [text(word) for word in words]] for one, words in found]
            yield Row(door_of(name), name, number, "stream", expires_ms, items)
            if len(found) < LINE_ELEMENTS:
                return
            after, number, items = b"(" + found[-1][0], number + 1, []

    def _keep(self, rows: Iterator[Row]) -> None:
        self._draft.executemany(
            "INSERT OR REPLACE INTO rows VALUES (?, ?, ?, ?)",
            ((row.door, row.key, row.number, row.line()) for row in rows),
        )


def _items(value: Any) -> list[Any]:
    if value is None or isinstance(value, redis.RedisError):
        return []  # it became another kind of key since it was asked for: it has changed, and is read again
    if isinstance(value, bytes):
        return [text(value)]
    if isinstance(value, dict):
        return [[text(field), text(held)] for field, held in value.items()]
    return [[text(one[0]), repr(one[1])] if isinstance(one, list) else text(one) for one in value]

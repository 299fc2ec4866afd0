"""Manifest: what a backup consists of. It is written last, so what has a manifest is whole."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from actors.upkeep.backup.place import Missing, Place
from pipeline.errors import InvalidInput, Permanent

#: How far a part of a backup was tried out: put back and counted; read to its end; compared byte by byte, locked.
Proof = Literal["restored", "read", "checksums"]

#: Where manifests lie, and all else.
MANIFESTS, PARTS, BLOBS = "backups", "parts", "blobs"


class Piece(BaseModel):
    """One file of a part."""

    model_config = ConfigDict(frozen=True)

    name: str
    size: int
    sha256: str


class Part(BaseModel):
    """A stream that was compressed, perhaps locked, and cut into pieces; ``sha256`` is of the stream before that."""

    model_config = ConfigDict(frozen=True)

    #: sqlite, postgresql, mariadb, redis or blobs: what puts it back.
    kind: str
    pieces: tuple[Piece, ...]
    size: int
    sha256: str
    #: What was counted at the source: rows of each table, keys, blobs.
    counts: dict[str, int] = {}
    #: A hash over all keys of Redis, and the time of the copy.
    digest: str = ""
    taken_ms: int = 0

    @property
    def stored(self) -> int:
        """Bytes that it takes in its place."""
        return sum(piece.size for piece in self.pieces)


class Checked(BaseModel):
    """How a part was tried out, and why not further."""

    model_config = ConfigDict(frozen=True)

    proof: Proof
    note: str = ""


class Manifest(BaseModel):
    """A backup."""

    model_config = ConfigDict(frozen=True)

    format: Literal["dramaturg backup 1"] = "dramaturg backup 1"
    id: str
    at: datetime
    #: What locked it: recipients of age; empty if it is not locked.
    recipients: tuple[str, ...] = ()
    redis: Part | None = None
    database: Part | None = None
    #: The index of the blobs, in shards: one line a blob, with the pieces that hold it.
    blobs: tuple[Part, ...] = ()
    checked: dict[str, Checked] = {}

    @property
    def parts(self) -> dict[str, tuple[Part, ...]]:
        """What is in it, by name."""
        whole = {"redis": self.redis, "database": self.database}
        return {name: (part,) for name, part in whole.items() if part} | ({"blobs": self.blobs} if self.blobs else {})

    @property
    def proof(self) -> Proof:
        """How far all of it was tried out."""
        proofs = {checked.proof for checked in self.checked.values()}
        return next((proof for proof in ("checksums", "read") if proof in proofs), "restored")


def path_of(backup: str) -> str:
    """Give the name of a backup's manifest; raises ``InvalidInput`` for what is no backup's name."""
    if not backup.replace("-", "").isalnum():
        raise InvalidInput(f"{backup!r} is not the name of a backup; see: dramaturg backup ls.")
    return f"{MANIFESTS}/{backup}.json"


def write_manifest(place: Place, manifest: Manifest) -> None:
    """Publish a backup: from this moment it is there."""
    content = manifest.model_dump_json(indent=1).encode()
    place.put(path_of(manifest.id), b"%s\n%s\n" % (content, hashlib.sha256(content).hexdigest().encode()))


def read_manifest(place: Place, backup: str) -> Manifest:
    """Give a backup by its name; raises ``InvalidInput`` if there is none, ``Permanent`` for a damaged one."""
    try:
        content = place.get(path_of(backup))
    except Missing:
        raise InvalidInput(f"There is no backup {backup} in {place}; see: dramaturg backup ls.") from None
    body, _, told = content.rstrip(b"\n").rpartition(b"\n")
    if hashlib.sha256(body).hexdigest().encode() != told:
        raise Permanent(f"The backup {backup} in {place} is damaged: its manifest is not what was written.")
    try:
        return Manifest.model_validate_json(body)
    except ValidationError as error:
        raise InvalidInput(
            f"The backup {backup} is of another version of dramaturg: {error.errors()[0]['msg']}."
        ) from None


def backups(place: Place) -> Iterator[str]:
    """Give the names of all backups, oldest first."""
    names = (item.name.rpartition("/")[2] for item in place.list(MANIFESTS))
    yield from sorted(name.removesuffix(".json") for name in names if name.endswith(".json") and name[0] != ".")

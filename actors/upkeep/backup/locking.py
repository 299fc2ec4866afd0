"""Locks streams for the holders of age keys, and opens them again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from pipeline.errors import AuthFailed, InvalidInput


class Readable(Protocol):
    """Something that gives its bytes bit by bit."""

    def read(self, size: int = -1, /) -> bytes:
        """Give at most ``size`` bytes; none at the end."""


class Writable(Protocol):
    """Something that takes bytes bit by bit."""

    def write(self, data: bytes, /) -> Any:
        """Take bytes."""


def lock(source: Readable, into: Writable, recipients: Sequence[str]) -> None:
    """Write ``source`` to ``into`` so that only the recipients can read it; raises ``InvalidInput`` for a bad one."""
    import pyrage

    found = require_recipients(recipients)
    with _Carry(source, into).across() as carry:
        pyrage.encrypt_io(carry, carry, found)


def unlock(source: Readable, into: Writable, identity: Path | None) -> None:
    """Write what was locked to ``into`` as it was; raises ``AuthFailed`` without the right identity."""
    import pyrage

    found = _identities(identity)
    with _Carry(source, into).across() as carry:
        pyrage.decrypt_io(carry, carry, found)


class _Carry:
    """Stands between Python and the age library, which would turn our exceptions into its own."""

    def __init__(self, source: Readable, into: Writable) -> None:
        self._source, self._into = source, into
        self._raised: BaseException | None = None

    def read(self, size: int = -1) -> bytes:
        with self._noted():
            return self._source.read(size)

    def write(self, data: bytes) -> int:
        with self._noted():
            self._into.write(data)
        return len(data)

    def flush(self) -> None:
        """Nothing waits here."""

    @contextmanager
    def across(self) -> Iterator[_Carry]:
        import pyrage

        try:
            yield self
        except BaseException as error:
            if self._raised is not None:
                raise self._raised from None
            if isinstance(error, pyrage.DecryptError):
                raise AuthFailed(f"The backup cannot be opened with this identity: {error}.") from error
            raise

    @contextmanager
    def _noted(self) -> Iterator[None]:
        try:
            yield
        except BaseException as error:
            self._raised = error
            raise


def require_recipients(recipients: Sequence[str]) -> list[Any]:
    """Give recipients as age knows them; raises ``InvalidInput`` for what is none."""
    import pyrage

    found: list[Any] = []
    for one in recipients:
        kind = pyrage.ssh.Recipient if one.startswith("ssh-") else pyrage.x25519.Recipient
        try:
            found.append(kind.from_str(one))
        except pyrage.RecipientError as error:
            raise InvalidInput(
                f"DRAMATURG_BACKUP_RECIPIENTS: {one[:12]}... is no recipient of age: {error}."
            ) from error
    return found


def _identities(file: Path | None) -> list[Any]:
    import pyrage

    if file is None:
        raise AuthFailed("The backup is encrypted: set DRAMATURG_BACKUP_IDENTITY to the file with the age identity.")
    try:
        content = file.expanduser().read_bytes()
    except OSError as error:
        raise AuthFailed(f"The age identity in {file} cannot be read: {error.strerror}.") from error
    try:
        if content.startswith(b"-----BEGIN"):
            return [pyrage.ssh.Identity.from_buffer(content)]
        lines = (line.strip() for line in content.decode().splitlines())
        found: list[Any] = [pyrage.x25519.Identity.from_str(line) for line in lines if line.startswith("AGE-SECRET-")]
    except (pyrage.IdentityError, UnicodeDecodeError):
        found = []
    if not found:
        raise AuthFailed(f"{file} holds no age identity.")
    return found

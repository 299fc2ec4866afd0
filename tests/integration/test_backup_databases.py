"""Backups of real PostgreSQL and MariaDB servers, and backups in a real object store's protocol."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
import sqlalchemy as sa

from actors.upkeep.backup.manifest import read_manifest
from actors.upkeep.backup.trying import try_database
from pipeline import sections
from pipeline.errors import AuthFailed, InvalidInput, Permanent, Transient
from tests.support.backups import Kept
from tests.support.databases import PASSWORD, USER, DatabaseServer

#: Words and values that a dump has to carry across.
BODY = 'It\'s a "quote", a \\ and a\nline; INSERT INTO `notes` VALUES (1); ümläut 漢字 🎈'


@pytest.fixture
def kept(redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kept]:
    """An installation whose database a test chooses."""
    yield Kept(tmp_path, redis_url, monkeypatch)
    sections.forget()


@pytest.fixture(params=["postgresql", "mariadb"])
def server(request: pytest.FixtureRequest, kept: Kept) -> DatabaseServer:
    """A real server, with the client programs of its own version."""
    found = request.getfixturevalue("postgres_server" if request.param == "postgresql" else "mariadb_server")
    assert isinstance(found, DatabaseServer)
    if request.param == "postgresql":
        kept.set(programs=str(found._programs))
    return found


def fill(server: DatabaseServer, url: str, rows: int) -> None:
    name = url.rpartition("/")[2]
    blob, rest = ("BYTEA", "") if url.startswith("postgresql") else ("BLOB", " CHARACTER SET utf8mb4")
    engine = sa.create_engine(server._all_rights(name), poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT, raw {blob}){rest}")
        connection.exec_driver_sql("CREATE TABLE nothing (id INTEGER PRIMARY KEY)")
        for table in ("notes", "nothing"):
            if url.startswith("postgresql"):
                connection.exec_driver_sql(f"ALTER TABLE {table} OWNER TO {USER}")
        connection.execute(
            sa.text("INSERT INTO notes VALUES (:id, :body, :raw)"),
            [{"id": n, "body": f"{BODY} {n}", "raw": bytes(range(256))} for n in range(rows)],
        )


def held(server: DatabaseServer, url: str) -> list[Any]:
    engine = sa.create_engine(server._all_rights(url.rpartition("/")[2]), poolclass=sa.NullPool)
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.text("SELECT id, body, raw FROM notes ORDER BY id"))]


def grant_scratch(server: DatabaseServer, url: str) -> None:
    if url.startswith("postgresql"):
        server.execute(f"ALTER ROLE {USER} CREATEDB")
    else:
        server.execute(f"GRANT ALL ON `dramaturg\\_check\\_%%`.* TO '{USER}'@'%%'")


def deny_scratch(server: DatabaseServer, url: str) -> None:
    if url.startswith("postgresql"):
        server.execute(f"ALTER ROLE {USER} NOCREATEDB")
    else:
        server.execute(f"REVOKE ALL ON `dramaturg\\_check\\_%%`.* FROM '{USER}'@'%%'")


def test_a_database_is_restored_beside_itself_counted_and_put_back(server: DatabaseServer, kept: Kept) -> None:
    """Text of every kind and bytes; a table that is empty; what was written after the backup is gone again."""
    kept.database = server.fresh()
    fill(server, kept.database, 300)
    grant_scratch(server, kept.database)
    try:
        report = kept.backup("database")
        assert (report.proof, report.rows, report.tables, report.notes) == ("restored", 300, 2, ())
        with kept.work() as work:
            manifest = read_manifest(work.place, report.id)
            part = manifest.database
            assert part is not None
            wrong = part.model_copy(update={"counts": {table: rows + 1 for table, rows in part.counts.items()}})
            with pytest.raises(Permanent, match="rows in place of"):
                try_database(work, manifest, wrong)
    finally:
        deny_scratch(server, kept.database)
    before = held(server, kept.database)
    assert before[0][1] == f"{BODY} 0"
    name = kept.database.rpartition("/")[2]
    server.execute("DELETE FROM notes WHERE id > 5", database=name)
    with pytest.raises(InvalidInput, match="--force database"):
        kept.restore(report.id, what=["database"])
    kept.restore(report.id, what=["database"], force=["database"])
    assert held(server, kept.database) == before
    empty = server.fresh()
    kept.restore(report.id, what=["database"], database=empty)
    assert held(server, empty) == before


def test_where_no_database_may_be_made_the_copy_is_read_to_its_end_and_that_is_told(
    server: DatabaseServer, kept: Kept
) -> None:
    """It is no restored backup, and does not say that it is one."""
    kept.database = server.fresh()
    fill(server, kept.database, 20)
    report = kept.backup("database")
    assert (report.proof, report.rows) == ("read", 20)
    assert "No database could be made" in report.notes[0]


def test_a_password_reaches_the_programs_in_no_word_of_theirs_and_in_no_log(
    server: DatabaseServer, kept: Kept, capfd: pytest.CaptureFixture[str]
) -> None:
    """Every command line of this machine is looked at while the dump runs; the files with the password are gone."""
    kept.database = server.fresh()
    fill(server, kept.database, 3000)
    seen: list[bytes] = []
    done = threading.Event()

    def watch() -> None:
        while not done.is_set():
            for file in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    seen.append(file.read_bytes())
                except OSError:
                    continue

    hooked: list[str] = []
    sys.addaudithook(lambda event, words: hooked.append(str(words)) if event == "subprocess.Popen" else None)
    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        kept.backup("database")
    finally:
        done.set()
        watcher.join()
    assert any("dump" in words for words in hooked)
    assert not [words for words in (*seen, *map(str.encode, hooked)) if PASSWORD.encode() in words]
    wrong = kept.database.replace(PASSWORD, "wrong-canary")
    kept.database = wrong
    with pytest.raises(AuthFailed) as told:
        kept.backup("database")
    assert "wrong-canary" not in str(told.value)
    assert PASSWORD not in "".join(capfd.readouterr())
    manifests = (kept.folder / "backups" / "backups").glob("*.json")
    assert not [file for file in manifests if PASSWORD in file.read_text()]


def test_a_server_that_is_away_is_a_transient_failure(kept: Kept) -> None:
    """Nothing listens there; the backup is tried again later."""
    kept.database = f"postgresql://{USER}:{PASSWORD}@127.0.0.1:1/nothing"
    with pytest.raises(Transient, match="PostgreSQL"):
        kept.backup("database")
    kept.database = f"mariadb://{USER}:{PASSWORD}@127.0.0.1:1/nothing"
    with pytest.raises(Transient, match=r"ended with|MariaDB"):
        kept.backup("database")
    assert kept.names() == []


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    """An S3 server in this process, on loopback, with a bucket in it."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    import httpx2

    httpx2.put(
        f"{endpoint}/keep", headers={"Authorization": "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/s3/aws4"}
    )
    yield endpoint
    server.stop()


def test_a_bucket_holds_backups_as_a_folder_does(kept: Kept, redis_client: redis.Redis, bucket: str) -> None:
    """Made, listed, tried out, put back and removed over HTTP; keys that are refused, and no bucket, are told."""
    kept.set(
        to="s3://keep/some/prefix", endpoint=bucket, access_key="a", secret_key="b", daily="1", weekly="0", monthly="0"
    )
    redis_client.set("{kept}:note", "in a bucket")
    kept.fill_database(40)
    for number in range(3):
        kept.blobs.put(os.urandom(70_000) + bytes([number]))
    first = kept.backup()
    assert (first.proof, first.place, first.new_blobs) == ("restored", "s3://keep/some/prefix", 3)
    second = kept.backup()
    assert (second.removed, second.new_blobs, kept.names()) == ((first.id,), 0, [second.id])
    with kept.work() as work:
        left = [item.name for item in work.place.list("")]
        assert not [name for name in left if first.id in name]
        assert len([name for name in left if name.startswith("blobs/")]) == 6, "two pieces each"
    redis_client.flushall()
    kept.restore(second.id, force=["database"])
    assert redis_client.get("{kept}:note") == b"in a bucket"
    kept.set(to="s3://nobody-made-this")
    with pytest.raises(InvalidInput, match="no such bucket"):
        kept.backup()
    kept.set(to="s3://keep/x", endpoint="http://127.0.0.1:1")
    with pytest.raises(Transient):
        kept.backup()


def test_the_programs_say_what_to_install(kept: Kept, tmp_path: Path) -> None:
    """Where pg_dump is missing the message names it."""
    (tmp_path / "none").mkdir()
    kept.set(programs=str(tmp_path / "none"))
    kept.database = f"mariadb://{USER}@127.0.0.1:1/x"
    with pytest.raises(InvalidInput, match="mariadb-dump"):
        kept.backup("database")

"""``dramaturg database``, and what the doctor says of a database (F29)."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa
from pydantic import TypeAdapter

from pipeline.artifacts import ArtifactStore
from pipeline.cli.database import _declare_tables
from pipeline.database import Database, address, check, newest_revision
from pipeline.database.check import check_database
from pipeline.settings import SecretUrl, Settings
from pipeline.tables import metadata
from tests.support.command_line import CommandHere
from tests.support.databases import PASSWORD, DatabaseServer, MariaDbServer, PostgresServer


@pytest.fixture(params=["postgres_server", "mariadb_server"])
def server(request: pytest.FixtureRequest) -> DatabaseServer:
    """Each of the servers."""
    found: DatabaseServer = request.getfixturevalue(request.param)
    return found


def _settings(url: str, home: Path, **more: object) -> Settings:
    return Settings(home=home, database_url=TypeAdapter(SecretUrl).validate_python(url), **more)


def _told(url: str, home: Path, **more: object) -> list[str]:
    return [f"{found.level} {found}" for found in check_database(_settings(url, home, **more))]


def test_a_deployment_migrates_before_its_workers_start(database_url: str, home: Path) -> None:
    """Not migrated is exit code 1, migrating is done once, and then all is well."""
    command = CommandHere({"DATABASE_URL": database_url, "DRAMATURG_HOME": str(home)})
    before = command("database", "--json", code=1).json
    assert (before["migrated"], before["revision"], before["newest"]) == (False, None, newest_revision())
    assert "dramaturg database migrate" in command("database", code=1).stdout
    answers = [command("database", "migrate", "--json").json for _ in range(2)]
    assert [answer["outcome"] for answer in answers] == ["migrated", "was migrated"]
    assert (answers[0]["from"], answers[0]["to"]) == (None, newest_revision())
    after = command("database", "--json").json
    assert (after["migrated"], after["kind"]) == (True, database_url.partition(":")[0])
    assert after["version"]
    assert "has the newest shape" in command("database", "migrate").stdout
    assert PASSWORD not in str([before, answers, after])


def test_a_database_out_of_reach_is_exit_code_5(home: Path) -> None:
    """The message says which database, in no way how to get in, and nothing of Redis."""
    for kind in ("postgresql", "mariadb"):
        command = CommandHere({"DATABASE_URL": f"{kind}://me:hunter22@127.0.0.1:1/x", "DRAMATURG_HOME": str(home)})
        for arguments in ([], ["migrate"]):
            told = command("database", *arguments, code=5).stderr
            assert "127.0.0.1" in told
            assert "hunter22" not in told
            assert "Redis" not in told


def test_a_database_of_a_newer_version_is_left_alone(database_url: str, home: Path) -> None:
    """The command fails, and the doctor says what to install."""
    database = Database(database_url)
    database.migrate()
    with database.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    database.close()
    command = CommandHere({"DATABASE_URL": database_url, "DRAMATURG_HOME": str(home)})
    assert "newer version" in command("database", code=1).stdout
    assert "newer version" in command("database", "migrate", code=1).stderr
    (told,) = _told(database_url, home)
    assert told.startswith("error")
    assert told.endswith("Install that version.")


def test_the_doctor_says_whether_a_database_is_ready(database_url: str, home: Path) -> None:
    """Empty, and then migrated; the password is not shown."""
    Database(database_url).revision()  # which makes the file
    (told,) = _told(database_url, home)
    assert told.startswith("warning")
    assert "dramaturg database migrate" in told
    Database(database_url).migrate()
    (told,) = _told(database_url, home)
    assert told.startswith("ok")
    assert "answers in" in told
    assert PASSWORD not in told


def test_the_doctor_names_what_is_wrong_with_a_server(
    postgres_server: PostgresServer, mariadb_server: MariaDbServer, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Too few connections, too small a packet, far away, too old, no way in, no driver: each with its mend."""
    urls = postgres_server.fresh(), mariadb_server.fresh()
    for url in urls:
        Database(url).migrate()
        assert any("max_connections" in told for told in _told(url, home, processes=64))
    mariadb_server.execute("SET GLOBAL max_allowed_packet = 1048576")
    assert any("more than 1,024 KiB" in told for told in _told(urls[1], home))
    mariadb_server.execute("SET GLOBAL max_allowed_packet = 16777216")
    with monkeypatch.context() as patch:
        patch.setattr(check, "FAR", check.FAR * 0)
        assert any("run near it" in told for told in _told(urls[0], home))
    with monkeypatch.context() as patch:
        patch.setattr(check, "OLDEST", {"postgresql": (99,), "mariadb": (99, 1)})
        for url, oldest in zip(urls, ("99", "99.1"), strict=True):
            (told,) = _told(url, home)
            assert told.startswith("error")
            assert f"Use {oldest} or later." in told
    for url in urls:
        (told,) = _told(url.replace(PASSWORD, "hunter22"), home)
        assert told.startswith("error")
        assert "hunter22" not in told
    monkeypatch.setattr(address, "find_spec", lambda _: None)
    for url, kind in zip(urls, ("postgresql", "mariadb"), strict=True):
        (told,) = _told(url, home)
        assert told.endswith(f"Install it: pip install 'dramaturg[{kind}]'.")


def test_a_user_without_the_right_is_told_so(home: Path, server: DatabaseServer) -> None:
    """Migrating needs the right to create tables; without it the error says so, and what was refused."""
    url = server.fresh()
    database, user = url.rpartition("/")[2], url.split("/")[2].split(":")[0]
    if isinstance(server, PostgresServer):
        server.execute(f"ALTER DATABASE {database} OWNER TO postgres")
    else:
        server.execute(
            f"REVOKE ALL ON {database}.* FROM '{user}'@'%%'", f"GRANT SELECT ON {database}.* TO '{user}'@'%%'"
        )
    command = CommandHere({"DATABASE_URL": url, "DRAMATURG_HOME": str(home)})
    assert "May its user create and change tables?" in command("database", "migrate", code=1).stderr


def test_what_a_file_holds_moves_to_a_server(home: Path, server: DatabaseServer) -> None:
    """Every row of every table is there as it was, nothing stays nothing, and a second time is refused."""
    file = home / "dramaturg.db"
    store = ArtifactStore(f"sqlite:///{file}")
    store.migrate()
    store.save_document("a" * 64, name="Über.pdf", format="pdf", pages=3)
    bodies = [{"text": "Größe \u0000 \U0001f600" * 1000}, None, 7, [], *({"number": n} for n in range(300))]
    saved = [
        store.save(run_id=f"r{n}", kind="graph", body=body, document_id="a" * 64, price=Decimal("0.000000123"))
        for n, body in enumerate(bodies)
    ]
    _declare_tables()
    members = metadata.tables["audience_members"]
    member = {
        column.name: {} if isinstance(column.type, sa.JSON) else "x"
        for column in members.columns
        if not column.nullable
    }
    with store._database.begin() as connection:
        connection.execute(sa.insert(members).values(member))
    store.close()
    url = server.fresh()
    command = CommandHere({"DATABASE_URL": url, "DRAMATURG_HOME": str(home)})
    rows = command("database", "copy", str(file), "--json").json["rows"]
    assert (rows["documents"], rows["artifacts"]) == (1, len(saved))
    there = ArtifactStore(url)
    assert {found.id: found for found in there.list(limit=1000)} == {one.id: one for one in saved}
    assert there.document("a" * 64) is not None
    with there._database.begin() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM audience_members WHERE sent IS NULL")) == 1
    there.close()
    assert "holds something already" in command("database", "copy", str(file), code=2).stderr


def test_a_file_is_not_copied_onto_itself_or_from_another_shape(home: Path) -> None:
    """Both are told as wrong usage."""
    file = home / "dramaturg.db"
    Database(f"sqlite:///{file}").revision()
    command = CommandHere({"DRAMATURG_HOME": str(home)})
    assert "is the database of the settings" in command("database", "copy", str(file), code=2).stderr
    command = CommandHere({"DRAMATURG_HOME": str(home / "other")})
    assert "migrate it first" in command("database", "copy", str(file), code=2).stderr


def test_no_table_counts_its_rows_itself(home: Path) -> None:
    """A number that a database gives out would have to be moved, too."""
    _declare_tables()
    assert [table.name for table in metadata.sorted_tables if table.autoincrement_column is not None] == []

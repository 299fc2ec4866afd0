"""Every kind of database means the same, has limits of time, and is a transient failure when it is away (F29)."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
import sqlalchemy as sa

from pipeline import Unavailable
from pipeline.classification import classify
from pipeline.database import Conflict, Database, NoDatabase, NoDriver, upsert
from pipeline.database import address as addresses
from pipeline.database import engine as engines
from pipeline.errors import InvalidInput
from pipeline.tables import LongText, Price, Real, UtcTime
from tests.support.databases import PASSWORD, DatabaseServer, MariaDbServer, PostgresServer

things = sa.Table(
    "things",
    sa.MetaData(),
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("name", sa.String(64), unique=True),
    sa.Column("count", sa.Integer),
    sa.Column("at", UtcTime),
    sa.Column("price", Price),
    sa.Column("share", Real),
    sa.Column("text", LongText),
    sa.Column("body", sa.JSON),
    mariadb_engine="InnoDB",
    mariadb_default_charset="utf8mb4",
    mariadb_collate="utf8mb4_nopad_bin",
)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A database of each kind with one table."""
    made = Database(database_url)
    with made.begin() as connection:
        things.create(connection)
    yield made
    made.close()


@pytest.fixture(params=["postgres_server", "mariadb_server"])
def server(request: pytest.FixtureRequest) -> DatabaseServer:
    """Each of the servers."""
    found: DatabaseServer = request.getfixturevalue(request.param)
    return found


def _all(database: Database) -> list[tuple[object, ...]]:
    with database.begin() as connection:
        return [tuple(row) for row in connection.execute(sa.select(things.c.id, things.c.name, things.c.count))]


def _put(database: Database, key: str, **row: object) -> sa.Row[tuple[object, ...]]:
    with database.begin() as connection:
        return upsert(connection, things, ("id",), row, {"id": key})


def test_values_come_back_as_they_were_written(database: Database) -> None:
    """Moments of any zone to the microsecond, exact amounts, double fractions, long text, JSON of every shape."""
    at = datetime(2026, 3, 29, 2, 30, 0, 123457, tzinfo=timezone(timedelta(hours=5, minutes=45)))
    text = "Größe \U0001f600 " * 20_000
    for body in ({"a": [1, None, "\u0000 \\ ' \" %"]}, [], 7, "x", 2**53, 0.1, True):
        row = {"at": at, "price": Decimal("123456789.000000001"), "share": 0.1 + 0.2, "text": text, "body": body}
        found = _put(database, "a", **row)
        assert {name: getattr(found, name) for name in row} == row
        assert found.at.utcoffset() == timedelta(0)
    with database.begin() as connection:
        assert connection.scalar(sa.select(things.c.id).where(things.c.at == at.astimezone(UTC))) == "a"
        assert connection.scalar(sa.select(things.c.id).where(things.c.at < at)) is None


def test_text_is_compared_by_every_letter(database: Database) -> None:
    """Ids that differ by case, an accent, a space at the end or a picture are different ones."""
    names = ["id", "ID", "íd", "id ", " id", "i\u0307d", "id\U0001f600", "id\U0001f601", "straße", "strasse"]
    for number, name in enumerate(names):
        _put(database, name, count=number)
    assert sorted(key for key, _, _ in _all(database)) == sorted(names)
    with database.begin() as connection:
        for number, name in enumerate(names):
            assert connection.scalars(sa.select(things.c.count).where(things.c.id == name)).all() == [number]


def test_upsert_writes_what_is_new_and_keeps_what_is_first(database: Database) -> None:
    """It gives the row as it is then, in the transaction that it is part of."""
    with database.begin() as connection:
        new = upsert(connection, things, ("id",), {"count": 1}, {"id": "a", "name": "first"})
        again = upsert(connection, things, ("id",), {"count": 2}, {"id": "a", "name": "second"})
        same = upsert(connection, things, ("id",), {}, {"id": "a", "name": "third"})
    assert [(row.name, row.count) for row in (new, again, same)] == [("first", 1), ("first", 2), ("first", 2)]

    def half() -> None:
        with database.begin() as connection:
            upsert(connection, things, ("id",), {"count": 3}, {"id": "a"})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half()
    assert _all(database) == [("a", "first", 2)]


def test_upsert_changes_no_row_but_its_own(database: Database) -> None:
    """Where a constraint other than the key's is in the way, it is an error and not another row's update."""
    _put(database, "a", name="one", count=1)
    _put(database, "b", name="two", count=2)
    for key in ("b", "c"):
        with pytest.raises(sa.exc.IntegrityError):
            _put(database, key, name="one", count=9)
    assert sorted(_all(database)) == [("a", "one", 1), ("b", "two", 2)]


def test_a_value_that_does_not_fit_is_refused(server: DatabaseServer) -> None:
    """It is a mistake, which no other try mends, and never cut to fit."""
    database = Database(server.fresh())
    with database.begin() as connection:
        things.create(connection)
    for row in ({"name": "x" * 65}, {"count": 2**31}):
        with pytest.raises(sa.exc.DataError) as failure:
            _put(database, "a", **row)
        assert classify(failure.value).kind == "permanent"
    assert _all(database) == []
    with pytest.raises(sa.exc.DBAPIError) as failure, database.begin() as connection:
        connection.execute(sa.text("SELECT nothing FROM things"))
    assert not isinstance(failure.value, Unavailable)
    database.close()


def test_a_session_has_limits_of_time(server: DatabaseServer) -> None:
    """A statement, a wait for a lock and an idle transaction end; moments are in UTC; others' commits are seen."""
    database = Database(server.fresh())
    asked = {
        "postgresql": (
            "SELECT current_setting('statement_timeout'), current_setting('lock_timeout'), current_setting('TimeZone'),"
            " current_setting('idle_in_transaction_session_timeout'), current_setting('transaction_isolation')"
        ),
        "mariadb": (
            "SELECT @@max_statement_time, @@innodb_lock_wait_timeout, @@time_zone, @@idle_transaction_timeout,"
            " @@tx_isolation"
        ),
    }
    with database.begin() as connection:
        found = [str(value) for value in connection.execute(sa.text(asked[connection.dialect.name])).one()]
    assert found in (
        ["1min", "15s", "UTC", "1min", "read committed"],
        ["60.0", "15", "+00:00", "60", "READ-COMMITTED"],
    )
    database.close()


def test_a_statement_that_takes_too_long_is_ended(server: DatabaseServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The database counts as one that cannot work now, and its next statement is answered."""
    monkeypatch.setattr(engines, "STATEMENT", timedelta(seconds=1))
    database = Database(server.fresh())
    sleep = {"postgresql": "SELECT pg_sleep(20)", "mariadb": "SELECT sleep(20), count(*) FROM seq_1_to_9"}
    began = datetime.now(UTC)
    with pytest.raises(NoDatabase), database.begin() as connection:
        connection.execute(sa.text(sleep[connection.dialect.name]))
    assert datetime.now(UTC) - began < timedelta(seconds=10)
    with database.begin() as connection:
        assert connection.scalar(sa.text("SELECT 1")) == 1
    database.close()


def test_a_row_that_is_held_is_not_waited_for_without_end(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits gives up, as one that is to try later; whoever holds it goes on."""
    monkeypatch.setattr(engines, "LOCK", timedelta(seconds=1))
    database = Database(database_url)
    with database.begin() as connection:
        things.create(connection)
    _put(database, "a", count=1)
    with database.begin() as connection:
        upsert(connection, things, ("id",), {"count": 2}, {"id": "a"})
        with pytest.raises(NoDatabase) as failure:
            _put(database, "a", count=3)
    assert classify(failure.value).kind == "snoozed"
    assert _all(database) == [("a", None, 2)]
    database.close()


def test_one_of_two_in_each_others_way_is_told_to_try_again(server: DatabaseServer) -> None:
    """A deadlock ends one transaction whole, and the other is kept."""
    database = Database(server.fresh())
    with database.begin() as connection:
        things.create(connection)
    for key in ("a", "b"):
        _put(database, key, count=0)
    both, ended = threading.Barrier(2), []

    def change(order: str) -> None:
        try:
            with database.begin() as connection:
                for position, key in enumerate(order):
                    upsert(connection, things, ("id",), {"name": f"{order} {key}"}, {"id": key})
                    if position == 0:
                        both.wait(timeout=20)
        except Conflict as error:
            ended.append((order, str(error)))

    threads = [threading.Thread(target=change, args=(order,)) for order in ("ab", "ba")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    ((loser, told),) = ended
    assert "eadlock" in told
    winner = "ab" if loser == "ba" else "ba"
    assert {name for _, name, _ in _all(database)} == {f"{winner} a", f"{winner} b"}
    database.close()


def test_connections_are_shared_and_no_more_than_said(server: DatabaseServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that is too many waits for a while and is told."""
    monkeypatch.setattr(engines, "POOL", timedelta(seconds=0.2))
    database = Database(server.fresh(), connections=2)
    told = pytest.raises(NoDatabase, match="All of this process's connections")
    with database.begin(), database.begin(), told, database.begin():
        pass
    for _ in range(5):
        with database.begin(), database.begin() as connection:
            assert connection.scalar(sa.text("SELECT 1")) == 1
    database.close()


def test_a_server_that_was_away_is_used_again(server: DatabaseServer) -> None:
    """Connections of before are made anew without an error; a transaction that is cut off is not kept."""
    database = Database(server.fresh())
    with database.begin() as connection:
        things.create(connection)
    _put(database, "a", count=1)
    server.restart()
    assert _all(database) == [("a", None, 1)]

    def cut_off() -> None:
        with database.begin() as connection:
            upsert(connection, things, ("id",), {"count": 2}, {"id": "a"})
            server.kill()

    with pytest.raises(NoDatabase):
        cut_off()
    with pytest.raises(NoDatabase) as failure:
        _put(database, "a", count=3)
    assert (classify(failure.value).kind, classify(failure.value).why) == ("snoozed", "unavailable")
    server.start()
    assert _all(database) == [("a", None, 1)]
    database.close()


def _who(database: Database) -> int:
    """Give what a connection is known by: at its server, or else here."""
    asked = {"postgresql": "SELECT pg_backend_pid()", "mariadb": "SELECT connection_id()"}
    with database.begin() as connection:
        if connection.dialect.name in asked:
            return int(connection.scalar(sa.text(asked[connection.dialect.name])))
        return id(connection.connection.driver_connection)


def test_a_forked_process_opens_connections_of_its_own(database: Database) -> None:
    """A child writes with the database of its parent, ends, and the parent goes on with its own connection."""
    _put(database, "parent", count=1)
    ours = _who(database)
    child = os.fork()
    if child == 0:
        shared = _who(database) == ours
        _put(database, "child", count=1)
        database.close()
        os._exit(1 if shared else 0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert _who(database) == ours
    assert {key for key, _, _ in _all(database)} == {"parent", "child"}


def test_no_error_shows_the_password(server: DatabaseServer) -> None:
    """A wrong password, a server that is not there, a database that is not there, and addresses that are none."""
    url = server.fresh()
    there = url.rpartition("/")[0]
    wrong = f"{PASSWORD}-not"
    for address in (
        url.replace(PASSWORD, wrong),
        f"{there}/elsewhere",
        url.replace(f":{server.port}/", ":1/"),
        url.replace("127.0.0.1", "nowhere.invalid"),
        url.replace(PASSWORD, f"{PASSWORD}/slash"),
        url.replace(PASSWORD, f"{PASSWORD}:colon@at"),
        url.replace("://", "+odd://"),
    ):
        with pytest.raises((NoDatabase, InvalidInput)) as failure:
            Database(address).migrate()
        said: BaseException | None = failure.value
        while said is not None:
            assert PASSWORD not in str(said), address.replace(PASSWORD, "***")
            said = said.__cause__


@pytest.mark.parametrize(
    ("address", "drawn"),
    [
        ("postgres://u:p@h/d", "postgresql+psycopg://u:p@h/d"),
        ("postgresql://u@h:5433/d?sslmode=require", "postgresql+psycopg://u@h:5433/d?sslmode=require"),
        ("mysql://u:p@h/d", "mariadb+pymysql://u:p@h/d"),
        ("mariadb+pymysql://u:%40%2F@h/d", "mariadb+pymysql://u:%40%2F@h/d"),
        ("sqlite:////tmp/x.db", "sqlite+pysqlite:////tmp/x.db"),
    ],
)
def test_addresses_are_read_as_people_write_them(address: str, drawn: str) -> None:
    """The driver is ours, whatever name of the database stands there."""
    assert addresses.read_address(address).render_as_string(hide_password=False) == drawn


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("oracle://u@h/d", "must begin with sqlite:///"),
        ("postgresql+asyncpg://u@h/d", "must begin with sqlite:///"),
        ("mariadb://u:p@h", "names no database"),
        ("mariadb://u:p@h/", "names no database"),
        ("postgresql://u:p/x@h/d", "port that is no number"),
    ],
)
def test_addresses_that_are_none_say_why(address: str, told: str) -> None:
    """They are refused with the settings, before anything is begun."""
    with pytest.raises(ValueError, match=told):
        addresses.kind_of(address)


def test_a_driver_that_is_missing_is_told_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is as a database that is away: whatever waits for it waits."""
    monkeypatch.setattr(addresses, "find_spec", lambda _: None)
    for kind in ("postgresql", "mariadb"):
        with pytest.raises(NoDriver, match=rf"pip install 'dramaturg\[{kind}\]'"):
            Database(f"{kind}://u:p@h/d").migrate()


def test_what_an_address_says_goes_before_what_we_say(postgres_server: PostgresServer) -> None:
    """Somebody who needs longer statements says so there."""
    database = Database(f"{postgres_server.fresh()}?options=-c%20statement_timeout%3D5min&application_name=mine")
    with database.begin() as connection:
        asked = "SELECT current_setting('statement_timeout'), current_setting('application_name')"
        assert tuple(connection.execute(sa.text(asked)).one()) == ("5min", "mine")
    database.close()


def test_a_database_without_letters_of_its_own_gets_ours(mariadb_server: MariaDbServer) -> None:
    """A MariaDB database that was made for another alphabet keeps and tells apart what any other does."""
    url = mariadb_server.fresh()
    name = url.rpartition("/")[2]
    mariadb_server.execute(f"ALTER DATABASE {name} CHARACTER SET latin1 COLLATE latin1_swedish_ci")
    database = Database(url)
    database.migrate()
    from pipeline.artifacts import ArtifactStore

    store = ArtifactStore(database)
    for run in ("r\U0001f600", "R\U0001f600"):
        store.save(run_id=run, kind="graph", body=run)
    assert {found.run_id for found in store.list()} == {"r\U0001f600", "R\U0001f600"}
    store.close()

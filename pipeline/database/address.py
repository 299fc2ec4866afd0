"""Addresses of databases: which there are, what drives each, and what a person may write."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from pipeline.database.faults import NoDatabase
from pipeline.errors import InvalidInput

if TYPE_CHECKING:
    import sqlalchemy as sa

Kind = Literal["sqlite", "postgresql", "mariadb"]

#: What an address may begin with, and the kind of database it then names.
_SCHEMES: dict[str, Kind] = {
    "sqlite": "sqlite",
    "sqlite+pysqlite": "sqlite",
    "postgresql": "postgresql",
    "postgresql+psycopg": "postgresql",
    "postgres": "postgresql",
    "mariadb": "mariadb",
    "mariadb+pymysql": "mariadb",
    "mysql": "mariadb",
    "mysql+pymysql": "mariadb",
}

_DRIVERS: dict[Kind, str] = {"sqlite": "pysqlite", "postgresql": "psycopg", "mariadb": "pymysql"}


class NoDriver(NoDatabase):
    """The Python package that speaks to this kind of database is not installed."""


def kind_of(address: str) -> Kind:
    """Say which kind of database an address names; raises ``ValueError``, which never shows it."""
    scheme = urlsplit(address).scheme
    if scheme not in _SCHEMES:
        raise ValueError("must begin with sqlite:///, postgresql:// or mariadb://")
    try:
        _ = urlsplit(address).port
    except ValueError:
        raise ValueError("has a port that is no number; in a password write / as %2F, : as %3A, @ as %40") from None
    if _SCHEMES[scheme] != "sqlite" and not urlsplit(address).path.strip("/"):
        raise ValueError("names no database, as in postgresql://user@host/name")
    return _SCHEMES[scheme]


def read_address(address: str) -> sa.URL:
    """Give the address with the driver that we use; raises ``InvalidInput`` and ``NoDriver``."""
    import sqlalchemy as sa

    try:
        kind = kind_of(address)
    except ValueError as error:
        raise InvalidInput(f"The address of the database {error}.") from None
    driver = _DRIVERS[kind]
    if kind != "sqlite" and find_spec(driver) is None:
        raise NoDriver(f"The driver for {kind} is not installed: pip install 'dramaturg[{kind}]'.")
    try:
        return sa.make_url(address).set(drivername=f"{kind}+{driver}")
    except (sa.exc.ArgumentError, ValueError):  # their texts show parts of it
        raise InvalidInput("The address of the database cannot be read.") from None

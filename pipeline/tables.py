"""What every table is made of: one catalogue of tables, and columns that mean the same in every database."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from sqlalchemy import DateTime, Dialect, Float, MetaData, Numeric, String, Text
from sqlalchemy.dialects import mysql
from sqlalchemy.types import TypeDecorator


class UtcTime(TypeDecorator[datetime]):
    """A moment, kept in UTC, also where the database knows no time zones."""

    # MariaDB leaves microseconds out unless it is asked for them.
    impl = DateTime(timezone=True).with_variant(mysql.DATETIME(fsp=6), "mariadb")
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - given by SQLAlchemy
        """Refuse a moment without a zone, and give the others in UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("A moment without a time zone is not one.")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - given by SQLAlchemy
        """Give the moment with its zone."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Price(TypeDecorator[Decimal]):
    """An exact amount of US dollars, also in SQLite, which has no exact fractions."""

    impl = Numeric(18, 9).with_variant(String(40), "sqlite")
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Decimal | str | None:
        """Give text where numbers are not exact."""
        return format(value, "f") if value is not None and dialect.name == "sqlite" else value

    def process_result_value(self, value: Decimal | str | None, dialect: Dialect) -> Decimal | None:  # noqa: ARG002 - given by SQLAlchemy
        """Give a Decimal whatever the database kept."""
        return None if value is None else Decimal(value)


#: A number with fractions in double precision: a plain Float is a single one in MariaDB.
Real = Float(53).with_variant(mysql.DOUBLE(asdecimal=False), "mariadb")

#: Text of any length: a plain Text ends at 64 KiB in MariaDB.
LongText = Text().with_variant(mysql.LONGTEXT(), "mariadb")

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

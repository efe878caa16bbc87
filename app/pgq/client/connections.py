"""Which link carries statements over the object that a caller gave as `connection=`."""

from typing import Any

from psycopg import AsyncConnection, Connection

from pgq.client.foreign import AsyncpgLink, AsyncSqlalchemyLink, DjangoLink, SqlalchemyLink
from pgq.client.links import AsyncPsycopgLink, PsycopgLink
from pgq.client.run import AsyncLink, Link

SYNC = (
    "a psycopg.Connection, a SQLAlchemy Connection or Session on PostgreSQL, or django.db.connection "
    "(async ones go with the _async methods)"
)
ASYNC = (
    "a psycopg.AsyncConnection, a SQLAlchemy AsyncConnection or AsyncSession on PostgreSQL, or an asyncpg connection "
    "(sync ones go with the methods without _async)"
)


def link_over(connection: Any) -> Link:
    """The link over a sync connection of the caller's. Raises TypeError, naming what is accepted."""
    if isinstance(connection, Connection):
        return PsycopgLink(connection)
    match library_and_class(connection):
        case "sqlalchemy", "Connection":
            return SqlalchemyLink(on_postgresql(connection))
        case "sqlalchemy", "Session" | "scoped_session":
            return SqlalchemyLink(on_postgresql(connection.connection()))
        case "django", _ if getattr(connection, "vendor", None) == "postgresql":
            return DjangoLink(connection)
        case _:
            raise TypeError(f"connection must be {SYNC}, not {described(connection)}")


async def async_link_over(connection: Any) -> AsyncLink:
    """The link over an async connection of the caller's. Raises TypeError, naming what is accepted."""
    if isinstance(connection, AsyncConnection):
        return AsyncPsycopgLink(connection)
    match library_and_class(connection):
        case "sqlalchemy", "AsyncConnection":
            return AsyncSqlalchemyLink(on_postgresql(connection))
        case "sqlalchemy", "AsyncSession" | "async_scoped_session":
            return AsyncSqlalchemyLink(on_postgresql(await connection.connection()))
        case "asyncpg", "Connection" | "PoolConnectionProxy":
            return AsyncpgLink(connection)
        case _:
            raise TypeError(f"connection must be {ASYNC}, not {described(connection)}")


KNOWN = {
    "sqlalchemy": {
        "Connection",
        "Session",
        "scoped_session",
        "AsyncConnection",
        "AsyncSession",
        "async_scoped_session",
    },
    "asyncpg": {"Connection", "PoolConnectionProxy"},
    "django": {"ConnectionProxy", "BaseDatabaseWrapper"},
}


def library_and_class(connection: object) -> tuple[str, str]:
    """The library and the class that a connection is of, or inherits from."""
    for ancestor in type(connection).__mro__:
        library = ancestor.__module__.partition(".")[0]
        if ancestor.__name__ in KNOWN.get(library, ()):
            return library, ancestor.__name__
    return "", ""


def on_postgresql(connection: Any) -> Any:
    if connection.dialect.name != "postgresql":
        raise TypeError(f"connection must be on PostgreSQL, not on {connection.dialect.name}")
    return connection


def described(connection: object) -> str:
    return f"{type(connection).__module__}.{type(connection).__qualname__}"

"""Connections of a worker's parts: autocommit, and prepared statements only where they survive.

A transaction pooler hands each transaction to any of its server connections, where a statement prepared before may be
missing or another's (PgBouncer before 1.21). It also makes up the backend's process id that it tells its clients, and
that gives it away.
"""

from typing import Any

from psycopg import AsyncConnection, Connection

from pgq.db.sql import sql

PREPARE_AFTER = 5
"""Runs of a statement on one connection before it is prepared; psycopg's own default."""


def connect(conninfo: str) -> Connection[Any]:
    """A connection for a thread. Raises psycopg.OperationalError when the database does not answer."""
    connection = Connection.connect(conninfo, autocommit=True, prepare_threshold=None)
    try:
        row = connection.execute(sql("backend_pid")).fetchone()
    except BaseException:
        connection.close()
        raise
    connection.prepare_threshold = threshold(connection, row)
    return connection


async def connect_async(conninfo: str) -> AsyncConnection[Any]:
    """A connection for the event loop. Raises psycopg.OperationalError when the database does not answer."""
    connection = await AsyncConnection.connect(conninfo, autocommit=True, prepare_threshold=None)
    try:
        row = await (await connection.execute(sql("backend_pid"))).fetchone()
    except BaseException:
        await connection.close()
        raise
    connection.prepare_threshold = threshold(connection, row)
    return connection


def pooled(connection: Connection[Any] | AsyncConnection[Any]) -> bool:
    """Whether the connection goes through a transaction pooler, as found when it was made."""
    return connection.prepare_threshold is None


def threshold(connection: Connection[Any] | AsyncConnection[Any], row: tuple[int] | None) -> int | None:
    """When to prepare statements on a connection whose server says that its process id is `row`."""
    return PREPARE_AFTER if row is not None and row[0] == connection.info.backend_pid else None

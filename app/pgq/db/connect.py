"""Connections that pgq makes itself: autocommit, READ COMMITTED, and prepared statements only where they survive.

A transaction pooler hands each transaction to any of its server connections, where a statement prepared before may be
missing or another's (PgBouncer before 1.21). It also makes up the backend's process id that it tells its clients, and
that gives it away.

Claims, keys and duties look again at a row that they had to wait for; under a stricter isolation, which a server or a
role may have for its default, they would fail there or go by an old snapshot.
"""

from dataclasses import dataclass
from typing import Any

from psycopg import AsyncConnection, Connection
from psycopg.rows import class_row

from pgq.db.sql import sql
from pgq.values.errors import SettingsError

PREPARE_AFTER = 5
"""Runs of a statement on one connection before it is prepared; psycopg's own default."""


@dataclass(frozen=True, slots=True)
class Session:
    """What the server says of a new connection."""

    pid: int
    isolation: str
    fix: str


def connect(conninfo: str) -> Connection[Any]:
    """A connection for a thread.

    Raises psycopg.OperationalError when the database does not answer, and SettingsError behind a pooler whose sessions
    are not READ COMMITTED.
    """
    connection = Connection.connect(conninfo, autocommit=True, prepare_threshold=None)
    try:
        connection.prepare_threshold = PREPARE_AFTER if make_read_committed(connection) else None
    except BaseException:
        connection.close()
        raise
    return connection


async def connect_async(conninfo: str) -> AsyncConnection[Any]:
    """A connection for the event loop. Raises what `connect` does."""
    connection = await AsyncConnection.connect(conninfo, autocommit=True, prepare_threshold=None)
    try:
        connection.prepare_threshold = PREPARE_AFTER if await make_read_committed_async(connection) else None
    except BaseException:
        await connection.close()
        raise
    return connection


def make_read_committed(connection: Connection[Any]) -> bool:
    """Let a new connection's transactions be READ COMMITTED; answers whether its session is its own (no pooler)."""
    with connection.cursor(row_factory=class_row(Session)) as cursor:
        session = cursor.execute(sql("session")).fetchone()
    if must_change(connection, session):
        connection.execute(sql("read_committed"))
    return own_session(connection, session)


async def make_read_committed_async(connection: AsyncConnection[Any]) -> bool:
    """The same in async code."""
    async with connection.cursor(row_factory=class_row(Session)) as cursor:
        session = await (await cursor.execute(sql("session"))).fetchone()
    if must_change(connection, session):
        await connection.execute(sql("read_committed"))
    return own_session(connection, session)


def own_session(connection: Connection[Any] | AsyncConnection[Any], session: Session | None) -> bool:
    return session is not None and session.pid == connection.info.backend_pid


def must_change(connection: Connection[Any] | AsyncConnection[Any], session: Session | None) -> bool:
    """Whether the isolation has to be set. Raises SettingsError where it would be set for others too, by a pooler."""
    if session is None or session.isolation == "read committed":
        return False
    if not own_session(connection, session):
        raise SettingsError(
            f"default_transaction_isolation is {session.isolation}, and pgq needs read committed; behind a transaction "
            f"pooler it cannot set that for itself alone; run {session.fix} and let the pooler reconnect"
        )
    return True


def pooled(connection: Connection[Any] | AsyncConnection[Any]) -> bool:
    """Whether the connection goes through a transaction pooler, as found when it was made."""
    return connection.prepare_threshold is None

"""Connections that pgq makes itself: autocommit, patient, READ COMMITTED; prepared statements only where they survive.

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

from pgq.db.patience import (
    PATIENCE,
    PATIENCE_BEHIND_A_POOLER,
    Patient,
    PatientAsyncConnection,
    PatientConnection,
)
from pgq.db.sql import sql
from pgq.values.errors import SettingsError

PREPARE_AFTER = 5
"""Runs of a statement on one connection before it is prepared; psycopg's own default."""

UNREAD = 30.0
"""Seconds after which the server ends a session whose client takes no answer: well before a lease has run out twice."""


@dataclass(frozen=True, slots=True)
class Session:
    """What the server says of a new connection."""

    pid: int
    isolation: str
    fix: str


def connect(conninfo: str, *, patience: float | None = None) -> Connection[Any]:
    """A connection for a thread.

    `patience`: seconds, in place of PATIENCE and PATIENCE_BEHIND_A_POOLER. Raises psycopg.OperationalError when the
    database does not answer, and SettingsError behind a pooler whose sessions are not READ COMMITTED.
    """
    connection = PatientConnection[Any].connect(conninfo, autocommit=True, prepare_threshold=None)
    connection.patience, connection.asks = patience or PATIENCE, False  # nobody could say yet which backend has it
    try:
        if own := make_read_committed(connection):
            connection.execute(sql("give_up_unread"), {"milliseconds": int(UNREAD * 1000)})
    except BaseException:
        connection.close()
        raise
    settle(connection, own, patience)
    return connection


async def connect_async(conninfo: str, *, patience: float | None = None) -> AsyncConnection[Any]:
    """A connection for the event loop. Raises what `connect` does."""
    connection = await PatientAsyncConnection[Any].connect(conninfo, autocommit=True, prepare_threshold=None)
    connection.patience, connection.asks = patience or PATIENCE, False
    try:
        if own := await make_read_committed_async(connection):
            await connection.execute(sql("give_up_unread"), {"milliseconds": int(UNREAD * 1000)})
    except BaseException:
        await connection.close()
        raise
    settle(connection, own, patience)
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


def settle(connection: Patient, own: bool, patience: float | None) -> None:
    """Treat a connection as what its session allows: one of its `own`, or one that a pooler shares out."""
    if own:
        connection.prepare_threshold, connection.asks = PREPARE_AFTER, True
    else:
        connection.patience = patience or PATIENCE_BEHIND_A_POOLER

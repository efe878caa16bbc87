"""Connections of a worker's parts: autocommit, patient, and prepared statements only where they survive.

A transaction pooler hands each transaction to any of its server connections, where a statement prepared before may be
missing or another's (PgBouncer before 1.21). It also makes up the backend's process id that it tells its clients, and
that gives it away.
"""

from typing import Any

from psycopg import AsyncConnection, Connection

from pgq.db.patience import (
    PATIENCE,
    PATIENCE_BEHIND_A_POOLER,
    Patient,
    PatientAsyncConnection,
    PatientConnection,
)
from pgq.db.sql import sql

PREPARE_AFTER = 5
"""Runs of a statement on one connection before it is prepared; psycopg's own default."""


def connect(conninfo: str, *, patience: float | None = None) -> Connection[Any]:
    """A connection for a thread. Raises psycopg.OperationalError when the database does not answer.

    `patience`: seconds, in place of PATIENCE and PATIENCE_BEHIND_A_POOLER.
    """
    connection = PatientConnection[Any].connect(conninfo, autocommit=True, prepare_threshold=None)
    connection.patience, connection.asks = patience or PATIENCE, False  # nobody could say yet which backend has it
    try:
        row = connection.execute(sql("backend_pid")).fetchone()
    except BaseException:
        connection.close()
        raise
    get_to_know(connection, row, patience)
    return connection


async def connect_async(conninfo: str, *, patience: float | None = None) -> AsyncConnection[Any]:
    """A connection for the event loop. Raises psycopg.OperationalError when the database does not answer."""
    connection = await PatientAsyncConnection[Any].connect(conninfo, autocommit=True, prepare_threshold=None)
    connection.patience, connection.asks = patience or PATIENCE, False
    try:
        row = await (await connection.execute(sql("backend_pid"))).fetchone()
    except BaseException:
        await connection.close()
        raise
    get_to_know(connection, row, patience)
    return connection


def pooled(connection: Connection[Any] | AsyncConnection[Any]) -> bool:
    """Whether the connection goes through a transaction pooler, as found when it was made."""
    return connection.prepare_threshold is None


def get_to_know(connection: Patient, row: tuple[int] | None, patience: float | None) -> None:
    """What the server's own word for its process id, `row`, tells of the way to it."""
    if row is not None and row[0] == connection.info.backend_pid:
        connection.prepare_threshold, connection.asks = PREPARE_AFTER, True
    else:
        connection.patience = patience or PATIENCE_BEHIND_A_POOLER

"""The small pools of connections."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from pgq.db.pool import Pools

PATIENCE = 3.0
OUTAGE = 3
"""Requests of three seconds each that fail: a pool whose pauses double would try again after the fifteenth second."""


@contextmanager
def away(dsn: str) -> Iterator[None]:
    """A database that ends all connections and takes none."""
    name = str(conninfo_to_dict(dsn)["dbname"])
    allow = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
    with psycopg.connect(make_conninfo(dsn, dbname="postgres"), autocommit=True) as admin:
        admin.execute(allow.format(sql.Identifier(name), sql.SQL("false")))
        admin.execute("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s", [name])
        try:
            yield
        finally:
            admin.execute(allow.format(sql.Identifier(name), sql.SQL("true")))


def test_the_first_request_after_an_outage_is_served(dsn: str) -> None:
    pools = Pools(lambda: dsn, 1, patience=PATIENCE)
    try:
        with pools.connection() as connection:
            connection.execute("SELECT 1")
        with away(dsn):
            for _ in range(OUTAGE):
                with pytest.raises(psycopg.OperationalError), pools.connection():
                    pass
        with pools.connection() as connection:
            connection.execute("SELECT 1")
    finally:
        pools.close()


async def test_in_async_code_too(dsn: str) -> None:
    pools = Pools(lambda: dsn, 1, patience=PATIENCE)
    try:
        async with pools.connection_async() as connection:
            await connection.execute("SELECT 1")
        with away(dsn):
            for _ in range(OUTAGE):
                with pytest.raises(psycopg.OperationalError):
                    async with pools.connection_async():
                        pass
        async with pools.connection_async() as connection:
            await connection.execute("SELECT 1")
    finally:
        await pools.close_async()

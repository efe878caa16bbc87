"""Links over psycopg: the app's own pools, and a psycopg connection of the caller's."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from psycopg import AsyncConnection, AsyncCursor, Connection, Cursor
from psycopg.pq import PipelineStatus, TransactionStatus
from psycopg.rows import tuple_row

from pgq.client.copy_text import chunks
from pgq.client.steps import Copy, Rows, Statement
from pgq.db.pool import Pools
from pgq.db.sql import sql


class PsycopgLink:
    """Through one connection. Its cursors are of psycopg's own kind, whatever the connection's factories make."""

    def __init__(self, connection: Connection[Any]) -> None:
        self.connection = connection
        self.can_copy = connection.info.pipeline_status == PipelineStatus.OFF

    def fetch(self, statement: Statement) -> Rows:
        with Cursor(self.connection, row_factory=tuple_row) as cursor:
            return cursor.execute(sql(statement.name), statement.params).fetchall()

    def copy(self, copy: Copy) -> None:
        with Cursor(self.connection) as cursor, cursor.copy(sql(copy.name)) as stream:
            for chunk in chunks(copy.lines):
                stream.write(chunk)

    @contextmanager
    def atomic(self) -> Iterator["PsycopgLink"]:
        """A transaction where every statement would be one of its own; else the caller's, which stays open."""
        if alone(self.connection):
            with self.connection.transaction():
                yield self
        else:
            yield self


class AsyncPsycopgLink:
    """The same for async code."""

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        self.connection = connection
        self.can_copy = connection.info.pipeline_status == PipelineStatus.OFF

    async def fetch(self, statement: Statement) -> Rows:
        async with AsyncCursor(self.connection, row_factory=tuple_row) as cursor:
            return await (await cursor.execute(sql(statement.name), statement.params)).fetchall()

    async def copy(self, copy: Copy) -> None:
        async with AsyncCursor(self.connection) as cursor, cursor.copy(sql(copy.name)) as stream:
            for chunk in chunks(copy.lines):
                await stream.write(chunk)

    @asynccontextmanager
    async def atomic(self) -> AsyncIterator["AsyncPsycopgLink"]:
        if alone(self.connection):
            async with self.connection.transaction():
                yield self
        else:
            yield self


class PoolLink:
    """Through the app's pool: each step on any connection, so that none is held while waiting."""

    can_copy = True

    def __init__(self, pools: Pools) -> None:
        self.pools = pools

    def fetch(self, statement: Statement) -> Rows:
        with self.pools.connection() as connection:
            return PsycopgLink(connection).fetch(statement)

    def copy(self, copy: Copy) -> None:
        with self.pools.connection() as connection:
            PsycopgLink(connection).copy(copy)

    @contextmanager
    def atomic(self) -> Iterator[PsycopgLink]:
        with self.pools.connection() as connection, PsycopgLink(connection).atomic() as link:
            yield link


class AsyncPoolLink:
    """The same for async code."""

    can_copy = True

    def __init__(self, pools: Pools) -> None:
        self.pools = pools

    async def fetch(self, statement: Statement) -> Rows:
        async with self.pools.connection_async() as connection:
            return await AsyncPsycopgLink(connection).fetch(statement)

    async def copy(self, copy: Copy) -> None:
        async with self.pools.connection_async() as connection:
            await AsyncPsycopgLink(connection).copy(copy)

    @asynccontextmanager
    async def atomic(self) -> AsyncIterator[AsyncPsycopgLink]:
        async with self.pools.connection_async() as connection, AsyncPsycopgLink(connection).atomic() as link:
            yield link


def alone(connection: Connection[Any] | AsyncConnection[Any]) -> bool:
    return connection.autocommit and connection.info.transaction_status == TransactionStatus.IDLE

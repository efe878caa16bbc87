"""Small pools of connections: one a process, and one an event loop.

A forked child never touches its parent's connections: it finds no pool under its own process id and opens one.
"""

import asyncio
import os
import select
import weakref
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from psycopg import AsyncConnection, Connection
from psycopg_pool import AsyncConnectionPool, ConnectionPool

from pgq.db.connect import connect, connect_async, make_read_committed, make_read_committed_async
from pgq.db.patience import PatientAsyncConnection, PatientConnection

SyncPool = ConnectionPool[PatientConnection[Any]]
AsyncPool = AsyncConnectionPool[PatientAsyncConnection[Any]]

PATIENCE = 30.0
"""Seconds without an answer after which the server is asked whether it is still at work on it. Behind a pooler nobody
can say, and the statement is given up."""

RETRIES = 2.0
"""Seconds for which a pool tries again by itself. The pauses between its tries grow: after minutes of outage it would
find the database minutes late. Once it has given up, the next request tries at once."""

# No prepared statements: they do not survive a transaction pooler.
OPTIONS: dict[str, Any] = {"autocommit": True, "prepare_threshold": None}


class Pools:
    """Connections to one database, opened when first asked for. `conninfo` is called then, not before.

    `patience` is how many seconds a caller waits for a free connection.
    """

    def __init__(self, conninfo: Callable[[], str], size: int, *, patience: float = 30.0) -> None:
        self.conninfo = conninfo
        self.size = size
        self.patience = patience
        self.by_process: dict[int, SyncPool] = {}
        self.by_loop: dict[tuple[int, asyncio.AbstractEventLoop], tuple[AsyncPool, AsyncGenerator[None]]] = {}
        # At exit too, so that no thread of the pool is left then.
        weakref.finalize(self, close_pool_of_this_process, self.by_process)

    @contextmanager
    def connection(self) -> Iterator[Connection[Any]]:
        """A connection in autocommit mode, for a short time. Raises psycopg.OperationalError when there is none."""
        pool = self.by_process.get(os.getpid()) or self.open()
        with pool.connection() as connection:
            yield connection

    @asynccontextmanager
    async def connection_async(self) -> AsyncIterator[AsyncConnection[Any]]:
        """A connection of this event loop's own pool."""
        found = self.by_loop.get(this_loop())
        pool = found[0] if found else await self.open_async()
        async with pool.connection() as connection:
            yield connection

    def open(self) -> SyncPool:
        """The pool of this process. No lock, which a fork could copy while held: setdefault and open() need none."""
        conninfo = self.conninfo()
        connect(conninfo).close()  # fails at once with the reason, where a pool would try for 30 seconds
        pool = self.by_process.setdefault(
            os.getpid(),
            ConnectionPool(
                conninfo,
                connection_class=PatientConnection[Any],
                kwargs=OPTIONS,
                configure=configure,
                check=check,
                min_size=0,
                max_size=self.size,
                timeout=self.patience,
                reconnect_timeout=min(RETRIES, self.patience),
                open=False,
                num_workers=1,
            ),
        )
        pool.open()
        return pool

    async def open_async(self) -> AsyncPool:
        """The pool of this event loop."""
        conninfo = await asyncio.to_thread(self.conninfo)
        await (await connect_async(conninfo)).close()
        loop = this_loop()
        if loop not in self.by_loop:
            pool: AsyncPool = AsyncConnectionPool(
                conninfo,
                connection_class=PatientAsyncConnection[Any],
                kwargs=OPTIONS,
                configure=configure_async,
                check=check_async,
                min_size=0,
                max_size=self.size,
                timeout=self.patience,
                reconnect_timeout=min(RETRIES, self.patience),
                open=False,
                num_workers=1,
            )
            self.by_loop[loop] = pool, self.until_the_loop_ends(pool)
            await anext(self.by_loop[loop][1])
        pool, _ = self.by_loop[loop]
        await pool.open()
        return pool

    async def until_the_loop_ends(self, pool: AsyncPool) -> AsyncGenerator[None]:
        """Event loops close their async generators before they end: the one moment to close the pool by itself."""
        try:
            yield
        finally:
            self.by_loop.pop(this_loop(), None)
            await pool.close()

    def close(self) -> None:
        """Close the connections of this process; the next use opens new ones."""
        close_pool_of_this_process(self.by_process)

    async def close_async(self) -> None:
        """Close the connections of this event loop and of this process."""
        if found := self.by_loop.get(this_loop()):
            await found[1].aclose()
        await asyncio.to_thread(self.close)


def this_loop() -> tuple[int, asyncio.AbstractEventLoop]:
    return os.getpid(), asyncio.get_running_loop()


def close_pool_of_this_process(pools: dict[int, SyncPool]) -> None:
    if pool := pools.pop(os.getpid(), None):
        pool.close()


def configure(connection: PatientConnection[Any]) -> None:
    """Make a new connection one of pgq's."""
    connection.patience = PATIENCE
    connection.asks = make_read_committed(connection)


async def configure_async(connection: PatientAsyncConnection[Any]) -> None:
    """The same in async code."""
    connection.patience = PATIENCE
    connection.asks = await make_read_committed_async(connection)


def check(connection: Connection[Any]) -> None:
    """Refuse an idle connection that the server has ended, without asking the server each time."""
    if has_news(connection.fileno()):
        ConnectionPool.check_connection(connection)


async def check_async(connection: AsyncConnection[Any]) -> None:
    """The same in async code."""
    if has_news(connection.fileno()):
        await AsyncConnectionPool.check_connection(connection)


def has_news(descriptor: int) -> bool:
    """Whether an idle connection has something to read: a goodbye, or a notice."""
    watch = select.poll()
    watch.register(descriptor, select.POLLIN)
    return bool(watch.poll(0))

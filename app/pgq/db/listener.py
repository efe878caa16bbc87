"""Hears notifications on a connection of its own, which does nothing else."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any, NoReturn

import psycopg
from psycopg import AsyncConnection

from pgq.db.connect import pooled
from pgq.db.sql import sql
from pgq.db.steady import SteadyConnection

log = logging.getLogger("pgq.db")

PROOF_EVERY = 10.0
"""Seconds of silence after which the server is asked whether it is still there and this session still listens."""


class Listener:
    """LISTENs for ready queues and asked cancellations. A hint only: whoever uses it polls as well."""

    def __init__(
        self,
        conninfo: str,
        *,
        on_ready: Callable[[str], None],
        on_cancel: Callable[[str], None],
        on_connected: Callable[[], None],
    ) -> None:
        self.steady = SteadyConnection(conninfo, "listener")
        self.on_ready = on_ready
        self.on_cancel = on_cancel
        self.on_connected = on_connected
        self.listening = False

    async def run(self) -> None:
        """Listen for ever; connect again whenever the connection breaks."""
        try:
            while True:
                try:
                    await self.listen(await self.steady.get())
                except psycopg.Error as error:
                    await self.steady.recover(error)
                finally:
                    self.listening = False
        finally:
            await asyncio.shield(self.steady.drop())

    async def listen(self, connection: AsyncConnection[Any]) -> None:
        """Pass notifications on, as long as the server confirms that this session listens."""
        await connection.execute(sql("listen_ready"))
        await connection.execute(sql("listen_cancel"))
        if pooled(connection) or not await self.confirmed(connection):
            await self.do_without(connection)
        self.steady.waits = 0
        self.listening = True
        self.on_connected()
        while True:
            async for notification in connection.notifies(timeout=PROOF_EVERY):
                if notification.channel == "pgq_ready":
                    self.on_ready(notification.payload)
                else:
                    self.on_cancel(notification.payload)
            if not await self.confirmed(connection):
                raise psycopg.OperationalError("the session does not listen any more")

    async def confirmed(self, connection: AsyncConnection[Any]) -> bool:
        """Whether the server says that this session listens. Raises psycopg.Error: a dead socket is silent too."""
        row = await (await connection.execute(sql("is_listening"))).fetchone()
        return row is not None and row[0]

    async def do_without(self, connection: AsyncConnection[Any]) -> NoReturn:
        """Notifications do not come through a transaction pooler: say so once, and leave it to polling."""
        log.warning(
            "behind a transaction pooler no notification is heard: tasks are found by polling, a little later; "
            "set PGQ_DIRECT_URL to a URL past the pooler"
        )
        await connection.close()
        await asyncio.Event().wait()
        raise AssertionError

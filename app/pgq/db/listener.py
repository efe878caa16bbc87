"""Hears notifications on a connection of its own, which does nothing else."""

import asyncio
from collections.abc import Callable
from typing import Any

import psycopg
from psycopg import AsyncConnection

from pgq.db.sql import sql
from pgq.db.steady import SteadyConnection

PROOF_EVERY = 10.0


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

    async def run(self) -> None:
        """Listen for ever; connect again whenever the connection breaks."""
        try:
            while True:
                try:
                    await self.listen(await self.steady.get())
                except (psycopg.Error, TimeoutError) as error:
                    await self.steady.recover(error)
        finally:
            await asyncio.shield(self.steady.drop())

    async def listen(self, connection: AsyncConnection[Any]) -> None:
        """Pass notifications on. After ten silent seconds ask for a sign of life: a dead socket is silent too."""
        await connection.execute(sql("listen_ready"))
        await connection.execute(sql("listen_cancel"))
        self.steady.waits = 0
        self.on_connected()
        while True:
            async for notification in connection.notifies(timeout=PROOF_EVERY):
                if notification.channel == "pgq_ready":
                    self.on_ready(notification.payload)
                else:
                    self.on_cancel(notification.payload)
            async with asyncio.timeout(PROOF_EVERY):
                await connection.execute(sql("sign_of_life"))

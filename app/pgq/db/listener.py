"""Hears notifications on a connection of its own, which does nothing else."""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NoReturn
from uuid import uuid4

import psycopg
from psycopg import AsyncConnection

from pgq.db.connect import connect_async, pooled
from pgq.db.hearing import Hearing
from pgq.db.sql import sql
from pgq.db.steady import SteadyConnection

log = logging.getLogger("pgq.db")

PROOF_EVERY = 10.0
"""Seconds of silence after which the server is asked whether it is still there and this session still listens."""


@dataclass(frozen=True, slots=True)
class ListenerState:
    """Whether notifications are heard, and since when by the monotonic clock. `polling`: a pooler lets none through."""

    state: Literal["listening", "polling", "reconnecting"]
    since: float


class Listener:
    """LISTENs for ready queues and asked cancellations. A hint only: whoever uses it polls as well.

    A new session is proved by a whole round trip: a NOTIFY sent where submitters send theirs (`conninfo`) is heard
    where this one listens (`listen_conninfo`), so that a direct URL of another database is found out. That is not
    repeated: a NOTIFY is a commit under a lock of the whole server and wakes all who listen, so that a thousand idle
    workers that proved themselves every ten seconds would cost a hundred commits and a hundred thousand wake-ups a
    second. Later, after silence, the same session is asked whether it still listens, which costs nobody else anything.
    """

    def __init__(
        self,
        listen_conninfo: str,
        *,
        conninfo: str,
        on_ready: Callable[[str], None],
        on_cancel: Callable[[str], None],
        on_connected: Callable[[], None],
    ) -> None:
        self.steady = SteadyConnection(listen_conninfo, "listener")
        self.conninfo = conninfo
        self.on_ready = on_ready
        self.on_cancel = on_cancel
        self.on_connected = on_connected
        self.state: ListenerState | None = None
        self.heard: set[str] = set()

    async def run(self) -> None:
        """Listen for ever; connect again whenever the connection breaks."""
        try:
            while True:
                try:
                    await self.listen(await self.steady.get())
                except psycopg.Error as error:
                    self.turn("reconnecting")
                    await self.steady.recover(error)
        finally:
            await asyncio.shield(self.steady.drop())

    async def listen(self, connection: AsyncConnection[Any]) -> None:
        """Pass notifications on, as long as the server confirms that this session listens."""
        hearing = Hearing(connection, self.pass_on)
        await connection.execute(sql("listen_ready"))
        await connection.execute(sql("listen_cancel"))
        if pooled(connection) or not await self.confirmed(connection):
            await self.do_without(connection)
        await self.prove(connection, hearing)
        self.steady.waits = 0
        self.turn("listening")
        self.on_connected()
        while True:
            await hearing.listen(PROOF_EVERY)
            if not await self.confirmed(connection):
                raise psycopg.OperationalError("the session does not listen any more")

    def pass_on(self, channel: str, payload: str) -> None:
        """Tell whom it concerns."""
        if channel == "pgq_ready":
            self.on_ready(payload)
        elif channel == "pgq_cancel":
            self.on_cancel(payload)
        else:
            self.heard.add(payload)

    async def confirmed(self, connection: AsyncConnection[Any]) -> bool:
        """Whether the server says that this session listens. Raises psycopg.Error: a dead socket is silent too."""
        row = await (await connection.execute(sql("is_listening"))).fetchone()
        return row is not None and row[0]

    async def prove(self, connection: AsyncConnection[Any], hearing: Hearing) -> None:
        """Hear a word of our own. Raises psycopg.Error when it does not come."""
        word = uuid4().hex
        self.heard.clear()
        await connection.execute(sql("listen_proof"))
        async with await connect_async(self.conninfo) as mouth:
            await mouth.execute(sql("prove"), {"word": word})
        await hearing.listen(PROOF_EVERY, until=lambda: word in self.heard)
        if word not in self.heard:
            raise psycopg.OperationalError(
                "a NOTIFY through PGQ_DATABASE_URL was not heard; "
                "let PGQ_DIRECT_URL name the same database, on the same server"
            )
        await connection.execute(sql("proven"))

    async def do_without(self, connection: AsyncConnection[Any]) -> NoReturn:
        """Notifications do not come through a transaction pooler: say so once, and leave it to polling."""
        log.warning(
            "behind a transaction pooler no notification is heard: tasks are found by polling, a little later; "
            "set PGQ_DIRECT_URL to a URL past the pooler"
        )
        await connection.close()
        self.turn("polling")
        await asyncio.Event().wait()
        raise AssertionError

    def turn(self, state: Literal["listening", "polling", "reconnecting"]) -> None:
        """Keep the state for others to see, and log when it is a new one."""
        if self.state is None or self.state.state != state:
            self.state = ListenerState(state, time.monotonic())
            log.info("listener: %s", state)

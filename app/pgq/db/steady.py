"""A connection that is made again whenever it breaks."""

import asyncio
import logging
import random
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import psycopg
from psycopg import AsyncConnection

from pgq.db.connect import connect_async
from pgq.db.errors import translated
from pgq.db.patience import hang_up
from pgq.values.errors import AnswerLost

log = logging.getLogger("pgq.db")
R = TypeVar("R")

FIRST_WAIT = 0.05
LONGEST_WAIT = 5.0
SAY_AGAIN = 60.0

OURS_TO_BLAME = (
    psycopg.errors.DataError,
    psycopg.errors.IntegrityError,
    psycopg.errors.ProgramLimitExceeded,
    psycopg.errors.StatementTooComplex,
)
"""What a row's own content causes; everything else is the weather, and waiting helps."""


class SteadyConnection:
    """One autocommit connection for one part of a worker; used by one coroutine at a time."""

    def __init__(self, conninfo: str, part: str) -> None:
        self.conninfo = conninfo
        self.part = part
        self.connection: AsyncConnection[Any] | None = None
        self.waits = 0
        self.said_at = float("-inf")

    async def get(self) -> AsyncConnection[Any]:
        """The connection; a new one when there is none. Raises psycopg.Error when the database does not answer."""
        if self.connection is not None and (self.connection.closed or self.connection.broken):
            await self.drop()
        if self.connection is None:
            self.connection = await connect_async(self.conninfo)
        return self.connection

    async def drop(self) -> None:
        """Close the connection: what it was in the middle of is in the server's hands now."""
        connection, self.connection = self.connection, None
        if connection is not None:
            await connection.close()

    def hang_up(self) -> None:
        """End the connection under whoever waits for an answer over it, who then gets an error at once."""
        if self.connection is not None:
            hang_up(self.connection)

    async def persist(self, action: Callable[[AsyncConnection[Any]], Coroutine[Any, Any, R]]) -> R:
        """Do `action` until the database has answered, waiting longer each time, up to five seconds.

        Raises only what the rows themselves cause: OURS_TO_BLAME.
        """
        while True:
            try:
                done = await action(await self.get())
            except OURS_TO_BLAME:
                raise
            except psycopg.Error as error:
                await self.recover(error)
            else:
                self.waits = 0
                return done

    async def recover(self, error: Exception) -> None:
        """Drop the connection and wait a random while, so that a fleet does not come back in lockstep."""
        self.waits += 1
        longest = min(FIRST_WAIT * 2 ** min(self.waits, 20), LONGEST_WAIT)
        if time.monotonic() - self.said_at > SAY_AGAIN:
            self.said_at = time.monotonic()
            known = translated(error)
            log.warning(
                "%s: trying again: %s", self.part, first_line(error if isinstance(known, AnswerLost) else known)
            )
        await self.drop()
        await asyncio.sleep(random.uniform(longest / 2, longest))  # noqa: S311


def first_line(error: BaseException) -> str:
    """The error in one line."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]

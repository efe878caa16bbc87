"""How the whole is doing: counted at most once a second a process, however many ask."""

import asyncio
import os
import socket
import time
from dataclasses import dataclass

import psycopg

from pgq.api.gather import Gather
from pgq.api.services import Services
from pgq.db.errors import our_errors, translated
from pgq.db.health import Figures, figures, revision
from pgq.db.migrate import head_revision, known_revisions
from pgq.values.errors import DatabaseUnavailable, PgqError, SchemaError

WITHIN = 4.0
"""Seconds in which the database must have answered."""

FRESH = 1.0


@dataclass(frozen=True, slots=True)
class Looked:
    """What was found: figures, or what keeps them away."""

    figures: Figures | None
    trouble: PgqError | None
    at: float


class Health:
    """Looks at the database for all that ask at once."""

    def __init__(self, services: Services) -> None:
        self.pools = services.pools
        self.asks: Gather[None, Looked] = Gather(lambda asked: self.look_for(len(asked)))
        self.last: Looked | None = None
        self.instance = f"{socket.gethostname()}:{os.getpid()}"
        self.head, self.known = head_revision(), known_revisions()

    async def close(self) -> None:
        """Holds nothing."""

    async def look(self) -> Looked:
        """The state, at most a second old."""
        if self.last is not None and time.monotonic() - self.last.at < FRESH:
            return self.last
        return await self.asks.ask(None)

    async def look_for(self, asking: int) -> list[Looked | Exception]:
        self.last = found = await self.look_now()
        return [found] * asking

    async def look_now(self) -> Looked:
        try:
            with our_errors():
                async with asyncio.timeout(WITHIN), self.pools.connection_async() as connection:
                    self.refuse_old(await revision(connection))
                    return Looked(await figures(connection), None, time.monotonic())
        except TimeoutError:
            return Looked(None, DatabaseUnavailable("the database does not answer"), time.monotonic())
        except (PgqError, psycopg.Error) as error:
            known = translated(error)
            trouble = known if isinstance(known, PgqError) else DatabaseUnavailable("the database refuses to answer")
            return Looked(None, trouble, time.monotonic())

    async def check(self) -> None:
        """Raise DatabaseUnavailable or SchemaError unless requests can be served now."""
        try:
            with our_errors():
                async with asyncio.timeout(WITHIN), self.pools.connection_async() as connection:
                    self.refuse_old(await revision(connection))
        except TimeoutError:
            raise DatabaseUnavailable("the database does not answer") from None

    def refuse_old(self, found: str | None) -> None:
        """A newer schema is served: it keeps what this version of pgq needs."""
        if found is None or (found in self.known and found != self.head):
            raise SchemaError(f"the database is at revision {found or 'none'}, not {self.head}; run 'pgq migrate'")

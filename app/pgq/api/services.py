"""What the routes of one API process share."""

import asyncio
from dataclasses import dataclass, field
from typing import Annotated, Any, Protocol, TypeVar, cast

from fastapi import Depends
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from starlette.requests import HTTPConnection

from pgq.db.pool import Pools
from pgq.values.settings import Settings

SERVICES = "pgq.services"
"""Where a scope has them."""
CONNECT_WITHIN = 5
"""Seconds that a connection attempt may take, unless the URL says otherwise."""


class Part(Protocol):
    """Something that a process has one of: a hub, a gatherer."""

    def __init__(self, services: "Services") -> None: ...

    async def close(self) -> None: ...


P = TypeVar("P", bound=Part)


@dataclass(eq=False)
class Services:
    """Made once a process; on `app.state.services`."""

    settings: Settings
    conninfo: str
    pools: Pools
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the process is to end: whoever holds a request open answers now."""
    parts: dict[type[Any], Any] = field(default_factory=dict)

    @classmethod
    def of(cls, settings: Settings, conninfo: str) -> "Services":
        """On a database that need not answer yet."""
        if "connect_timeout" not in conninfo_to_dict(conninfo):
            conninfo = make_conninfo(conninfo, connect_timeout=CONNECT_WITHIN)
        pools = Pools(lambda: conninfo, settings.pool_size, patience=CONNECT_WITHIN)
        return cls(settings, conninfo, pools)

    @property
    def listen_conninfo(self) -> str:
        """Where to LISTEN: past a pooler, if there is one."""
        direct = self.settings.direct_url
        return direct.get_secret_value() if direct else self.conninfo

    def part(self, kind: type[P]) -> P:
        """The one `kind` of this process, made at its first use and closed at the end. On the event loop only."""
        found = self.parts.get(kind)
        if found is None:
            found = self.parts[kind] = kind(self)
        return cast(P, found)

    async def close(self) -> None:
        """End what is held open: parts in the reverse order of their making, connections last."""
        self.stopping.set()
        while self.parts:
            await self.parts.popitem()[1].close()
        await self.pools.close_async()


def services_of(connection: HTTPConnection) -> Services:
    """The services of the process that handles a request."""
    return cast(Services, connection.scope[SERVICES])


async def here(connection: HTTPConnection) -> Services:
    """services_of as a dependency: FastAPI would run one that is not async in a thread."""
    return services_of(connection)


Here = Annotated[Services, Depends(here)]

"""A client that sends and never hears: what a process leaves behind that freezes right after it has sent something."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from psycopg import AsyncConnection
from psycopg.conninfo import make_conninfo

from tests.verbs import Connection


class Wire:
    """Between one client and its server; `cut` keeps the server's answers from the client."""

    def __init__(self) -> None:
        self.hears = asyncio.Event()
        self.hears.set()

    def cut(self) -> None:
        self.hears.clear()

    def mend(self) -> None:
        self.hears.set()

    async def to_server(self, client: asyncio.StreamReader, server: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while sent := await client.read(65_536):
                server.write(sent)
                await server.drain()
        await closed(server)

    async def to_client(self, server: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):  # the client need not be there any more when it may hear again
            while answered := await server.read(65_536):
                await self.hears.wait()
                client.write(answered)
                await client.drain()
        await closed(client)


async def closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


@asynccontextmanager
async def wired(like: Connection) -> AsyncIterator[tuple[Wire, Connection]]:
    """A session over a wire that can be cut, to where `like` is connected."""
    wire, info = Wire(), like.info
    flows: list[asyncio.Task[None]] = []

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if info.host.startswith("/"):
            there = await asyncio.open_unix_connection(f"{info.host}/.s.PGSQL.{info.port}")
        else:
            there = await asyncio.open_connection(info.host, info.port)
        flows.append(asyncio.create_task(wire.to_server(reader, there[1])))
        flows.append(asyncio.create_task(wire.to_client(there[0], writer)))

    proxy = await asyncio.start_server(connected, "127.0.0.1", 0)
    host, port = proxy.sockets[0].getsockname()
    conninfo = make_conninfo(
        info.dsn, host=host, port=port, password=info.password, sslmode="disable", gssencmode="disable"
    )
    try:
        async with await AsyncConnection.connect(conninfo, autocommit=True) as connection:
            try:
                yield wire, connection
            finally:
                wire.mend()
    finally:
        proxy.close()
        await asyncio.gather(*flows)

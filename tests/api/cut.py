"""A way to the database that can be cut at a chosen moment: TCP, one connection after the other."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from psycopg.conninfo import conninfo_to_dict, make_conninfo


class Cut:
    """Passes bytes on, until `when` says True to what a client sends: then that client's connection is cut.

    Before the server has seen those bytes, or, with `after`, when it has answered them. `refuse`: nobody gets through.
    """

    def __init__(self, target: str) -> None:
        self.target = conninfo_to_dict(target)
        self.when: Callable[[bytes], bool] | None = None
        self.after = False
        self.refuse = False
        self.cuts = 0
        self.closed = False
        self.ends: list[asyncio.StreamWriter] = []
        self.served: set[asyncio.Task[None]] = set()

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A client has come: `close` finds its end from here on, however little was done for it."""
        if self.closed:
            writer.transport.abort()
            return
        self.ends.append(writer)
        task = asyncio.create_task(self.serve(reader, writer))
        self.served.add(task)
        task.add_done_callback(self.served.discard)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client, until either side has enough."""
        ends = [writer]
        try:
            if not self.refuse:
                up_reader, up_writer = await self.connect()
                self.ends.append(up_writer)
                ends.append(up_writer)
                await self.pass_on(reader, up_writer, up_reader, writer)
        finally:
            for end in ends:
                end.close()

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        host, port = str(self.target["host"]), int(self.target.get("port") or 5432)
        if host.startswith("/"):
            return await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
        return await asyncio.open_connection(host, port)

    async def pass_on(
        self,
        reader: asyncio.StreamReader,
        up_writer: asyncio.StreamWriter,
        up_reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        last = asyncio.Event()

        async def up() -> None:
            while data := await reader.read(65536):
                if self.when is not None and self.when(data):
                    self.when = None
                    self.cuts += 1
                    if not self.after:
                        return
                    last.set()
                up_writer.write(data)
                await up_writer.drain()

        async def down() -> None:
            while (data := await up_reader.read(65536)) and not last.is_set():
                writer.write(data)
                await writer.drain()

        both = [asyncio.create_task(up()), asyncio.create_task(down())]
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in both:
                one.cancel()
            await asyncio.gather(*both, return_exceptions=True)

    async def close(self) -> None:
        """Cut all connections, and let no other one come."""
        self.closed = True
        for task in (left := list(self.served)):
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        for end in self.ends:
            end.transport.abort()
            with suppress(OSError):
                await end.wait_closed()


@asynccontextmanager
async def cut(dsn: str) -> AsyncIterator[tuple[Cut, str]]:
    """The way, and the conninfo that goes over it."""
    way = Cut(dsn)
    server = await asyncio.start_server(way.accept, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()[:2]
    try:
        yield way, make_conninfo(dsn, host=host, port=port, hostaddr=host, sslmode="disable", gssencmode="disable")
    finally:
        server.close()
        await way.close()

"""Notifications, taken off the socket the moment they come."""

import asyncio
from collections.abc import Callable
from typing import Any

import psycopg
from psycopg import AsyncConnection


class Hearing:
    """What is notified to one connection; `tell` is given each channel and payload.

    Not psycopg's own generator: that takes a turn of the event loop more for each notification, and wakes ten times a
    second to look at the clock, which is most of what an idle worker does.
    """

    def __init__(self, connection: AsyncConnection[Any], tell: Callable[[str, str], None]) -> None:
        self.connection = connection
        self.tell = tell
        # Those that come together with the answer to a statement.
        connection.add_notify_handler(lambda notification: tell(notification.channel, notification.payload))

    async def listen(self, within: float, until: Callable[[], bool] = lambda: False) -> None:
        """Tell what comes, for `within` seconds or `until` so. Raises psycopg.OperationalError when the line breaks."""
        loop = asyncio.get_running_loop()
        over: asyncio.Future[None] = loop.create_future()

        def read() -> None:
            try:
                self.read()
            except psycopg.OperationalError as error:
                if not over.done():
                    over.set_exception(error)
            if until() and not over.done():
                over.set_result(None)

        socket = self.connection.fileno()
        loop.add_reader(socket, read)
        try:
            read()
            async with asyncio.timeout(within):
                await over
        except TimeoutError:
            pass
        finally:
            loop.remove_reader(socket)

    def read(self) -> None:
        """What the socket holds."""
        line = self.connection.pgconn
        line.consume_input()
        while (notification := line.notifies()) is not None:
            self.tell(notification.relname.decode(), notification.extra.decode())

"""Bodies that trickle, and bodies that nobody wants."""

import asyncio
import time
from collections.abc import Awaitable

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pgq.api.bodies import WHOLE
from pgq.api.problems import Problem

SLOWEST = 4_096
"""Bytes a second that a body must bring on the average, once its patience is used up."""


class SlowBodies:
    """Gives up on a body that pauses too long or is too slow, and ends a connection whose body was not read.

    Reading on would let a refused client send on for ever; the answer that refuses it says `Connection: close`.
    """

    def __init__(self, app: ASGIApp, patience: float) -> None:
        self.app = app
        self.patience = patience

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] != "http" or scope.get(WHOLE):
            return self.app(scope, receive, send)
        unread = any(
            (name == b"content-length" and value != b"0") or name == b"transfer-encoding"
            for name, value in scope["headers"]
        )
        began, size = time.monotonic(), 0

        async def read() -> Message:
            nonlocal unread, size
            if not unread:
                return await receive()
            left = began + 3 * self.patience + size / SLOWEST - time.monotonic()
            try:
                async with asyncio.timeout(min(self.patience, left)):
                    message = await receive()
            except TimeoutError:
                raise Problem("too_slow", "the body did not arrive in time") from None
            size += len(message.get("body", b""))
            unread = message["type"] == "http.request" and message.get("more_body", False)
            return message

        async def tell(message: Message) -> None:
            if message["type"] == "http.response.start" and unread:
                MutableHeaders(scope=message)["Connection"] = "close"
            await send(message)

        return self.app(scope, read, tell)

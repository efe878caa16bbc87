"""uvicorn's HTTP connection with what it lacks: bounds on the time and the size of a request's head."""

import asyncio
import http
from typing import Any, cast

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from pgq.api.bodies import WHOLE
from pgq.api.one_write import OneWrite
from pgq.api.problems import MEDIA_TYPE, Code, Problem

MAX_HEAD = 65_536
"""Bytes of the request line and all headers."""


def bounded(head_seconds: float) -> type[HttpToolsProtocol]:
    """The protocol whose clients have so many seconds for each head, from the connection's first moment on."""

    class BoundedProtocol(HttpToolsProtocol):
        def __init__(
            self,
            config: Config,
            server_state: ServerState,
            app_state: dict[str, Any],
            _loop: asyncio.AbstractEventLoop | None = None,
        ) -> None:
            super().__init__(config, server_state, app_state, _loop)
            self.in_head = True
            self.head_size = 0  # as far as it is parsed
            self.unparsed = 0  # what came since the head began
            self.head_timer: asyncio.TimerHandle | None = None

        # uvicorn narrows asyncio's type in the same way.
        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(OneWrite(transport, self.loop))
            self.head_begins()
            self.time_head()

        def connection_lost(self, exc: Exception | None) -> None:
            self.head_ends()
            super().connection_lost(exc)

        def head_begins(self) -> None:
            self.in_head, self.head_size, self.unparsed = True, 0, 0

        def time_head(self) -> None:
            """A head that comes in one piece needs no timer."""
            if self.head_timer is None:
                self.head_timer = self.loop.call_later(head_seconds, self.transport.close)

        def head_ends(self) -> None:
            self.in_head = False
            if self.head_timer is not None:
                self.head_timer.cancel()
                self.head_timer = None

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self.in_head:  # still, so all of it was head
                self.count(len(data))
                self.time_head()

        def on_message_begin(self) -> None:
            super().on_message_begin()
            self.head_begins()

        def on_url(self, url: bytes) -> None:
            super().on_url(url)
            self.head_size += len(url)
            self.refuse_large_head()

        def on_header(self, name: bytes, value: bytes) -> None:
            super().on_header(name, value)
            self.head_size += len(name) + len(value) + 4
            self.refuse_large_head()

        def on_headers_complete(self) -> None:
            self.head_ends()
            super().on_headers_complete()

        def on_message_complete(self) -> None:
            super().on_message_complete()
            cast(dict[str, Any], self.scope)[WHOLE] = True

        def refuse_large_head(self) -> None:
            if self.head_size > MAX_HEAD:
                raise ValueError("the head is too large")  # httptools makes it a parser's error

        def count(self, size: int) -> None:
            """For a single header that does not end: the parser tells of it only when it is whole."""
            self.unparsed += size
            if self.unparsed > 2 * MAX_HEAD and not self.transport.is_closing():
                self.head_size = self.unparsed
                self.send_400_response("")

        def send_400_response(self, msg: str) -> None:  # noqa: ARG002  (uvicorn's signature)
            """The same as a problem document; 431 for a head that is too large."""
            large = self.head_size > MAX_HEAD
            detail = f"the head is longer than {MAX_HEAD:,} bytes" if large else "this is no HTTP request"
            refuse(self.transport, "head_too_large" if large else "bad_request", detail)

    return BoundedProtocol


def refuse(transport: asyncio.Transport, code: Code, detail: str) -> None:
    """Answer with a problem, and close."""
    problem = Problem(code, detail)
    body = bytes(problem.response({}).body)
    status = http.HTTPStatus(problem.status)
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-type: {MEDIA_TYPE}\r\ncontent-length: {len(body)}\r\n"
        "connection: close\r\nx-content-type-options: nosniff\r\n\r\n"
    )
    transport.write(head.encode() + body)
    transport.close()

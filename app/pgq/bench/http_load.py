"""A client that costs little: each connection sends the same bytes again as soon as they are answered."""

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Load:
    """What is sent over how many connections, for some seconds or so many times."""

    path: str
    body: bytes
    media_type: str
    connections: int
    seconds: float | None
    requests: int | None

    async def run(self, port: int, token: str) -> float:
        """Requests a second. Raises RuntimeError for any answer but 201."""
        head = (
            f"POST {self.path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n"
            f"Content-Type: {self.media_type}\r\nContent-Length: {len(self.body)}\r\n\r\n"
        )
        request = head.encode() + self.body
        began = time.perf_counter()
        until = None if self.seconds is None else began + self.seconds
        each = None if self.requests is None else self.requests // self.connections
        done = await asyncio.gather(*(one(port, request, until, each) for _ in range(self.connections)))
        return sum(done) / (time.perf_counter() - began)


def single_load(
    path: str, task: Any, connections: int, *, seconds: float | None = None, requests: int | None = None
) -> Load:
    """One task a request."""
    return Load(path, json.dumps(task).encode(), "application/json", connections, seconds, requests)


def batch_load(path: str, tasks: Sequence[Any], connections: int, *, seconds: float) -> Load:
    """Many tasks a request, a line each."""
    lines = "\n".join(json.dumps(task) for task in tasks).encode()
    return Load(path, lines, "application/x-ndjson", connections, seconds, None)


async def one(port: int, request: bytes, until: float | None, each: int | None) -> int:
    """One connection; how many requests it had answered."""
    loop = asyncio.get_running_loop()
    transport, client = await loop.create_connection(lambda: Client(request, until, each), "127.0.0.1", port)
    try:
        return await client.done
    finally:
        transport.close()


class Client(asyncio.Protocol):
    """Knows of HTTP only where an answer ends."""

    def __init__(self, request: bytes, until: float | None, each: int | None) -> None:
        self.request = request
        self.until = until
        self.each = each
        self.count = 0
        self.buffer = b""
        self.done: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        """Send again when the answer is whole."""
        self.buffer += data
        head = self.buffer.find(b"\r\n\r\n")
        if head < 0:
            return
        at = self.buffer.lower().find(b"content-length: ", 0, head) + 16
        length = int(self.buffer[at : self.buffer.index(b"\r", at)])
        if len(self.buffer) < head + 4 + length:
            return
        if not self.buffer.startswith(b"HTTP/1.1 201"):
            self.fail(self.buffer[:1000].decode(errors="replace"))
            return
        self.buffer = b""
        self.count += 1
        if self.count == self.each or (self.until is not None and time.perf_counter() >= self.until):
            self.done.set_result(self.count)
        else:
            self.transport.write(self.request)

    def connection_lost(self, exc: Exception | None) -> None:
        """The server hung up."""
        self.fail(f"the connection was closed: {exc}")

    def fail(self, why: str) -> None:
        if not self.done.done():
            self.done.set_exception(RuntimeError(why))

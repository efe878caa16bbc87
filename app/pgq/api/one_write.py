"""A connection that writes once for each answer: uvicorn writes the head and the body of each apart."""

import asyncio
from typing import Any


class OneWrite(asyncio.Transport):
    """What is written within one turn of the event loop goes out together, at the turn's end."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self.transport = transport
        self.loop = loop
        self.unsent: list[bytes] = []

    def write(self, data: Any) -> None:
        """Send soon."""
        if not self.unsent:
            self.loop.call_soon(self.flush)
        self.unsent.append(data)

    def flush(self) -> None:
        """Send now."""
        if self.unsent:
            unsent, self.unsent = b"".join(self.unsent), []
            self.transport.write(unsent)

    def close(self) -> None:
        """Send, then close."""
        self.flush()
        self.transport.close()

    def is_closing(self) -> bool:
        return self.transport.is_closing()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self.transport.get_extra_info(name, default)

    def pause_reading(self) -> None:
        self.transport.pause_reading()

    def resume_reading(self) -> None:
        self.transport.resume_reading()

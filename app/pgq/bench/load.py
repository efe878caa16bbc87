"""What is put on a service to measure it."""

from typing import Protocol


class Load(Protocol):
    """Runs in a process of its own."""

    async def run(self, port: int, token: str) -> float:
        """A figure: requests a second, mostly. Raises RuntimeError for an answer that must not come."""

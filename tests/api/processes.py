"""Real `pgq api` processes, and sockets to talk to them byte by byte."""

import os
import re
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2

from tests.until import PATIENCE, until
from tests.workers import PYTHONPATH, ROOT


class ApiProcess:
    """`python -m pgq api` (or `up`) on a free port; what it says goes to a file."""

    def __init__(self, conninfo: str, said: Path, *words: str, command: str = "api", **settings: Any) -> None:
        self.said_path = said
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PGQ_")}
        given = {"database_url": conninfo, "port": 0, **settings}
        with said.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-W", "error", "-m", "pgq", command, *words],
                cwd=ROOT,
                env={
                    **kept,
                    "PYTHONPATH": PYTHONPATH,
                    **{f"PGQ_{name.upper()}": str(value) for name, value in given.items()},
                },
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def said(self) -> str:
        """Its log so far."""
        return self.said_path.read_text(errors="replace")

    @property
    def url(self) -> str:
        """Where it serves; waits until it does."""

        def found() -> re.Match[str] | None:
            address = re.search(r"serves (https?:\S+)", self.said())
            assert address or self.process.poll() is None, self.said()
            return address

        match = until(found, lambda: f"an address; it said:\n{self.said()}")
        assert match
        return match[1]

    @property
    def port(self) -> int:
        return httpx2.URL(self.url).port or 0

    def get(self, path: str, **options: Any) -> httpx2.Response:
        """One request on a connection of its own."""
        return httpx2.get(self.url + path, timeout=PATIENCE, **options)

    def connect(self) -> socket.socket:
        """A bare connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Tell it to stop; its exit code."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)


@contextmanager
def api_process(
    conninfo: str, folder: Path, *words: str, command: str = "api", **settings: Any
) -> Iterator[ApiProcess]:
    """A process that is ended with the block, whatever happens."""
    process = ApiProcess(
        conninfo, folder / f"api-{len(list(folder.iterdir()))}.log", *words, command=command, **settings
    )
    try:
        yield process
    finally:
        if process.process.poll() is None:
            process.process.terminate()
            try:
                process.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.process.kill()
                process.process.wait()


def all_of(connection: socket.socket | ssl.SSLSocket) -> bytes:
    """What comes until the other side closes."""
    received = b""
    while True:
        try:
            chunk = connection.recv(65_536)
        except ConnectionResetError:
            return received
        if not chunk:
            return received
        received += chunk

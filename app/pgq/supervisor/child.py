"""A process, as its supervisor sees it."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import time
from typing import Self

from pgq.supervisor.job import Job
from pgq.supervisor.link import READY, VARIABLE

LAST_WORDS = 1.0
"""Seconds after a process's end in which what it said must have come through."""


class Child:
    """One process. It leads a process group of its own, so that Ctrl-C reaches it through the supervisor only."""

    def __init__(self, process: asyncio.subprocess.Process, link: socket.socket) -> None:
        self.process = process
        self.link = link
        self.was_ready = False
        self.started_at = time.monotonic()
        self.first_word = asyncio.ensure_future(asyncio.get_running_loop().sock_recv(link, 1))

    @classmethod
    async def start(cls, job: Job) -> Self:
        """A process that does a job and is told who supervises it. Raises OSError."""
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                process = await asyncio.create_subprocess_exec(
                    *job.command, pass_fds=[theirs.fileno(), *job.files], stdin=subprocess.DEVNULL, process_group=0,
                    env={**os.environ, **job.environment, VARIABLE: str(theirs.fileno())},
                )  # fmt: skip
            except BaseException:
                ours.close()
                raise
        ours.setblocking(False)
        return cls(process, ours)

    async def begun(self) -> bool:
        """Whether it has begun to work; waits until that is known."""
        with contextlib.suppress(OSError):
            return await asyncio.shield(self.first_word) == READY
        return False

    async def ended(self) -> int:
        """Its exit code, negative for a signal; afterwards `was_ready` is known."""
        code = await self.process.wait()
        await asyncio.wait([self.first_word], timeout=LAST_WORDS)
        self.was_ready = self.first_word.done() and await self.begun()
        self.first_word.cancel()
        await asyncio.wait([self.first_word])
        self.link.close()
        return code

    def send(self, number: signal.Signals) -> None:
        """Signal the process; one that has ended hears nothing."""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)

    @property
    def age(self) -> float:
        """Seconds that it has lived."""
        return time.monotonic() - self.started_at


def how(code: int) -> str:
    """How a process ended, from its exit code."""
    if code >= 0:
        return f"exit code {code}"
    known = -code in set(signal.Signals)
    return f"signal {-code} ({signal.Signals(-code).name})" if known else f"signal {-code}"

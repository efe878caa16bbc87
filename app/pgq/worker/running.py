"""An attempt while it runs."""

import asyncio
import enum
import threading
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from pgq.values.task import Claimed


class Interrupt(enum.Enum):
    """Why an attempt is stopped from outside."""

    CANCEL = "its cancellation was asked for"
    LOST = "its lease is lost"
    STOP = "the worker stops"


@dataclass(slots=True, eq=False)
class Running:
    """A claimed task, what runs it, and whether it was told to stop."""

    task: Claimed
    cancelled: threading.Event = field(default_factory=threading.Event)
    interrupt: Interrupt | None = None
    attempt: "asyncio.Task[None] | None" = None
    """The coroutine of the attempt; None until it has begun, because a coroutine cancelled before that never begins."""
    thread: "Future[Any] | None" = None
    """The thread of a plain function."""

    def told(self) -> Interrupt | None:
        """Why the attempt is to stop, as of now."""
        return self.interrupt

    def stop(self, why: Interrupt) -> None:
        """Tell the handler to stop. The first reason counts, but a lost lease outdoes the others.

        A thread cannot be stopped, only told: waiting for one whose cancellation was asked for goes on.
        """
        if self.interrupt is why or (self.interrupt is not None and why is not Interrupt.LOST):
            return
        self.interrupt = why
        self.cancelled.set()
        if self.attempt is not None and not (self.thread is not None and why is Interrupt.CANCEL):
            self.attempt.cancel()

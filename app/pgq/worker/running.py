"""An attempt while it runs."""

import asyncio
import enum
import time
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pgq.values.report import Report
from pgq.values.task import Claimed

if TYPE_CHECKING:
    from pgq.worker.parents import Given


class Interrupt(enum.Enum):
    """Why an attempt is stopped from outside."""

    CANCEL = "its cancellation was asked for"
    LOST = "its lease is lost"
    STOP = "the worker stops"
    TIMEOUT = "its time is over"


class Flag:
    """Goes up once; a worker makes thousands a second, and nobody waits for one: no threading.Event."""

    __slots__ = ("up",)

    def __init__(self) -> None:
        self.up = False

    def set(self) -> None:
        self.up = True

    def is_set(self) -> bool:
        return self.up


@dataclass(slots=True, eq=False)
class Running:
    """A claimed task, what runs it, and whether it was told to stop."""

    task: Claimed
    cancelled: Flag = field(default_factory=Flag)
    interrupt: Interrupt | None = None
    attempt: "asyncio.Task[None] | None" = None
    """The coroutine of the attempt; None until it has begun, because a coroutine cancelled before that never begins."""
    thread: "Future[Any] | None" = None
    """The thread of a plain function."""
    report: Report | None = None
    """What its handler says while it runs; None where nobody keeps it."""
    parents: "asyncio.Future[Given] | None" = None
    """What its parents have given, before its handler begins; None where it has none, or its handler does not ask."""
    given_up: bool = False
    """Its outcome was written without it; whatever it still says comes too late."""
    claimed_at: float = field(init=False)
    due_at: float = field(init=False)
    """When it has to be over, by the monotonic clock: at its timeout, or when its lease was lost."""

    def __post_init__(self) -> None:
        self.claimed_at = time.monotonic()
        self.due_at = self.claimed_at + self.task.timeout_seconds

    def told(self) -> Interrupt | None:
        """Why the attempt is to stop, as of now."""
        return self.interrupt

    def stop(self, why: Interrupt) -> None:
        """Tell the handler to stop. The first reason counts, but a lost lease outdoes the others.

        A thread cannot be stopped, only told: waiting for one whose cancellation was asked for goes on until the
        worker stops.
        """
        if self.interrupt is why:
            return
        if self.interrupt is None or why is Interrupt.LOST:
            self.interrupt = why
        elif why is Interrupt.CANCEL:
            return
        if why is Interrupt.LOST:
            self.due_at = min(self.due_at, time.monotonic())
        self.cancelled.set()
        if self.attempt is not None and not (self.thread is not None and why is Interrupt.CANCEL):
            self.attempt.cancel()

"""What a handler sees of its own attempt."""

import logging
from typing import Any, Protocol

from pgq.values.task import Claimed

log = logging.getLogger("pgq.task")


class Flag(Protocol):
    """Whether an attempt should end; threading.Event is one."""

    def is_set(self) -> bool: ...


class Context:
    """The first parameter of a handler that asks for it: `def send_email(ctx: pgq.Context, to: str)`.

    task: the task as it was claimed (id, kind, queue, priority, run_at, tags, …).
    log: a logger whose records carry `task_id`, `kind`, `queue` and `attempt`.
    """

    def __init__(self, task: Claimed, cancelled: Flag) -> None:
        self.task = task
        self.log: logging.LoggerAdapter[Any] = logging.LoggerAdapter(
            log, {"task_id": str(task.id), "kind": task.kind, "queue": task.queue, "attempt": task.attempt}
        )
        self._cancelled = cancelled

    @property
    def attempt(self) -> int:
        """The number of this attempt, from 1."""
        return self.task.attempt

    @property
    def cancelled(self) -> bool:
        """Whether this attempt should end: the task was cancelled, its lease is lost, or the worker stops.

        Async handlers are cancelled by themselves; a plain function looks here now and then. What it says then still
        counts: one that returns has succeeded; `raise pgq.Cancel()` says that it stopped short.
        """
        return self._cancelled.is_set()

"""What a handler sees of its own attempt."""

import logging
from collections.abc import Sequence
from datetime import datetime
from functools import cached_property
from typing import Any, Protocol
from uuid import UUID

from pgq.values.json_text import Unstorable, from_text
from pgq.values.parents import Parent, Parents
from pgq.values.report import Report, current, fraction
from pgq.values.task import Claimed

log = logging.getLogger("pgq.task")


class Flag(Protocol):
    """Whether an attempt should end; threading.Event is one."""

    def is_set(self) -> bool: ...


class TaskLog(logging.LoggerAdapter[logging.Logger]):
    """A logger of one attempt: what it logs is kept with the task, also from threads that the handler started."""

    def __init__(self, task: Claimed, report: Report | None) -> None:
        super().__init__(
            log, {"task_id": str(task.id), "kind": task.kind, "queue": task.queue, "attempt": task.attempt}
        )
        self.report = report

    def log(self, level: int, msg: object, *args: object, **kwargs: Any) -> None:
        """Log as the attempt that this belongs to."""
        kwargs["stacklevel"] = kwargs.get("stacklevel", 1) + 1  # the caller, not this file
        token = current.set(self.report or current.get())
        try:
            super().log(level, msg, *args, **kwargs)
        finally:
            current.reset(token)


class Context:
    """The first parameter of a handler that asks for it: `def send_email(ctx: pgq.Context, to: str)`.

    task: the task as it was claimed (id, kind, queue, priority, run_at, tags, …).
    log: a logger whose records are kept with the task and carry `task_id`, `kind`, `queue` and `attempt`.
    """

    def __init__(
        self, task: Claimed, cancelled: Flag, report: Report | None = None, parents: Sequence[Parent] = ()
    ) -> None:
        self.task = task
        self.log = TaskLog(task, report)
        self._cancelled = cancelled
        self._report = report
        self._parents = parents

    @property
    def attempt(self) -> int:
        """The number of this attempt, from 1."""
        return self.task.attempt

    @property
    def scheduled_for(self) -> datetime | None:
        """The tick that this task was made for, also when it is tried again later; run by hand: that moment.

        None for a task that no schedule has made.
        """
        return moment_in(self.task.headers)

    @property
    def cancelled(self) -> bool:
        """Whether this attempt should end: the task was cancelled, its lease is lost, or the worker stops.

        Async handlers are cancelled by themselves; a plain function looks here now and then. What it says then still
        counts: one that returns has succeeded; `raise pgq.Cancel()` says that it stopped short.
        """
        return self._cancelled.is_set()

    @cached_property
    def workflow_id(self) -> UUID | None:
        """The workflow that the task belongs to; `app.workflow_run(ctx.workflow_id)` adds tasks to it."""
        found = from_text(self.task.headers).get("workflow_id")
        return None if found is None else UUID(found)

    @cached_property
    def parents(self) -> Parents:
        """The results of the tasks in `depends_on`, in that order; empty for a task without parents.

        By the parent's name in the workflow, else by its id: `ctx.parents[handle.id]`, `sum(ctx.parents.values())`.
        None stands for a parent that has no result (`on_parent_failure="run"`) or is forgotten.
        """
        return Parents(self._parents)

    def progress(self, value: float, message: str = "") -> None:
        """Say how far this attempt is: `value` from 0 to 1, and what it is doing, in up to 1,000 characters.

        Returns at once, and may be called as often as one likes: the newest is kept about once a second, and shown by
        `pgq status` and `handle.status().progress`. Raises ValueError for any other value.
        """
        if self._report is None:
            fraction(value)
        else:
            self._report.progress(value, message)


def moment_in(headers: str) -> datetime | None:
    """What a schedule has written there. Any submitter may write something else."""
    if "scheduled_for" not in headers:
        return None
    try:
        moment = datetime.fromisoformat(from_text(headers)["scheduled_for"])
    except (Unstorable, KeyError, TypeError, ValueError):
        return None
    return moment if moment.tzinfo else None

"""The operations on a task that was submitted: look, wait, cancel, run again."""

import time
from uuid import UUID

from pgq.client.steps import Pause, Plan, Statement
from pgq.values.errors import TaskNotFound
from pgq.values.task import COLUMNS, TaskStatus

FIRST_PAUSE = 0.01
LONGEST_PAUSE = 0.5
"""Seconds between two looks at a task that is waited for."""


def look(task_id: UUID) -> Plan[TaskStatus]:
    """The task as it is now. Raises TaskNotFound."""
    rows = yield Statement("task_status", {"id": task_id})
    if not rows:
        raise TaskNotFound(task_id)
    return TaskStatus.of_row(dict(zip(COLUMNS, rows[0], strict=True)))


def wait(task_id: UUID, timeout: float | None) -> Plan[TaskStatus]:
    """The task once it has ended. Raises TaskNotFound, and TimeoutError after `timeout` seconds (None: never)."""
    patience = None if timeout is None else time.monotonic() + timeout
    pause = FIRST_PAUSE
    while True:
        status = yield from look(task_id)
        if status.ended:
            return status
        if patience is not None:
            left = patience - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"task {task_id} is still {status.state} after {timeout:g} seconds")
            pause = min(pause, left)
        yield Pause(pause)
        pause = min(pause * 1.5, LONGEST_PAUSE)


def cancel(task_id: UUID) -> Plan[str]:
    """`cancelled`, or `requested` when it runs. Raises TaskNotFound, or WrongState when it has ended."""
    ((answer,),) = yield Statement("cancel", {"id": task_id})
    return str(answer)


def retry(task_id: UUID) -> Plan[UUID]:
    """The id of the task that runs: the same, or a new one. Raises TaskNotFound, or WrongState when it runs now."""
    ((answer,),) = yield Statement("retry", {"id": task_id})
    return UUID(str(answer))

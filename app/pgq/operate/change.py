"""Change a task that waits: its priority, its time, its queue."""

from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import tuple_row

from pgq.db.errors import our_errors
from pgq.db.sql import sql
from pgq.values import fields
from pgq.values.errors import InvalidTask, WrongState

WHY = "only a task that has neither begun nor ended can be changed"


def change(
    connection: Connection[Any],
    task_id: UUID,
    *,
    priority: int | str | None = None,
    run_at: datetime | None = None,
    queue: str | None = None,
) -> None:
    """Change what is given of a live task that is not running; a time that has passed means now.

    Its idempotency key stays known in the queue that it was submitted to: there the same request may come again. Raises
    TaskNotFound, WrongState, or InvalidTask.
    """
    if priority is None and run_at is None and queue is None:
        raise InvalidTask("task", "give at least one of priority, run_at and queue")
    with our_errors(), connection.transaction(), connection.cursor(row_factory=tuple_row) as cursor:
        row = cursor.execute(sql("lock_task"), {"id": task_id}).fetchone()
        if row is None:
            cursor.execute(sql("refuse_ended"), {"id": task_id, "why": WHY})
            raise AssertionError
        state, was_in, had, was_due, expires_at = row
        if state == "running":
            raise WrongState(task_id, state, WHY)
        due = was_due if run_at is None else fields.moment(run_at, "run_at")
        if expires_at is not None and run_at is not None and due >= expires_at:
            raise InvalidTask("run_at", "must be earlier than the task's expires_at, or it could never start")
        given = {
            "id": task_id,
            "priority": had if priority is None else fields.priority(priority),
            "queue": was_in if queue is None else fields.name(queue, "queue"),
            "run_at": due,
        }
        (ready,) = cursor.execute(sql("change_task"), given).fetchone() or (False,)
        if ready:
            cursor.execute(sql("notify_ready"), {"queue": given["queue"]})

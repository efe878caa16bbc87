"""Verbs on one task."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import scalar_row

from pgq.db.errors import our_errors
from pgq.db.sql import sql
from pgq.values.errors import InvalidTask
from pgq.values.json_text import Unstorable, to_text


def cancel(connection: Connection[Any], task_id: UUID) -> str:
    """Cancel a task: `cancelled`, or `requested` when it runs and its handler was told.

    Raises TaskNotFound, or WrongState when it has ended.
    """
    return str(answer(connection, "cancel", task_id))


def retry(connection: Connection[Any], task_id: UUID) -> UUID:
    """Run a task again; the id of the one that runs.

    A dead one is redriven, a scheduled or retrying one runs now, one that has ended otherwise gives a new task. Raises
    TaskNotFound, or WrongState when it runs.
    """
    return UUID(str(answer(connection, "retry", task_id)))


def redrive(connection: Connection[Any], task_id: UUID, payload: Mapping[str, Any] | None = None) -> UUID:
    """Bring a dead letter back, due now, with all its attempts again, and with a new payload if one is given.

    Raises TaskNotFound, WrongState, QueueFull, or InvalidTask for a payload that no submit would take.
    """
    if payload is None:
        return UUID(str(answer(connection, "redrive", task_id)))
    if not isinstance(payload, Mapping):
        raise InvalidTask("payload", f"must be an object, not {type(payload).__name__}")
    try:
        text = to_text(dict(payload), "it")
    except Unstorable as error:
        raise InvalidTask("payload", str(error)) from None
    with our_errors(), connection.transaction():
        connection.execute(sql("replace_dead_payload"), {"id": task_id, "payload": text})
        return redrive(connection, task_id)


def purge(connection: Connection[Any], task_id: UUID) -> None:
    """Forget a dead letter for good. Raises TaskNotFound or WrongState."""
    with our_errors(), connection.cursor() as cursor:
        if cursor.execute(sql("purge"), {"ids": [task_id]}).rowcount == 0:
            cursor.execute(sql("refuse_purge"), {"id": task_id})


def answer(connection: Connection[Any], verb: str, task_id: UUID) -> Any:
    with our_errors(), connection.cursor(row_factory=scalar_row) as cursor:
        return cursor.execute(sql(verb), {"id": task_id}).fetchone()

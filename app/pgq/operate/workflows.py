"""Verbs on a workflow."""

from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import scalar_row

from pgq.db.errors import our_errors
from pgq.db.sql import sql


def cancel_workflow(connection: Connection[Any], workflow_id: UUID) -> int:
    """Cancel all its tasks that have not ended, running ones are told; how many that were.

    What another session is at just now is cancelled a moment later, by a duty. Raises WorkflowNotFound, or WrongState
    when it does not run.
    """
    return asked(connection, "workflows/cancel", workflow_id)


def retry_workflow(connection: Connection[Any], workflow_id: UUID) -> int:
    """Run again what has not succeeded, under the same ids; how many tasks came back.

    Raises WorkflowNotFound, QueueFull, or WrongState: nothing has failed, or its tasks are still being cancelled.
    """
    return asked(connection, "workflows/retry", workflow_id)


def asked(connection: Connection[Any], statement: str, workflow_id: UUID) -> int:
    with our_errors(), connection.cursor(row_factory=scalar_row) as cursor:
        return int(cursor.execute(sql(statement), {"id": workflow_id}).fetchone() or 0)

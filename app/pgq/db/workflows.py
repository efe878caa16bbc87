"""The statements that look at workflows."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row, scalar_row, tuple_row

from pgq.db.sql import sql
from pgq.values.workflow import WorkflowStatus, WorkflowTask, named_tasks


def status(connection: Connection[Any], workflow_id: UUID) -> WorkflowStatus | None:
    """A workflow as it is now."""
    with connection.cursor(row_factory=class_row(WorkflowStatus)) as cursor:
        return cursor.execute(sql("workflows/status"), {"id": workflow_id}).fetchone()


def list_workflows(
    connection: Connection[Any],
    *,
    states: Sequence[str] = (),
    names: Sequence[str] = (),
    visible: Sequence[str] | None = None,
    before: UUID | None = None,
    limit: int,
) -> list[WorkflowStatus]:
    """The newest workflows (at most `limit`) with an id below `before`; `visible` are LIKE patterns of their queues."""
    given = {
        "states": list(states) or None,
        "names": list(names) or None,
        "visible": None if visible is None else list(visible),
        "before": before,
        "limit": limit,
    }
    with connection.cursor(row_factory=class_row(WorkflowStatus)) as cursor:
        return cursor.execute(sql("workflows/list"), given).fetchall()


def workflow_tasks(connection: Connection[Any], workflow_id: UUID) -> list[WorkflowTask]:
    """The tasks of a workflow, parents first."""
    with connection.cursor(row_factory=tuple_row) as cursor:
        names = cursor.execute(sql("workflows/names"), {"id": workflow_id}).fetchall()
        rows = cursor.execute(sql("workflows/tasks"), {"id": workflow_id}).fetchall()
    return named_tasks([(id, name) for id, name in names], rows)


def workflow_queues(connection: Connection[Any], workflow_id: UUID) -> list[str] | None:
    """The queues that a workflow's tasks were submitted or moved to; None when there is no such workflow."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        queues: list[str] | None = cursor.execute(sql("workflows/queues"), {"id": workflow_id}).fetchone()
    return queues
